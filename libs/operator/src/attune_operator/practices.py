"""`attune practice` and `attune provider`: create practices and the providers whom clients book."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from uuid import UUID

import click

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest, GetPracticeRequest
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceStub
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest, GetProviderRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune_operator.environment import Environment
from common import ids
from common.db.database import Database
from common.errors import DomainError, NotFound
from common.rpc import identity
from common.rpc.identity import Identity
from common.services import OPERATOR


class Command(click.Command):
    """A command whose options are named after the fields of the request that it makes.

    If a service refuses a field, the error names the option.
    """

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            field = error.field.rpartition(".")[2]
            for option in self.params:
                if option.name == field:
                    raise click.BadParameter(error.message, ctx, option) from None
            raise click.ClickException(error.message) from None


@click.group()
def practice() -> None:
    """Create practices."""


@click.group()
def provider() -> None:
    """Create providers, whom clients book."""


@practice.command("create", cls=Command)
@click.option("--name", required=True, help="As clients see it.")
@click.option("--timezone", required=True, help="For example, America/New_York.")
@click.option(
    "--currency", "currency_code", required=True, help="Three capital letters, such as USD."
)
@click.option(
    "--country", default="", help="Two capital letters, such as US. Default: the time zone's."
)
@click.option("--address", default="", help="Where in-person sessions take place.")
@click.option("--phone", default="", help="Shown to clients.")
@click.option("--email", default="", help="Shown to clients.")
@click.option("--website", default="", help="Shown to clients.")
@click.option(
    "--synthetic", is_flag=True, help="Only to test this Attune: no emails, nothing is billed."
)
def create_practice(**details: Any) -> None:
    """Create a practice and print its id."""
    request = CreatePracticeRequest(request_id=ids.new().hex, practice=pb.Practice(**details))
    made = _call(Environment.load(), PracticeServiceStub, "CreatePractice", request).practice
    click.echo(made.practice_id)
    click.echo(
        f"Next, add a provider: attune provider create --practice {made.practice_id} …", err=True
    )


@provider.command("create", cls=Command)
@click.option("--practice", "practice_id", required=True, type=click.UUID, help="Its id.")
@click.option("--username", required=True, help="Ends the booking page's address: /book/USERNAME.")
@click.option(
    "--name", "display_name", required=True, help='As clients see it, such as "Ada Moreno, PhD".'
)
@click.option("--timezone", required=True, help="For example, America/New_York.")
@click.option("--email", default="", help="Where emails about bookings go.")
def create_provider(practice_id: UUID, **details: Any) -> None:
    """Create a provider and print the provider's id."""
    request = CreateProviderRequest(request_id=ids.new().hex, provider=pb.Provider(**details))
    environment = Environment.load()
    answer = _call(environment, ProviderServiceStub, "CreateProvider", request, practice_id)
    made = answer.provider
    click.echo(made.provider_id)
    click.echo(
        "Next, create an account that can sign in: attune account create --practice"
        f" {practice_id} --provider {made.provider_id} …\n"
        f"Clients can book at /book/{made.username} once the practice has service types and the"
        " provider has hours: see /api/docs.",
        err=True,
    )


class Attune:
    """The running Attune, as the subcommands of services use it."""

    def __init__(self, load: Callable[[], Environment]) -> None:
        self._load = load

    def database(self, service: str) -> AbstractContextManager[Database]:
        """Open a service's database as the service's role, with the service's keys in use."""
        return self._load().database(service)

    def check_practice(self, practice_id: UUID, provider_id: UUID | None = None) -> None:
        """Raise BadParameter unless the practice exists, and its provider if one is given."""
        environment = self._load()
        try:
            request = GetPracticeRequest()
            _call(environment, PracticeServiceStub, "GetPractice", request, practice_id)
        except NotFound:
            message = "There is no practice with this id."
            raise click.BadParameter(message, param_hint="--practice") from None
        if provider_id is None:
            return
        try:
            wanted = GetProviderRequest(provider_id=str(provider_id))
            _call(environment, ProviderServiceStub, "GetProvider", wanted, practice_id)
        except NotFound:
            message = "The practice has no provider with this id."
            raise click.BadParameter(message, param_hint="--provider") from None


def _call(
    environment: Environment, stub: Any, rpc: str, request: Any, practice_id: UUID | None = None
) -> Any:
    """Call an RPC of availability as the operator, for a practice if it exists already."""
    operator = Identity(f"service:{OPERATOR}", str(practice_id or ""))
    with environment.channel("availability") as channel, identity.acting_as(operator):
        return getattr(stub(channel), rpc)(request)
