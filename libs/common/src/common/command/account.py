"""`attune account`: accounts of staff."""

from uuid import UUID

import click

from common import identity, origin
from common.clock import SystemClock
from common.command.running import Running
from common.identity import Identity
from common.local import GATEWAY, OPERATOR


@click.group()
def account() -> None:
    """Accounts of staff."""


@account.command()
@click.option("--practice", required=True, type=UUID, help="The practice's id.")
@click.option("--email", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(identity.ROLES))
@click.option("--provider", type=UUID, help="The provider that the account is.")
@click.password_option()
def create(
    practice: UUID, email: str, roles: tuple[str, ...], provider: UUID | None, password: str
) -> None:
    """Create an account; the password is asked for."""
    account_id = make_account(Running.load(), practice, email, password, roles, provider)
    click.echo(f"account {account_id}")


def make_account(
    running: Running,
    practice: UUID,
    email: str,
    password: str,
    roles: tuple[str, ...],
    provider: UUID | None,
) -> UUID:
    """Create an account in the gateway's database; an existing one of that e-mail is kept."""
    from gateway import accounts  # the operators' image has every service

    with (
        running.opened(GATEWAY) as database,
        identity.acting_as(Identity(f"service:{OPERATOR}")),
        origin.of(origin.new_request()),
    ):
        return accounts.create(
            database,
            SystemClock(),
            practice_id=practice,
            email=email,
            password=password,
            roles=roles,
            provider_id=provider,
        )
