"""Deliberate faults for a stack with its own servers: connections that break, stall, or are slow,
and processes that are killed or paused."""

import asyncio
import contextlib
import signal
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import psutil

from attune_local.servers import Nats, Postgres, free_port
from attune_local.stack import Process, Stack
from attune_testing.waiting import until

_CHUNK = 64 * 1024
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST

Victim = Process | Postgres | Nats
Result = TypeVar("Result")


class Proxy:
    """A TCP proxy on a free loopback port in front of a server. Every method returns when it has
    taken effect, and can be called from any thread."""

    def __init__(self, port: int, host: str = "127.0.0.1", delay: float = 0) -> None:
        self.delay = delay
        """Seconds that everything takes longer, each way; can be changed while it runs."""
        self.port = free_port()
        self._to = host, port
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[Any]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self.accept()

    def cut(self) -> None:
        """Reset the open connections on both sides (RST)."""
        self._do(self._cut)

    def refuse(self) -> None:
        """Refuse new connections; open ones continue."""
        self._do(self._refuse)

    def accept(self) -> None:
        """Accept new connections again."""
        self._run(self._accept())

    def freeze(self) -> None:
        """Stop the flow of data without closing connections, so neither side notices."""
        self._do(self._flowing.clear)

    def thaw(self) -> None:
        """Let data flow again, beginning with what was held back."""
        self._do(self._flowing.set)

    @property
    def connections(self) -> int:
        """Return the number of open connections."""
        return len(self._open) // 2

    def close(self) -> None:
        """Stop the proxy and close its connections."""
        if not self._loop.is_closed():
            self._do(self._refuse)
            self._run(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)
            self._loop.close()

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _do(self, act: Callable[[], None]) -> None:
        async def done() -> None:
            act()

        self._run(done())

    def _run(self, coroutine: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _accept(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _end(self) -> None:
        serving = [*self._serving]
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await asyncio.sleep(0)  # for the transports, which end on the loop's next round

    def _cut(self) -> None:
        for writer in tuple(self._open):
            _reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        ends = [writer]
        self._open.add(writer)
        try:
            await self._flowing.wait()
            answers, beyond = await asyncio.open_connection(*self._to)
            ends.append(beyond)
            self._open.add(beyond)
            await asyncio.gather(self._pump(reader, beyond), self._pump(answers, writer))
        except (OSError, asyncio.CancelledError):
            for end in ends:  # one is gone: so is the other
                _reset(end)
        finally:
            for end in ends:
                self._open.discard(end)
                end.close()
            self._serving.discard(task)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            await self._flowing.wait()
            writer.write(data)
            await writer.drain()
        await self._flowing.wait()
        writer.write_eof()


@dataclass
class FaultyStack(Stack):
    """A stack whose parts can fail: a PostgreSQL and a NATS of its own, each behind a proxy, like
    every service's gRPC port.

    Victims are its processes, `stack.postgres`, and `stack.nats`. Bring them back from a thread
    that keeps running: a process ends with the thread that started it.
    """

    postgres_proxy: Proxy = field(init=False)
    nats_proxy: Proxy = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.proxies = {name: [Proxy(port) for port in self.ports[name]] for name in self.ports}
        """By service, one for each replica, in the order of `ports`."""

    def start_servers(self) -> None:
        super().start_servers()
        assert self.postgres
        assert self.nats
        self.direct_postgres_url = self.postgres_url
        self.direct_nats_url = self.nats_url
        self.postgres_proxy = Proxy(self.postgres.port)
        self.nats_proxy = Proxy(self.nats.port)
        self.postgres_url = _through(self.postgres_proxy, self.postgres_url)
        self.nats_url = _through(self.nats_proxy, self.nats_url)

    def target(self, service: str) -> str:
        """Return the gRPC target of a service: the proxies of its replicas."""
        return "ipv4:" + ",".join(f"127.0.0.1:{proxy.port}" for proxy in self.proxies[service])

    def of(self, service: str) -> list[Process]:
        """Return the processes of a service, in the order of its ports."""
        found = [process for process in self.processes if process.name == service]
        ports = self.ports.get(service, [self.port])
        return sorted(found, key=lambda process: ports.index(process.port))

    def kill(self, victim: Victim) -> None:
        """Kill a victim and its children (SIGKILL), and wait until they are gone."""
        doomed = _family(victim)
        _signal(doomed, signal.SIGKILL)
        if isinstance(victim, Process):
            victim.handle.wait()
        else:
            victim.stop()
        until(lambda: not any(map(_runs, doomed)))

    def pause(self, victim: Victim) -> None:
        """Pause a victim and its children (SIGSTOP)."""
        _signal(_family(victim), signal.SIGSTOP)

    def resume(self, victim: Victim) -> None:
        """Resume a victim and its children (SIGCONT)."""
        _signal(_family(victim), signal.SIGCONT)

    def bring_back(self, victim: Victim) -> Victim:
        """Restart a killed victim on its old port and data, and return it.

        A service's process is a new one, and not ready yet; PostgreSQL has recovered, and NATS
        listens.
        """
        if isinstance(victim, Process):
            return self.restart(victim)
        victim.start()
        return victim

    def stop(self) -> None:
        for victim in (*self.processes, self.postgres, self.nats):
            if victim:
                self.resume(victim)
        super().stop()
        for proxy in self._all_proxies():
            proxy.close()

    def _all_proxies(self) -> Iterator[Proxy]:
        for of_service in self.proxies.values():
            yield from of_service
        if self.postgres:
            yield from (self.postgres_proxy, self.nats_proxy)


def _reset(writer: asyncio.StreamWriter) -> None:
    end: socket.socket = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


def _through(proxy: Proxy, url: str) -> str:
    return f"{url.rpartition(':')[0]}:{proxy.port}"


def _family(victim: Victim) -> list[psutil.Process]:
    pid = victim.handle.pid if isinstance(victim, Process) else victim.pid
    try:
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
