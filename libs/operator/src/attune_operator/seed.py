"""`attune seed`: create the demo practice (spec PF-11)."""

from importlib.metadata import entry_points

import click

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.hours_service_pb2 import ReplaceWeeklyHoursRequest
from attune.availability.v1.hours_service_pb2_grpc import HoursServiceStub
from attune.availability.v1.practice_service_pb2 import CreatePracticeRequest
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceStub
from attune.availability.v1.provider_service_pb2 import CreateProviderRequest, GetProfileRequest
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceStub
from attune.availability.v1.service_type_service_pb2 import CreateServiceTypeRequest
from attune.availability.v1.service_type_service_pb2_grpc import ServiceTypeServiceStub
from attune.common.v1 import types_pb2 as types
from attune_operator.environment import Environment
from attune_operator.practices import Attune
from common.errors import NotFound
from common.rpc import identity
from common.rpc.identity import Identity
from common.services import OPERATOR

USERNAME = "demo"
OWNER = "owner@demo.example"


@click.command()
@click.password_option(help="The owner's password.")
def seed(password: str) -> None:
    """Create the demo practice, unless it exists."""
    created = create_demo(Environment.load(), password)
    click.echo(
        "Created the demo practice."
        if created
        else "The demo practice exists already; nothing was changed."
    )


def create_demo(environment: Environment, password: str) -> bool:
    """Create the demo practice, and return False if it exists already."""
    channel = environment.channel("availability")
    providers = ProviderServiceStub(channel)
    operator = Identity(f"service:{OPERATOR}")
    with identity.acting_as(operator):
        try:
            providers.GetProfile(GetProfileRequest(username=USERNAME))
        except NotFound:
            practice = PracticeServiceStub(channel).CreatePractice(_practice()).practice
        else:
            return False
    with identity.acting_as(Identity(operator.subject, practice.practice_id)):
        service_types = ServiceTypeServiceStub(channel)
        for service_type in _service_types():
            service_types.CreateServiceType(CreateServiceTypeRequest(service_type=service_type))
        provider = providers.CreateProvider(_provider()).provider
        week = ReplaceWeeklyHoursRequest(username=USERNAME, hours=_hours())
        HoursServiceStub(channel).ReplaceWeeklyHours(week)
    _create_account(environment, practice.practice_id, provider.provider_id, password)
    return True


def _create_account(
    environment: Environment, practice_id: str, provider_id: str, password: str
) -> None:
    """Create the owner's account, with the command that the gateway's package provides."""
    (account,) = entry_points(group="attune.commands", name="account")
    arguments = ["create", "--practice", practice_id, "--provider", provider_id]
    arguments += [
        "--email",
        OWNER,
        "--password",
        password,
        "--role",
        "owner",
        "--role",
        "clinician",
    ]
    account.load().main(arguments, obj=Attune(lambda: environment), standalone_mode=False)


def _practice() -> CreatePracticeRequest:
    return CreatePracticeRequest(
        practice=pb.Practice(
            name="Demo Practice",
            timezone="America/New_York",
            currency_code="USD",
            country="US",
            address="12 Willow Street, Brooklyn, NY 11201",
            phone="(718) 555-0142",
            email="hello@demo.example",
            website="https://demo.example",
        )
    )


def _provider() -> CreateProviderRequest:
    return CreateProviderRequest(
        provider=pb.Provider(
            username=USERNAME,
            display_name="Dana Demo, PhD",
            timezone="America/New_York",
            email="dana@demo.example",
        )
    )


def _hours() -> pb.WeeklyHours:
    blocks = [
        pb.WeeklyBlock(day=day, start=start, end=end)
        for day in range(5)
        for start, end in (("09:00", "12:00"), ("13:00", "17:00"))
    ]
    return pb.WeeklyHours(blocks=blocks)


def _service_types() -> list[pb.ServiceType]:
    def dollars(amount: int) -> types.Money:
        return types.Money(minor_units=amount * 100, currency_code="USD")

    return [
        pb.ServiceType(
            slug="initial-consultation",
            title="Initial consultation",
            description="A first conversation about what brings you here.",
            duration_minutes=60,
            modes=[types.MODE_TELEHEALTH, types.MODE_IN_PERSON],
            code="90791",
            active=True,
            online=True,
            telehealth_enabled=True,
            price=dollars(180),
        ),
        pb.ServiceType(
            slug="therapy-session",
            title="Therapy session",
            description="A regular session of fifty minutes.",
            duration_minutes=50,
            modes=[types.MODE_TELEHEALTH, types.MODE_IN_PERSON, types.MODE_PHONE],
            code="90834",
            active=True,
            online=True,
            telehealth_enabled=True,
            price=dollars(150),
        ),
    ]
