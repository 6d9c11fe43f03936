"""`attune practice` and `attune provider`: set up a practice and the people who can be booked."""

import sys
from typing import Any

import click

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceStub
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune_operator.environment import Environment
from common import ids
from common.errors import DomainError
from common.rpc import identity
from common.rpc.identity import Identity
from common.services import OPERATOR


@click.group()
def practice() -> None:
    """Practices."""


@click.group()
def provider() -> None:
    """Providers, who can be booked."""


@practice.command("create")
@click.option("--name", required=True)
@click.option("--timezone", required=True, help="Such as America/New_York.")
@click.option("--currency", required=True, help="Three capital letters, such as USD.")
@click.option("--country", default="", help="Such as US; by default that of the time zone.")
@click.option("--address", default="", help="Where in-person sessions take place.")
@click.option("--phone", default="", help="For clients.")
@click.option("--email", default="", help="For clients.")
@click.option("--website", default="")
def create_practice(name: str, timezone: str, currency: str, **details: Any) -> None:
    """Create a practice and print its id."""
    wanted = pb.Practice(name=name, timezone=timezone, currency_code=currency, **details)
    request = CreatePracticeRequest(request_id=ids.new().hex, practice=wanted)
    made = _call(PracticeServiceStub, "CreatePractice", request).practice
    click.echo(made.practice_id)


@provider.command("create")
@click.option("--practice", "practice_id", required=True, help="The practice's id.")
@click.option("--username", required=True, help="Part of the booking page's address.")
@click.option("--name", required=True, help="As clients see it, such as Ada Moreno, PhD.")
@click.option("--timezone", required=True, help="Such as America/New_York.")
@click.option("--email", default="", help="Where emails about bookings go.")
def create_provider(practice_id: str, username: str, name: str, timezone: str, email: str) -> None:
    """Create a provider and print their id."""
    wanted = pb.Provider(username=username, display_name=name, timezone=timezone, email=email)
    request = CreateProviderRequest(request_id=ids.new().hex, provider=wanted)
    made = _call(ProviderServiceStub, "CreateProvider", request, practice_id).provider
    click.echo(made.provider_id)


def _call(stub: Any, rpc: str, request: Any, practice_id: str = "") -> Any:
    """Call an RPC of availability as the operator; end the command with the error, if any."""
    channel = Environment.load().channel("availability")
    try:
        with identity.acting_as(Identity(f"service:{OPERATOR}", practice_id)):
            return getattr(stub(channel), rpc)(request)
    except DomainError as error:
        field = f"{error.field.partition('.')[2] or error.field}: " if error.field else ""
        click.echo(f"{field}{error.message}", err=True)
        sys.exit(1)
