"""`attune dead-letters`: events that a service could not handle (spec PF-2)."""

import click

from attune_operator.environment import Environment
from common import ids
from common.messaging import dead_letters as letters
from common.messaging.dead_letters import DeadLetter
from common.messaging.nats import EVENT_ID, MESSAGE_ID, Bus, Message


@click.group("dead-letters")
def dead_letters() -> None:
    """List and replay events that a service could not handle."""


@dead_letters.command("list")
def list_() -> None:
    """Show each dead letter's number, time, service, event, and error."""
    with _connected() as bus:
        found = letters.oldest(bus)
    for letter in found:
        click.echo(
            f"{letter.sequence:>8}  {letter.time:%Y-%m-%dT%H:%M:%SZ}  {letter.service}"
            f"  {letter.subject}  {letter.error}"
        )
    click.echo(f"{len(found)} dead letters")


@dead_letters.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="Replay all dead letters.")
def replay(numbers: tuple[int, ...], every: bool) -> None:
    """Deliver dead letters again, by their NUMBERS. Services that have handled an event ignore
    it."""
    if bool(numbers) == every:
        raise click.UsageError("Give the numbers of dead letters, or --all.")
    with _connected() as bus:
        chosen = [x for x in letters.oldest(bus) if every or x.sequence in numbers]
        for letter in chosen:
            deliver_again(bus, letter)
    click.echo(f"{len(chosen)} replayed")
    if missing := sorted(set(numbers) - {x.sequence for x in chosen}):
        raise click.ClickException(
            f"There are no dead letters with these numbers: {', '.join(map(str, missing))}."
        )


def deliver_again(bus: Bus, letter: DeadLetter) -> None:
    """Publish a dead letter's event once more and remove the dead letter.

    The message id is a new one, since the stream drops a known id as a duplicate. The event id
    stays, so that an inbox recognizes an event that was handled.
    """
    headers = {
        **letter.headers,
        MESSAGE_ID: f"replay:{ids.new()}",
        EVENT_ID: letter.event_id,
    }
    if bus.publish([Message(letter.subject, letter.payload, headers)]):
        raise click.ClickException(
            f"Dead letter {letter.sequence} is too large for NATS. Raise max_payload of the server"
            " or max_msg_size of the stream, then replay it again."
        )
    letters.forget(bus, letter)


def _connected() -> Bus:
    environment = Environment.load()
    bus = Bus(environment.nats_url, "operator", authorities=environment.nats_ca)
    bus.start()
    if not bus.wait(10):
        bus.close()
        raise click.ClickException("NATS does not answer. Check NATS_URL and the server.")
    return bus
