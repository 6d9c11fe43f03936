"""`attune dead-letters`: events that a service could not handle (spec PF-2)."""

import click

from attune_operator.environment import Environment
from common import ids
from common.messaging import nats as buses
from common.messaging.nats import Bus, DeadLetter


@click.group("dead-letters")
def dead_letters() -> None:
    """Events that could not be handled."""


@dead_letters.command("list")
def list_() -> None:
    """Show them: number, time, service, event, what went wrong."""
    with _connected() as bus:
        letters = bus.dead_letters()
    for letter in letters:
        click.echo(
            f"{letter.sequence:>8}  {letter.time:%Y-%m-%dT%H:%M:%SZ}  {letter.service}"
            f"  {letter.subject}  {letter.error}"
        )
    click.echo(f"{len(letters)} dead letters")


@dead_letters.command()
@click.argument("numbers", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="Replay all of them.")
def replay(numbers: tuple[int, ...], every: bool) -> None:
    """Deliver dead letters again. Services that handled the event before ignore it."""
    if bool(numbers) == every:
        raise click.UsageError("Name numbers, or --all")
    with _connected() as bus:
        chosen = [x for x in bus.dead_letters() if every or x.sequence in numbers]
        for letter in chosen:
            deliver_again(bus, letter)
    click.echo(f"{len(chosen)} replayed")
    if missing := set(numbers) - {x.sequence for x in chosen}:
        raise click.ClickException(f"no such dead letters: {sorted(missing)}")


def deliver_again(bus: Bus, letter: DeadLetter) -> None:
    """Publish under a new message id, or the stream would drop it as a double; the event's own
    id goes along, by which inboxes know it."""
    headers = {
        **letter.headers,
        buses.MESSAGE_ID: f"replay:{ids.new()}",
        buses.EVENT_ID: letter.event_id,
    }
    if bus.publish([buses.Message(letter.subject, letter.payload, headers)]):
        raise click.ClickException(f"NATS does not take {letter.sequence}: it is too large")
    bus.forget(letter)


def _connected() -> Bus:
    bus = Bus(Environment.load().nats_url, "operator")
    bus.start()
    if not bus.wait(10):
        bus.close()
        raise click.ClickException("NATS does not answer")
    return bus
