"""`attune account`: the operator's command for accounts of staff."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

import click

from common.clock import SystemClock
from common.db.database import Database
from common.rpc import identity, request_context
from common.rpc.identity import Identity
from common.services import GATEWAY, OPERATOR
from gateway.identity import accounts

OpenDatabase = Callable[[str], AbstractContextManager[Database]]


@click.group()
def account() -> None:
    """Accounts of staff."""


@account.command()
@click.option("--practice", required=True, type=UUID, help="The practice's id.")
@click.option("--email", required=True)
@click.option("--role", "roles", multiple=True, required=True, type=click.Choice(identity.ROLES))
@click.option("--provider", type=UUID, help="The provider whom the account belongs to.")
@click.password_option()
@click.pass_obj
def create(
    open_database: OpenDatabase,
    practice: UUID,
    email: str,
    roles: tuple[str, ...],
    provider: UUID | None,
    password: str,
) -> None:
    """Create an account; the password is asked for. An existing account is kept unchanged."""
    with (
        open_database(GATEWAY) as database,
        identity.acting_as(Identity(f"service:{OPERATOR}")),
        request_context.of(request_context.new_request()),
    ):
        account_id = accounts.create(
            database,
            SystemClock(),
            practice_id=practice,
            email=email,
            password=password,
            roles=roles,
            provider_id=provider,
        )
    click.echo(f"Created account {account_id}.")
