"""Profiles of providers."""

from attune.common.v1 import types_pb2 as types
from gateway import words
from gateway.api import money, tags
from gateway.backends import providers as backend
from gateway.openapi.operation import Operations
from gateway.schemas import providers as schemas

providers = Operations("providers", tags.PROVIDERS)


@providers.operation("GET", "/providers/<username>", schemas.Profile, cached=True, errors=(404,))
def get_provider(username: str) -> schemas.Profile:
    """Get a provider's profile

    The provider's name, time zone, and practice, and the services that clients can book online.
    """
    provider, practice, service_types = backend.profile(username)
    return schemas.Profile(
        username=provider.username,
        name=provider.display_name,
        timezone=provider.timezone,
        practice=schemas.PracticeProfile(
            name=practice.name,
            timezone=practice.timezone,
            country=practice.country,
            address=practice.address,
            phone=practice.phone or None,
            email=practice.email or None,
            website=practice.website or None,
            synthetic=practice.synthetic,
        ),
        services=[
            schemas.ServiceOffered(
                service=one.slug,
                title=one.title,
                description=one.description,
                modes=[words.word(types.Mode, mode) for mode in one.modes],
                duration_minutes=one.duration_minutes,
                price=money.amount(one, "price"),
            )
            for one in service_types
        ],
    )
