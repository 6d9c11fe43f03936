"""Restarts while people book through two gateways: no request fails, and nothing is lost."""

import signal
from datetime import UTC, datetime

import pytest

from attune_testing.waiting import until
from common.messaging.nats import Bus
from tests.integration.chaos import clinics, quiet
from tests.integration.chaos.promises import Promises
from tests.integration.rolling.clients import Load
from tests.integration.rolling.pairs import KINDS, TlsStack

CLIENTS = 4
_BETWEEN = 10  # responses between two restarts
_SHORT = ("gateway", "booking", "availability")  # the others take as long: make soak


def roll(stack: TlsStack, load: Load, kind: str, replica: int) -> None:
    """Restart one replica under load, as a rolling update does.

    A pod that ends goes on serving for some seconds (preStop), in which callers find its successor.
    Here it is waited for.
    """
    load.go_on(_BETWEEN)
    process = stack.replicas_of(kind)[replica]
    callers = stack.callers_of(process)
    told = f"{datetime.now(UTC):%H:%M:%S.%f} {kind} at {process.port} is told to stop"
    process.handle.send_signal(signal.SIGTERM)
    assert process.handle.wait(60) == 0, f"{kind} did not end well"
    ended = f"{datetime.now(UTC):%H:%M:%S.%f} has ended"
    successor = stack.restart(process)
    stack.await_ready(successor)
    until(lambda: callers - stack.callers_of(successor), lambda missing: not missing)
    print(f"{told}, {ended}, {datetime.now(UTC):%H:%M:%S.%f} is ready again")
    load.go_on(_BETWEEN)


def broken(stack: TlsStack, load: Load) -> list[str]:
    """Wait until all work is done; return what contradicts what clients were told."""
    with Bus(stack.nats_url, "tests", authorities=stack.authority.pem) as bus:
        bus.start()
        assert bus.wait(60)
        assert quiet.wait(stack, bus, 0, 60) == []
    return [*Promises(stack, load.clinics, load.log, 0).broken()]


@pytest.mark.req("PF-12", "PF-13", "BK-2", "NT-3")
def test_a_restart_fails_no_request_and_loses_nothing(
    paired: TlsStack,
) -> None:
    load = Load(paired, [clinics.one(paired) for _ in range(2)])
    failed: dict[str, list[str]] = {}
    with load.running(CLIENTS):
        for kind in _SHORT:
            before = len(load.log.violations)
            roll(paired, load, kind, 0)
            if found := load.log.violations[before:]:
                failed[kind] = found
    assert failed == {}
    assert sum(write.done for write in load.log.writes) > len(_SHORT)
    assert broken(paired, load) == []


@pytest.mark.soak
@pytest.mark.req("PF-12", "PF-13", "BK-2", "NT-3")
def test_rolling_restarts_of_everything_fail_no_request_and_lose_nothing(paired: TlsStack) -> None:
    for number in range(3):
        load = Load(paired, [clinics.one(paired) for _ in range(4)])
        with load.running(2 * CLIENTS):
            for kind in KINDS:
                for _ in range(2):
                    roll(paired, load, kind, 0)  # a restarted one is the last of the list
        print(f"round {number}: {load.answers} responses")
        assert load.log.violations == []
        assert broken(paired, load) == []
