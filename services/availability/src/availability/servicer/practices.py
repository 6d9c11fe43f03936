"""Practices."""

from collections.abc import Callable

import grpc

from attune.availability.v1 import availability_pb2 as pb
from attune.availability.v1.practice_service_pb2 import (
    CreatePracticeRequest,
    CreatePracticeResponse,
    GetPracticeRequest,
    GetPracticeResponse,
    UpdatePracticeRequest,
    UpdatePracticeResponse,
)
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceServicer
from availability import messages
from availability.actions import practices
from availability.actions.setup import practice_of
from availability.domain import policies
from availability.domain.setup import PracticeDetails
from availability.search.cache import Cache
from availability.servicer.requests import claim
from availability.store import practices as store
from common import ids, phones, validation, zones
from common.db import idempotency
from common.db.database import Database
from common.errors import Invalid
from common.rpc.access import allow
from common.rpc.identity import caller


class UnknownCountry(Invalid):
    """Must be a country's two capital letters (ISO 3166-1), such as US."""


class PracticeServicer(PracticeServiceServicer):
    """The RPCs about practices."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    @allow("practices:create")
    def CreatePractice(
        self, request: CreatePracticeRequest, context: grpc.ServicerContext
    ) -> CreatePracticeResponse:
        """Create a practice. Policies that it does not set are the product's defaults."""
        wanted, practice_id = request.practice, ids.new()
        settings = messages.parse_policies(wanted.policies)
        policies.check(settings, "practice.policies")
        details = _details(wanted)
        with self._database.transaction(practice_id) as session:
            once = idempotency.claim(session, "CreatePractice", request, CreatePracticeResponse)
            if once.earlier:
                return once.earlier
            practice = practices.create(session, practice_id, details, settings)
            return once.answer(CreatePracticeResponse(practice=messages.practice(practice)))

    @allow("practices:read")
    def GetPractice(
        self, request: GetPracticeRequest, context: grpc.ServicerContext
    ) -> GetPracticeResponse:
        """Return the caller's practice with its policies."""
        practice_id = practice_of(caller())
        with self._database.transaction(practice_id) as session:
            practice = store.get(session, practice_id)
        return GetPracticeResponse(practice=messages.practice(practice))

    @allow("practices:change")
    def UpdatePractice(
        self, request: UpdatePracticeRequest, context: grpc.ServicerContext
    ) -> UpdatePracticeResponse:
        """Change some details of the caller's practice."""
        actor = caller()
        with self._database.transaction(practice_of(actor)) as session:
            practice, once = claim(session, actor, request, UpdatePracticeResponse)
            if once.earlier:
                return once.earlier
            changes = _changes(request, practice.country)
            practices.update(session, self._cache, practice, changes)
            return once.answer(UpdatePracticeResponse(practice=messages.practice(practice)))


def _details(wanted: pb.Practice) -> PracticeDetails:
    """Return the details of a new practice."""
    zones.zone(wanted.timezone, "practice.timezone")
    country = _country(wanted.country, "practice.country") or zones.country_of(wanted.timezone)
    return PracticeDetails(
        name=validation.line(wanted.name, "practice.name"),
        timezone=wanted.timezone,
        currency_code=validation.currency(wanted.currency_code, "practice.currency_code"),
        country=country,
        address=validation.optional_line(wanted.address, "practice.address"),
        phone=phones.optional(wanted.phone, country, "practice.phone"),
        email=validation.email(wanted.email, "practice.email"),
        website=validation.website(wanted.website, "practice.website"),
        synthetic=wanted.synthetic,
    )


def _changes(request: UpdatePracticeRequest, country: str) -> dict[str, str]:
    """Return the values that a request sets. `country` is the practice's until now."""
    if request.HasField("country"):
        country = _country(request.country, "country")
    readers: dict[str, Callable[[str, str], str]] = {
        "name": validation.line,
        "address": validation.optional_line,
        "country": _country,
        "phone": lambda text, field: phones.optional(text, country, field),
        "email": validation.email,
        "website": validation.website,
    }
    return {
        field: read(getattr(request, field), field)
        for field, read in readers.items()
        if request.HasField(field)  # type: ignore[arg-type]  # the stubs list the names as literals
    }


def _country(code: str, field: str) -> str:
    if code and not phones.is_country(code):
        raise UnknownCountry(field=field)
    return code
