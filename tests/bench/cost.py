"""P11: the CPU time of all processes for one booking, from the request until both emails are
sent, over that of one Flask hello-world request under the same gunicorn."""

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http import HTTPStatus

from attune_local.stack import Stack
from tests.bench import hello, processes
from tests.bench.client import Connection, get
from tests.bench.mails import Mails
from tests.bench.measure import ROUNDS, report
from tests.bench.processes import Processes, Usage
from tests.bench.running import Practice

_PROVIDERS = 10
_BOOKINGS, _HELLOS = 8, 1000  # by each caller in a round
_IDLE = 5.0  # seconds
_SETTLE = 1.0  # seconds in which the work for the last booking ends, such as sealing its audit


@dataclass(frozen=True)
class Callers:
    """Callers of a server, each of whom makes so many calls, one after the other; and the
    processes that work for them."""

    port: int
    call: Callable[[Connection], None]
    calls: int
    processes: Processes

    def cost(self, callers: int, idle: Usage) -> Usage:
        """Return the CPU time of one call with so many in flight. `idle` is what the processes
        use in a second while nobody calls."""
        used, seconds = _used(self.processes, lambda: self.run(callers))
        count = callers * self.calls
        return {kind: (used[kind] - idle[kind] * seconds) / count for kind in used}

    def run(self, callers: int) -> None:
        """Make the calls, and wait until the work that follows from them has ended."""
        with ThreadPoolExecutor(callers) as pool:
            list(pool.map(self._run_one, range(callers)))
        time.sleep(_SETTLE)

    def _run_one(self, _number: int) -> None:
        with closing(Connection(self.port)) as connection:
            for _ in range(self.calls):
                self.call(connection)


def measure(stack: Stack) -> None:
    """Measure P11 with four bookings in flight, then with one."""
    requests = iter(Practice.make(stack, _PROVIDERS).booking_requests())
    with hello.running(stack) as yardstick, Mails(stack) as mails:

        def book(connection: Connection) -> None:
            answer = connection.ask(next(requests))
            assert answer.status == HTTPStatus.CREATED, answer.body
            mails.wait(json.loads(answer.body)["id"])

        def greet(connection: Connection) -> None:
            assert connection.ask(get(hello.PATH)).status == HTTPStatus.OK

        ours = Callers(stack.port, book, _BOOKINGS, processes.of_stack(stack))
        theirs = Callers(
            yardstick.port, greet, _HELLOS, processes.of("hello", yardstick.process.pid)
        )
        ours.run(1)  # connections are made, and everything is warm
        for callers in (4, 1):
            _report(callers, [_round(ours, theirs, callers) for _ in range(ROUNDS)])


def _round(ours: Callers, theirs: Callers, callers: int) -> tuple[Usage, Usage]:
    """Return what one call costs on either side."""
    used, seconds = _used([*ours.processes, *theirs.processes], lambda: time.sleep(_IDLE))
    idle = {kind: used[kind] / seconds for kind in used}
    return ours.cost(callers, idle), theirs.cost(callers, idle)


def _used(measured: Processes, work: Callable[[], None]) -> tuple[Usage, float]:
    """Return the CPU time that processes use during some work, and the seconds it takes."""
    before, began = processes.usage(measured), time.monotonic()
    work()
    after, ended = processes.usage(measured), time.monotonic()
    return {kind: after[kind] - before[kind] for kind in after}, ended - began


def _report(callers: int, rounds: list[tuple[Usage, Usage]]) -> None:
    totals = [(sum(booking.values()), sum(hello.values())) for booking, hello in rounds]
    ratio = statistics.median(a / b for a, b in totals)
    a, b = (statistics.median(side) * 1e3 for side in zip(*totals, strict=True))
    what = f"CPU of a booking against Flask hello-world, {callers} in flight"
    report("P11", what, f"{ratio:.0f} x", f"{a:.0f} ms against {b:.2f} ms")
    kinds = {kind: statistics.median(one[kind] for one, _ in rounds) for kind in rounds[0][0]}
    split = sorted(kinds.items(), key=lambda item: -item[1])
    seen = ", ".join(f"{kind} {seconds * 1e3:.1f}" for kind, seconds in split)
    report("", "  of it, in ms", "", seen)
