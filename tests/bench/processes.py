"""CPU time of the processes of an Attune, by kind."""

from collections.abc import Sequence

import psutil

from attune_local.stack import Stack

POSTGRESQL, NATS = "PostgreSQL", "NATS"
Processes = Sequence[tuple[str, psutil.Process]]
"""Processes with their kinds; their children are counted with them."""
Usage = dict[str, float]
"""Seconds of CPU by kind of process."""


def of(kind: str, pid: int) -> Processes:
    """Return the one process."""
    return [(kind, psutil.Process(pid))]


def of_stack(stack: Stack) -> Processes:
    """Return every service, the gateway, PostgreSQL and NATS."""
    assert stack.postgres
    assert stack.nats
    started = [(process.name, process.handle.pid) for process in stack.processes]
    servers = [(POSTGRESQL, stack.postgres.pid), (NATS, stack.nats.pid)]
    return [one for kind, pid in (*started, *servers) for one in of(kind, pid)]


def usage(processes: Processes) -> Usage:
    """Return the CPU time used so far, in user and system mode, by kind."""
    used: Usage = {}
    for kind, process in processes:
        family = (process, *process.children(recursive=True))
        used[kind] = used.get(kind, 0.0) + sum(map(_seconds, family))
    return used


def _seconds(process: psutil.Process) -> float:
    """Return the CPU time of a process and of its children that have ended."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # its parent counts it from now on
        return 0.0
    return times.user + times.system + times.children_user + times.children_system
