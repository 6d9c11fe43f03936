"""`attune account`: the operator's command for accounts of staff."""

from contextlib import AbstractContextManager
from typing import Protocol
from uuid import UUID

import click

from common.clock import SystemClock
from common.db.database import Database
from common.errors import DomainError
from common.rpc import identity, request_context
from common.rpc.identity import Identity
from common.services import GATEWAY, OPERATOR
from gateway.identity import accounts


class Attune(Protocol):
    """The running Attune, as the `attune` command passes it to subcommands."""

    def database(self, service: str) -> AbstractContextManager[Database]: ...

    def check_practice(self, practice_id: UUID, provider_id: UUID | None = None) -> None: ...


@click.group()
def account() -> None:
    """Create staff accounts."""


@account.command()
@click.option("--practice", required=True, type=click.UUID, help="Its id.")
@click.option("--email", required=True, help="For signing in.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(identity.ROLES),
    help="Repeat the option for several roles.",
)
@click.option("--provider", type=click.UUID, help="The id of the provider who signs in with it.")
@click.option("--name", default="", help="Shown in the console.")
@click.password_option(help="Asked for by default.")
@click.pass_obj
def create(
    attune: Attune,
    practice: UUID,
    email: str,
    roles: tuple[str, ...],
    provider: UUID | None,
    name: str,
    password: str,
) -> None:
    """Create an account and print its id. An email address can have one account."""
    attune.check_practice(practice, provider)
    with (
        attune.database(GATEWAY) as database,
        identity.acting_as(Identity(f"service:{OPERATOR}")),
        request_context.of(request_context.new_request()),
    ):
        try:
            account_id = accounts.create(
                database,
                SystemClock(),
                practice_id=practice,
                email=email,
                password=password,
                roles=roles,
                provider_id=provider,
                name=name,
            )
        except DomainError as error:
            raise click.BadParameter(error.message, param_hint=f"--{error.field}") from None
    click.echo(f"Created account {account_id}. It can sign in at /signin.")
