"""The worker that does a service's recurring jobs: retention, drift checks, and its own."""

from datetime import timedelta
from typing import Any

import grpc

from common.clock import Clock
from common.db.database import Database
from common.jobs.jobs import Job, JobContext, Jobs
from common.jobs.worker import Worker
from common.upkeep import checks, projections, retention
from common.upkeep.projections import Projection
from common.upkeep.retention import Purges

RETENTION = "retention"
DRIFT = "drift"
_RETAIN = timedelta(hours=1)
_COMPARE = timedelta(days=1)
_POLL = 5.0  # seconds: nothing here is urgent


class Upkeep:
    """The recurring jobs of a service, in lanes that no other work waits for."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.jobs = Jobs()
        self.poll = _POLL
        self._database = database
        self._clock = clock
        self._worker: Worker | None = None
        checks.export(database)

    def retain(self, purges: Purges, setting: str) -> None:
        """Remove each hour what is older than its period. Raises Misconfigured."""
        rules = purges.rules(setting)

        @self.jobs.every(_RETAIN, RETENTION, lane=RETENTION)
        def retain(job: Job, context: JobContext[Any]) -> None:
            for _ in retention.run(self._database, rules, context.now, between=context.renew):
                context.renew()

    def compare(self, projection: Projection, source: grpc.Channel) -> None:
        """Compare a projection with its source each day."""

        @self.jobs.every(_COMPARE, f"{DRIFT}:{projection.name}", lane=DRIFT)
        def compare(job: Job, context: JobContext[Any]) -> None:
            projections.check(
                projection, self._database, source, context.now, between=context.renew
            )

    def start(self) -> None:
        self._worker = Worker(self._database, self._clock, self.jobs, poll=self.poll)
        self._worker.start()

    def stop(self) -> None:
        """Finish the job that is being done, and stop."""
        if self._worker:
            self._worker.stop()

    def is_well(self) -> bool:
        """Return whether the lanes claim their jobs."""
        return self._worker is None or self._worker.is_well()
