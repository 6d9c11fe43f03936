"""Practices."""

import grpc

from attune.availability.v1.practice_service_pb2 import (
    CreatePracticeRequest,
    CreatePracticeResponse,
)
from attune.availability.v1.practice_service_pb2_grpc import PracticeServiceServicer
from availability import messages
from availability.actions import practices
from availability.domain import policies
from common import ids, validation
from common.db import idempotency
from common.db.database import Database
from common.rpc.access import allow
from common.zones import zone


class PracticeServicer(PracticeServiceServicer):
    """The RPCs about practices."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @allow("practices:create")
    def CreatePractice(
        self, request: CreatePracticeRequest, context: grpc.ServicerContext
    ) -> CreatePracticeResponse:
        """Create a practice. Policies that it does not set are the product's defaults."""
        wanted, practice_id = request.practice, ids.new()
        zone(wanted.timezone, "practice.timezone")
        settings = messages.parse_policies(wanted.policies)
        policies.check(settings, "practice.policies")
        name = validation.line(wanted.name, "practice.name")
        currency_code = validation.currency(wanted.currency_code, "practice.currency_code")
        address = validation.optional_line(wanted.address, "practice.address")
        with self._database.transaction(practice_id) as session:
            claim = idempotency.claim(session, "CreatePractice", request, CreatePracticeResponse)
            if claim.earlier:
                return claim.earlier
            practice = practices.create(
                session,
                practice_id,
                name=name,
                timezone=wanted.timezone,
                currency_code=currency_code,
                address=address,
                policies=settings,
            )
            return claim.answer(CreatePracticeResponse(practice=messages.practice(practice)))
