"""Bulkheads: limits on concurrent calls, their queue, and silent dependencies."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from attune_testing.waiting import steady, until
from common.errors import Unavailable
from common.resilience import bulkhead
from common.resilience.bulkhead import Bulkhead

pytestmark = pytest.mark.req("PF-13")


@contextmanager
def inside(limit: Bulkhead, count: int) -> Iterator[threading.Event]:
    """Hold `count` permits until the event is set or the block ends."""
    leave, there = threading.Event(), threading.Semaphore(0)

    def stay() -> None:
        with limit.permit():
            there.release()
            leave.wait(60)

    with ThreadPoolExecutor(count) as threads:
        for _ in range(count):
            threads.submit(stay)
        for _ in range(count):
            assert there.acquire(timeout=60)
        yield leave
        leave.set()


def seconds_to_enter(limit: Bulkhead) -> tuple[bool, float]:
    began = steady()
    try:
        with limit.permit():
            return True, steady() - began
    except Unavailable:
        return False, steady() - began


def test_no_more_are_inside_than_may_be_and_the_others_follow_in_turn() -> None:
    limit, lock = Bulkhead(3, max_wait=60), threading.Lock()
    now, most, entered = 0, 0, 0

    def work(_: int) -> None:
        nonlocal now, most, entered
        with limit.permit():
            with lock:
                now += 1
                entered += 1
                most = max(most, now)
            time.sleep(0.005)
            with lock:
                now -= 1

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(work, range(60)))
    assert (most, entered) == (3, 60)


def test_whoever_waited_in_vain_waits_for_the_others_too() -> None:
    limit = Bulkhead(2, max_wait=0.3)
    with inside(limit, 2) as leave:
        began = time.monotonic()
        assert not seconds_to_enter(limit)[0]
        assert time.monotonic() - began >= 0.3
        entered = [seconds_to_enter(limit) for _ in range(20)]
        assert [into for into, _ in entered] == [False] * 20
        assert sum(seconds for _, seconds in entered) < 20 * 0.3 / 2, "nobody waits"
        leave.set()
    assert seconds_to_enter(limit)[0]


def test_the_queue_is_bounded() -> None:
    limit = Bulkhead(1, queue=2, max_wait=10)
    with inside(limit, 1) as leave, ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(seconds_to_enter, limit) for _ in range(2)]
        until(lambda: len(limit._queue) == 2)
        refused, waited = seconds_to_enter(limit)
        assert (refused, waited < 1) == (False, True)
        leave.set()
        assert [each.result()[0] for each in waiting] == [True, True]


def test_what_is_silent_is_tried_by_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkhead, "_TRY", 0.3)
    limit = Bulkhead(10)
    limit.silent(time.monotonic())
    assert [seconds_to_enter(limit)[0] for _ in range(10)] == [False] * 10
    time.sleep(0.3)
    assert [seconds_to_enter(limit)[0] for _ in range(10)] == [True, *[False] * 9]
    time.sleep(0.3)
    assert [seconds_to_enter(limit)[0] for _ in range(10)] == [True, *[False] * 9]
    limit.answered()
    assert [seconds_to_enter(limit)[0] for _ in range(10)] == [True] * 10


def test_what_answers_others_is_not_silent() -> None:
    limit, asked = Bulkhead(10), time.monotonic()
    limit.answered()
    limit.silent(asked)
    assert [seconds_to_enter(limit)[0] for _ in range(10)] == [True] * 10
