"""A round: new practices, clients, and faults; then recovery, and all checks."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Self

import psycopg

from attune_local.servers import free_port
from attune_local.stack import Process
from common.messaging import dead_letters
from common.messaging.nats import STREAM, Bus
from tests.faults import FaultyStack, Proxy, Victim
from tests.integration.chaos import clinics, plan, quiet
from tests.integration.chaos.clients import STRAYS, Client, Log
from tests.integration.chaos.plan import Fault
from tests.integration.chaos.promises import Promises

_QUIET = 90.0  # seconds until everything that was begun must have been finished
_AHEAD = 600.0  # seconds that the clock is put on for holds to lapse and what failed to be retried
_TICK = 0.02


@dataclass
class Figures:
    """Counts of what happened, and the violations."""

    seconds: float = 0
    faults: Counter[str] = field(default_factory=Counter)
    # By what was wanted, and how the last answer was.
    requests: Counter[str] = field(default_factory=Counter)
    asked_again: int = 0
    searches: int = 0
    bookings: Counter[str] = field(default_factory=Counter)  # by status
    events: int = 0
    longest_without_a_write: float = 0
    longest_until_quiet: float = 0
    violations: list[str] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Add the figures of another round."""
        self.seconds += other.seconds
        self.faults += other.faults
        self.requests += other.requests
        self.asked_again += other.asked_again
        self.searches += other.searches
        self.bookings += other.bookings
        self.events += other.events
        self.longest_without_a_write = max(
            self.longest_without_a_write, other.longest_without_a_write
        )
        self.longest_until_quiet = max(self.longest_until_quiet, other.longest_until_quiet)
        self.violations += other.violations

    def __str__(self) -> str:
        def listed(counts: Counter[str]) -> str:
            return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))

        return f"""\
{self.seconds:.0f} seconds of faults: {self.faults.total()} ({listed(self.faults)})
requests: {self.requests.total()} ({listed(self.requests)})
asked again under the same key: {self.asked_again}; searches: {self.searches}
bookings: {self.bookings.total()} ({listed(self.bookings)}); events: {self.events}
longest without any write: {self.longest_without_a_write:.1f} s
longest until quiet: {self.longest_until_quiet:.1f} s
violations: {len(self.violations)}"""


class Chaos:
    """A stack on which rounds run."""

    def __init__(self, folder: Path, say: Callable[[str], None] = print) -> None:
        self._say = say
        self._clock = folder / "clock"
        self._shift = 0.0
        self._stack = FaultyStack(
            folder,
            free_port(),
            extra={"CLOCK_FILE": str(self._clock), "LIMIT_PUBLIC_WRITES": "1000000/minute"},
            replicas=plan.REPLICAS,
        )
        self._read: dict[Path, int] = {}

    def __enter__(self) -> Self:
        try:
            self._stack.start()
            with psycopg.connect(f"{self._stack.direct_postgres_url}/postgres") as server:
                server.execute("CHECKPOINT")  # recovery then does not make all databases again
            self._bus = Bus(self._stack.direct_nats_url, "chaos")
            self._bus.start()
            assert self._bus.wait(60)
        except BaseException:
            self._stack.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._bus.close()
        self._stack.stop()

    def round(self, seed: str, seconds: float, clients: int) -> Figures:
        """Run clients and faults for so many seconds, then recover and check."""
        faults = plan.faults(seed, seconds)
        self._say(f"seed {seed}, {seconds:.0f} seconds, {clients} clients:")
        self._say("\n".join(map(str, faults)))
        practices, log, stop = clinics.make(self._stack, self._shift), Log(), threading.Event()
        before = self._events()
        people = [Client(n, seed, practices, log, stop) for n in range(clients)]
        began = time.monotonic()
        for person in people:
            person.start()
        self._disturb(faults, began, seconds, log)
        figures = Figures(seconds=time.monotonic() - began)
        stop.set()
        self._everything_is_ready()
        for person in people:
            person.restored.set()
        for person in people:
            person.join()
        restored = time.monotonic()
        time.sleep(STRAYS.total_seconds())
        self._put_the_clock_on()
        left = quiet.wait(self._stack, self._bus, self._shift, _QUIET)
        figures.longest_until_quiet = time.monotonic() - restored
        log.violations += [f"not quiet: {each}" for each in left]
        promises = Promises(self._stack, practices, log, self._shift - _AHEAD)
        log.violations += promises.broken()
        log.violations += self._dead_letters()
        log.violations += self._unexpected_in_the_logs()
        figures.faults.update(fault.kind for fault in faults)
        figures.events = self._events() - before
        figures.bookings.update(row["status"] for row in promises.bookings.values())
        _count(log, figures)
        figures.violations = [f"seed {seed}: {text}" for text in log.violations]
        return figures

    # Faults

    def _disturb(self, faults: list[Fault], began: float, seconds: float, log: Log) -> None:
        """Begin and end the planned faults.

        This runs in the caller's thread, because a process ends together with the thread that
        started it.
        """
        undo: list[tuple[float, str, Callable[[], object]]] = []
        coming = [*faults]
        while coming or undo or time.monotonic() - began < seconds:
            now = time.monotonic() - began
            if coming and coming[0].at <= now:
                fault = coming.pop(0)
                undo.append((now + fault.lasts, fault.victim, self._do(fault)))
            for entry in [entry for entry in undo if entry[0] <= now]:
                entry[2]()
                undo.remove(entry)
            self._find_the_dead({victim for _, victim, _ in undo}, log)
            time.sleep(_TICK)

    def _do(self, fault: Fault) -> Callable[[], object]:
        """Begin a fault, and return the function that ends it."""
        if fault.kind in (plan.CUT, plan.FREEZE):
            proxy = self._wire(fault.victim)
            if fault.kind == plan.FREEZE:
                proxy.freeze()
                return proxy.thaw
            proxy.cut()
            return lambda: None
        victim = self._victim(fault.victim)
        if fault.kind == plan.PAUSE:
            self._stack.pause(victim)
            return lambda: self._stack.resume(victim)
        self._stack.kill(victim)
        return lambda: self._stack.bring_back(victim)

    def _victim(self, name: str) -> Victim:
        servers = {plan.POSTGRES: self._stack.postgres, plan.NATS: self._stack.nats}
        if server := servers.get(name):
            return server
        service, _, number = name.partition("/")
        return self._stack.of(service)[int(number or 0)]

    def _wire(self, name: str) -> Proxy:
        servers = {plan.POSTGRES: self._stack.postgres_proxy, plan.NATS: self._stack.nats_proxy}
        if name in servers:
            return servers[name]
        service, _, number = name.partition("/")
        return self._stack.proxies[service][int(number)]

    def _find_the_dead(self, expected: set[str], log: Log) -> None:
        for process in self._stack.processes:
            if process.handle.poll() is not None and self._name(process) not in expected:
                log.violation(f"{self._name(process)} ended by itself: {process.handle.returncode}")
                self._stack.bring_back(process)

    def _name(self, process: Process) -> str:
        if process.name not in self._stack.ports:
            return process.name
        return f"{process.name}/{self._stack.ports[process.name].index(process.port)}"

    # Afterwards

    def _everything_is_ready(self) -> None:
        for process in [*self._stack.processes]:
            self._stack.await_ready(process)

    def _put_the_clock_on(self) -> None:
        self._shift += _AHEAD
        self._clock.write_text(str(self._shift))

    def _events(self) -> int:
        info = self._bus.run(self._bus.jetstream.stream_info(STREAM))
        return int(info.state.last_seq)

    def _dead_letters(self) -> Iterator[str]:
        for letter in dead_letters.oldest(self._bus):
            what = f"{letter.subject} {letter.event_id} {letter.error}"
            yield f"a dead letter of {letter.service}: {what}"
            dead_letters.forget(self._bus, letter)

    def _unexpected_in_the_logs(self) -> Iterator[str]:
        """Yield errors, and log lines that Attune did not write."""
        for path in sorted((self._stack.folder / "logs").iterdir()):
            with path.open(errors="replace") as lines:
                lines.seek(self._read.get(path, 0))
                for line in lines:
                    if _is_unexpected(line):
                        yield f"log of {path.stem}: {line.strip()[:3000]}"
                self._read[path] = lines.tell()


def _is_unexpected(line: str) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        # gRPC's own lines begin with a letter for their level and the date.
        return bool(line.strip()) and not re.match(r"I\d{4} ", line)
    return entry["level"] in ("ERROR", "CRITICAL") or "exception" in entry


def _count(log: Log, figures: Figures) -> None:
    for write in log.writes:
        last = write.answers[-1] if write.answers else None
        outcome = "done" if write.done else "unanswered"
        if last and not write.done and last.refused:
            outcome = f"refused {last.body.get('reason')}"
        figures.requests[f"{write.kind} {outcome}"] += 1
        figures.asked_again += max(len(write.answers) - 1, 0)
    figures.searches = log.searches
    done = sorted(log.done_at)
    gaps = [later - earlier for earlier, later in pairwise(done)]
    figures.longest_without_a_write = max(gaps, default=0)
