"""The practice of the account."""

from attune.availability.v1 import availability_pb2 as pb
from gateway.api import tags
from gateway.backends import practices as backend
from gateway.openapi.operation import Access, Operations
from gateway.schemas import practices as schemas

practices = Operations("practices", tags.PRACTICE)


@practices.operation("GET", "/practice", schemas.Practice, access=Access.STAFF, cached=True)
def get_practice() -> schemas.Practice:
    """Get the practice

    Returns its name and contact details.
    """
    return _answer(backend.get())


@practices.operation(
    "PATCH",
    "/practice",
    schemas.Practice,
    access=Access.STAFF,
    body=schemas.PracticeChange,
    errors=(409, 422),
)
def change_practice(body: schemas.PracticeChange) -> schemas.Practice:
    """Change the practice

    Clients see the contact details on the booking page and in their emails. Only owners and
    managers may change them.
    """
    return _answer(backend.update(body.model_dump(exclude_none=True)))


def _answer(practice: pb.Practice) -> schemas.Practice:
    return schemas.Practice(
        id=practice.practice_id,
        name=practice.name,
        timezone=practice.timezone,
        currency=practice.currency_code,
        country=practice.country,
        address=practice.address,
        phone=practice.phone,
        email=practice.email,
        website=practice.website,
        synthetic=practice.synthetic,
    )
