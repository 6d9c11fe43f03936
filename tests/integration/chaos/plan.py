"""The faults of a run and the writes that clients attempt, drawn from a seed, so that a run can be
repeated."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from common.services import GATEWAY, SERVICES

REPLICAS = {"availability": 2, "booking": 2, "notifications": 2}
POSTGRES, NATS = "postgres", "nats"
KILL, PAUSE, CUT, FREEZE = "kill", "pause", "cut", "freeze"
KINDS = (KILL, PAUSE, CUT, FREEZE)

_PROCESSES = [
    *(f"{name}/{number}" for name in SERVICES for number in range(REPLICAS.get(name, 1))),
    *(GATEWAY, POSTGRES, NATS),
]
_WIRES = [POSTGRES, NATS, *(name for name in _PROCESSES if name.startswith(("avail", "booking")))]
_DECK = [
    *((KILL, name) for name in _PROCESSES),
    *((PAUSE, name) for name in _PROCESSES),
    *((kind, name) for kind in (CUT, FREEZE) for name in _WIRES),
]
_LASTS = {KILL: (0.1, 2.5), PAUSE: (1.0, 4.0), FREEZE: (0.5, 4.0), CUT: (0.0, 0.0)}
_GAP = (0.3, 2.7)
_PEACE = 1.0  # seconds that a victim is left alone after it has been brought back


class Fault(NamedTuple):
    """A fault that begins `at` seconds after the start of the round and ends `lasts` seconds later.

    A victim is `nats`, `postgres`, `gateway`, or a replica such as `booking/1`.
    """

    at: float
    kind: str
    victim: str
    lasts: float

    def __str__(self) -> str:
        lasts = f" for {self.lasts:.1f}" if self.lasts else ""
        return f"{self.at:6.1f}  {self.kind} {self.victim}{lasts}"


def faults(seed: str, seconds: float) -> list[Fault]:
    """Return the faults of a round in their order.

    Each combination of kind and victim occurs once before any occurs again. Several faults of
    different victims can be active at once.
    """
    rng = Random(f"{seed} faults")  # noqa: S311  # to be repeated, not to be secret
    drawn: list[Fault] = []
    free_at: dict[str, float] = {}
    deck: list[tuple[str, str]] = []
    at = rng.uniform(*_GAP)
    while at < seconds:
        if not deck:
            deck = rng.sample(_DECK, len(_DECK))
        kind, victim = next((c for c in deck if free_at.get(c[1], 0) <= at), deck[0])
        deck.remove((kind, victim))
        lasts = rng.uniform(*_LASTS[kind])
        at = max(at, free_at.get(victim, 0))
        drawn.append(Fault(at, kind, victim, lasts))
        free_at[victim] = at + lasts + _PEACE
        at += rng.uniform(*_GAP)
    return drawn


BOOK, HOLD, SEARCH = "book", "hold", "search"
CONFIRM, DECLINE, CANCEL, COMPLETE = "confirm", "decline", "cancel", "complete"
_WISHES = {BOOK: 50, CONFIRM: 12, DECLINE: 3, CANCEL: 12, COMPLETE: 7, HOLD: 7, SEARCH: 9}
_HOT = 0.5


@dataclass(frozen=True)
class Wish:
    """One action that a client will attempt.

    The numbers from 0 to 1 choose among what exists at that time.
    """

    kind: str
    clinic: float
    slot: float
    which: float
    mode: str
    # First hold the slot, then book it.
    held: bool
    # Ask twice at once, with the same key.
    twice: bool
    # Ask again until there is an answer.
    persistent: bool
    # Ask once more when there has been an answer.
    again: bool
    # Seconds until this client gives up waiting for an answer.
    patience: float
    # Seconds until its next wish.
    pause: float


def wishes(seed: str, client: int) -> Iterator[Wish]:
    """Yield the actions of one client, without end.

    Clients choose some of the same slots at about the same time.
    """
    rng = Random(f"{seed} client {client}")  # noqa: S311  # to be repeated, not to be secret
    common = Random(f"{seed} slots")  # noqa: S311  # to be repeated, not to be secret
    while True:
        hot = rng.random() < _HOT
        clinic, slot = common.random(), common.random()
        own_clinic, own_slot = rng.random(), rng.random()
        yield Wish(
            kind=rng.choices([*_WISHES], [*_WISHES.values()])[0],
            clinic=clinic if hot else own_clinic,
            slot=slot if hot else own_slot,
            which=rng.random(),
            mode=rng.choice(("telehealth", "in_person")),
            held=rng.random() < 0.2,
            twice=rng.random() < 0.1,
            persistent=rng.random() < 0.8,
            again=rng.random() < 0.1,
            patience=rng.uniform(0.02, 0.3) if rng.random() < 0.1 else 20.0,
            pause=rng.expovariate(1 / 0.05),
        )
