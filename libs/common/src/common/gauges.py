"""Gauges of the work that waits in a service (spec PF-12).

Each is read at an export, once a minute by default, with at most one small query.
"""

import threading
from collections.abc import Callable

from common import telemetry
from common.clock import Clock
from common.db.database import Database
from common.jobs import schedule
from common.messaging import consumer, dead_letters, outbox
from common.messaging.nats import Bus
from common.resilience import deadline

_PATIENCE = 2.0  # seconds for one query


def waiting_work(
    service: str, database: Database, bus: Bus, clock: Clock, stopping: threading.Event
) -> None:
    """Send the ages of the oldest event and of the oldest job that wait, and the numbers of events
    and of dead letters, until the process is `stopping`."""

    def gauge(name: str, unit: str, description: str, read: Callable[[], float]) -> None:
        def within() -> float | None:
            if stopping.is_set():
                return None  # the database and the bus are closed, and would connect again
            with deadline.within(_PATIENCE):
                return read()

        telemetry.gauge(name, unit, description, within)

    gauge(
        "attune.outbox.age",
        "s",
        "Time for which the oldest unpublished event has waited",
        lambda: outbox.age(database),
    )
    gauge(
        "attune.jobs.overdue",
        "s",
        "Time since the oldest unfinished job was due",
        lambda: schedule.overdue(database, clock.now()),
    )
    gauge(
        "attune.events.pending",
        "{event}",
        "Published events that this service has yet to handle",
        lambda: consumer.unhandled(bus, service),
    )
    gauge(
        "attune.dead_letters",
        "{event}",
        "Events that this service could not handle",
        lambda: dead_letters.count(bus, service),
    )
