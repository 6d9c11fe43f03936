"""One seeded round of chaos: the guarantees hold whatever is killed, paused, or cut off."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.chaos import plan
from tests.integration.chaos.rounds import Chaos

SEED, SECONDS, CLIENTS = "9", 18.0, 6  # kills all but rooms and calendar feeds


@pytest.fixture
def chaos() -> Iterator[Chaos]:
    """A stack of its own whose parts may fail."""
    with tempfile.TemporaryDirectory(prefix="attune-chaos-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL's unprivileged user must pass
        with Chaos(Path(folder)) as started:
            yield started


@pytest.mark.req("BK-2", "BK-3", "BK-4", "PF-2", "PF-6", "NT-3", "RM-1", "BL-3", "SL-8", "PF-13")
def test_nothing_is_lost_doubled_or_left_half_done(chaos: Chaos) -> None:
    """The plan is printed first; `python -m tests.integration.chaos --seed …` repeats the round."""
    figures = chaos.round(SEED, SECONDS, CLIENTS)
    print(figures)
    assert figures.violations == []
    assert set(figures.faults) == set(plan.KINDS)
    assert figures.bookings["confirmed"]


def test_a_seed_says_what_will_happen() -> None:
    assert plan.faults("7", 60) == plan.faults("7", 60)
    assert plan.faults("7", 60) != plan.faults("8", 60)
    first = [plan.wishes("7", client) for client in (0, 0, 1)]
    one, same, other = ([next(wishes) for _ in range(20)] for wishes in first)
    assert one == same
    assert one != other


def test_every_fault_comes_before_one_comes_again() -> None:
    drawn = [(fault.kind, fault.victim) for fault in plan.faults("1", 600)]
    whole = len(set(drawn))
    assert len(drawn) > 2 * whole
    assert len(set(drawn[:whole])) == whole
    assert {"postgres", "nats", "gateway", "booking/0", "booking/1"} <= {
        victim for kind, victim in drawn if kind == plan.KILL
    }
