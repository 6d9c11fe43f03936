"""`attune up`: run all of Attune on this machine until Ctrl-C (spec PF-11)."""

import fcntl
import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click

from attune_local.servers import StartupError
from attune_local.stack import Stack
from attune_operator import seed
from attune_operator.environment import Environment, data_folder
from common.services import GATEWAY, OPERATOR, SERVICES

_PORT = 8080


@click.command()
@click.option("--port", envvar="ATTUNE_PORT", default=_PORT, show_default=True, type=int)
@click.option(
    "--smtp-url",
    envvar="SMTP_URL",
    default="",
    help="Mail server, such as smtps://user:password@host:465. Without one, emails go to the"
    " development mailbox.",
)
@click.option(
    "--mail-from",
    envvar="MAIL_FROM",
    default="",
    help="Address that emails come from. Required with --smtp-url.",
)
def up(port: int, smtp_url: str, mail_from: str) -> None:
    """Run all of Attune, with a demo practice, until Ctrl-C."""
    if smtp_url and not mail_from:
        raise click.UsageError(
            "Emails need a sender. Set MAIL_FROM to an address that your mail server accepts."
        )
    folder = data_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, _interrupt)
        click.echo(f"Starting Attune in {folder} …")
        began = time.monotonic()
        stack = Stack(folder, port, mail_settings(smtp_url, mail_from))
        try:
            stack.start()
            environment = environment_of(stack)
            environment.save()
            seed.create_demo(environment, stack.secrets.owner_password)
            click.echo(_welcome(stack, time.monotonic() - began))
            _print_logs(stack)
        except KeyboardInterrupt:
            click.echo("\nStopping …")
        except StartupError as error:
            raise click.ClickException(str(error)) from error
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            stack.stop()
            (folder / "environment.json").unlink(missing_ok=True)
        click.echo("Stopped.")


def mail_settings(smtp_url: str, mail_from: str) -> dict[str, str]:
    """Return the settings of notifications: a mail server, or the development mailbox."""
    if not smtp_url:
        return {"CHANNEL": "development"}
    return {"CHANNEL": "smtp", "SMTP_URL": smtp_url, "MAIL_FROM": mail_from}


def environment_of(stack: Stack) -> Environment:
    """Return the environment with which commands reach the services of a stack."""
    every = (*SERVICES, GATEWAY)
    return Environment(
        nats_url=stack.nats_url,
        operator_key=stack.secrets.identity_keys[OPERATOR][0],
        targets={name: stack.target(name) for name in SERVICES},
        database_urls={name: stack.database_url(name) for name in every},
        owner_urls={name: stack.database_url(name, owner=True) for name in every},
        encryption_keys=stack.secrets.encryption_keys,
        blind_index_key=stack.secrets.blind_index_key,
        tls_folder=str(stack.tls_folder / OPERATOR) if stack.tls_folder else "",
    )


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Lock the data folder during the block. Raises ClickException if another Attune uses it."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise click.ClickException(
                f"An Attune is running in {folder} already. Stop it, or set ATTUNE_DATA and"
                " ATTUNE_PORT to run another."
            ) from None
        yield


def _welcome(stack: Stack, seconds: float) -> str:
    emails = f"Open the test inbox   {stack.url}/dev/mailbox"
    if stack.extra["CHANNEL"] == "smtp":
        emails = f"Emails are sent from  {stack.extra['MAIL_FROM']}"
    return f"""
Attune is up: {stack.url}   ({seconds:.1f} s)

  Book as a client      {stack.url}/book/{seed.USERNAME}
  {emails}
  Sign in as staff      {stack.url}/signin   {seed.OWNER}   {stack.secrets.owner_password}
  Use the API           {stack.url}/api/docs

  Logs appear below. Press Ctrl-C to stop. Data stays in {stack.folder}.
"""


def _print_logs(stack: Stack) -> None:
    """Print the logs of all services until a signal arrives.

    Raises StartupError when a service ends.
    """
    positions = {process.log: process.log.stat().st_size for process in stack.processes}
    wait = threading.Event()
    while True:
        for log in positions:
            positions[log] = _print_from(log, positions[log])
        for process in stack.processes:
            if (code := process.handle.poll()) is not None:
                raise StartupError(
                    f"{process.name} ended unexpectedly with code {code}. Its log is {process.log}."
                )
        wait.wait(0.3)


def _print_from(log: Path, position: int) -> int:
    """Print the complete lines of a log from `position` on, and return the new position."""
    with log.open("rb") as file:
        file.seek(position)
        for line in file:
            if not line.endswith(b"\n"):
                break
            position += len(line)
            click.echo(_readable(line.decode(errors="replace").rstrip()))
    return position


def _readable(line: str) -> str:
    """Return a JSON log line as text for people; any other line as it is."""
    try:
        entry = json.loads(line)
        head = f"{entry['time'][11:19]} {entry['service']:<17} {entry['level']:<7}"
        return "\n".join(filter(None, [f"{head} {entry['message']}", entry.get("exception")]))
    except (ValueError, KeyError, TypeError):
        return line
