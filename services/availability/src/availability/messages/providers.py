"""Practices, providers, and physical rooms."""

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.provider_service_pb2 import GetProfileResponse
from availability.domain.modes import Mode
from availability.domain.policies import effective
from availability.domain.service_types import ServiceType
from availability.domain.setup import SetUp
from availability.messages.policies import effective_policies, policy_settings
from availability.messages.service_types import service_type
from availability.messages.values import NUMBERS
from availability.store.providers import covers
from availability.store.tables import PhysicalRoom, Practice, Provider
from common.rpc.identity import Identity


def practice(row: Practice) -> pb.Practice:
    """Return a practice. Its policies are complete: the product's defaults fill them up."""
    return pb.Practice(
        practice_id=str(row.practice_id),
        name=row.name,
        timezone=row.timezone,
        currency_code=row.currency_code,
        country=row.country,
        address=row.address,
        phone=row.phone,
        email=row.email,
        website=row.website,
        synthetic=row.synthetic,
        policies=effective_policies(effective(row.policies, {})),
        version=row.policies_version,
    )


def provider(row: Provider, practice: Practice, viewer: Identity) -> pb.Provider:
    """Return a provider, with the email if the viewer may see it."""
    return pb.Provider(
        provider_id=str(row.id),
        practice_id=str(row.practice_id),
        username=row.username,
        display_name=row.display_name,
        timezone=row.timezone,
        email=row.email if covers(viewer, "provider_emails:read", row) else "",
        policies=policy_settings(row.policies),
        effective_policies=effective_policies(effective(practice.policies, row.policies)),
        version=row.policies_version,
    )


def profile(setup: SetUp) -> GetProfileResponse:
    """Return the public profile of a provider: no email, and only the service types that clients
    can book themselves."""
    practice = setup.practice
    public = [_public(kind) for _, kind in sorted(setup.service_types.items())]
    return GetProfileResponse(
        provider=pb.Provider(
            provider_id=setup.provider_id,
            practice_id=setup.practice_id,
            username=setup.username,
            display_name=setup.display_name,
            timezone=setup.timezone,
            effective_policies=effective_policies(setup.policies),
        ),
        practice=pb.Practice(
            practice_id=setup.practice_id,
            name=practice.name,
            timezone=practice.timezone,
            currency_code=practice.currency_code,
            country=practice.country,
            address=practice.address,
            phone=practice.phone,
            email=practice.email,
            website=practice.website,
            synthetic=practice.synthetic,
        ),
        service_types=[kind for kind in public if kind.active and kind.online and kind.modes],
    )


def _public(kind: ServiceType) -> pb.ServiceType:
    """Return a service type without telehealth, unless that is enabled."""
    message = service_type(kind)
    if not kind.telehealth_enabled:
        del message.modes[:]
        message.modes.extend(NUMBERS[mode] for mode in kind.modes if mode is not Mode.TELEHEALTH)
    return message


def room(row: PhysicalRoom) -> pb.PhysicalRoom:
    """Return a physical room."""
    return pb.PhysicalRoom(room_id=str(row.id), name=row.name, address=row.address)
