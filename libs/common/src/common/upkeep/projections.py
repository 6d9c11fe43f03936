"""Projections: copies of another service's facts, compared with their source and rebuilt (PF-4).

A service describes its projection by the class `Projection`. Rebuilding repairs one item at a time:
it locks the item, asks the source, and replaces the copy in the same transaction. Therefore
readers see the old state or the new one, an event that arrives meanwhile waits and is then judged
by its version as always, and the work can be interrupted, repeated, and done twice at once.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import grpc

from common.db.database import EVERY_PRACTICE, Database
from common.upkeep import checks

log = logging.getLogger(__name__)

_LOGGED = 100  # differences that one check logs one by one


@dataclass(frozen=True)
class Difference:
    """An item of a projection that differs from its source.

    `kind` is `missing` (only the source has it), `extra` (only the projection has it), or
    `different`. `id` is the item's id in the source: a booking, or a resource number.
    """

    kind: str
    practice_id: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind} {self.id} of practice {self.practice_id}"


class Projection(Protocol):
    """One projection of a service, whose source is another service."""

    name: str
    source: str
    """The service to which the channel of both functions leads."""

    def differences(
        self, database: Database, source: grpc.Channel, now: datetime
    ) -> Iterator[Difference | None]:
        """Yield what differs, and None now and then, where the caller may pause.

        A change whose event may still be on its way is no difference.
        """

    def repair(
        self, database: Database, source: grpc.Channel, found: Difference, now: datetime
    ) -> bool:
        """Make one item equal to its source; return False for what a person has to decide."""


@dataclass(frozen=True)
class Report:
    """The outcome of a check or of a rebuild: differences by kind, and how many were repaired."""

    found: Counter[str]
    repaired: int = 0

    @property
    def drift(self) -> int:
        """The number of differences that remain."""
        return self.found.total() - self.repaired


def check(
    projection: Projection,
    database: Database,
    source: grpc.Channel,
    now: datetime,
    tell: Callable[[Difference], None] = lambda _: None,
    between: Callable[[], None] = lambda: None,
    *,
    repair: bool = False,
) -> Report:
    """Compare a projection with its source, and repair it on demand. The result is recorded.

    `tell` is called with each difference, `between` every now and then.
    """
    found, repaired = Counter[str](), 0
    for difference in projection.differences(database, source, now):
        if difference is None:
            between()
            continue
        found[difference.kind] += 1
        tell(difference)
        if found.total() <= _LOGGED:
            about = {"projection": projection.name, "practice": difference.practice_id}
            log.warning("drift: %s %s", difference.kind, difference.id, extra=about)
        repaired += repair and projection.repair(database, source, difference, now)
    report = Report(found, repaired)
    with database.transaction(EVERY_PRACTICE) as session:
        checks.record(session, checks.PROJECTION + projection.name, report.drift, now)
    return report
