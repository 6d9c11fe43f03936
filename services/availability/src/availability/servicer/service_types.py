"""Service types."""

import grpc

from attune.availability.v1.service_type_service_pb2 import (
    CreateServiceTypeRequest,
    CreateServiceTypeResponse,
    DeleteServiceTypeRequest,
    DeleteServiceTypeResponse,
    ListServiceTypesRequest,
    ListServiceTypesResponse,
    UpdateServiceTypeRequest,
    UpdateServiceTypeResponse,
)
from attune.availability.v1.service_type_service_pb2_grpc import ServiceTypeServiceServicer
from availability import messages
from availability.actions import service_types
from availability.actions.setup import practice_of
from availability.search.cache import Cache
from availability.servicer.requests import claim
from availability.store import practices
from availability.store import service_types as store
from common import ids
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller


class ServiceTypeServicer(ServiceTypeServiceServicer):
    """The RPCs about service types."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    @allow("service_types:read")
    def ListServiceTypes(
        self, request: ListServiceTypesRequest, context: grpc.ServicerContext
    ) -> ListServiceTypesResponse:
        """Return the practice's service types, by slug."""
        with self._database.transaction(practice_of(caller())) as session:
            practice = practices.get(session, practice_of(caller()))
            found = store.of_practice(session, practice.practice_id)
            return ListServiceTypesResponse(
                service_types=[
                    messages.service_type_row(row, practice.currency_code) for row in found
                ]
            )

    @allow("service_types:change")
    def CreateServiceType(
        self, request: CreateServiceTypeRequest, context: grpc.ServicerContext
    ) -> CreateServiceTypeResponse:
        """Create a service type (spec AV-11). SLUG_TAKEN, TOO_MANY_ACTIVE_SERVICE_TYPES."""
        actor, wanted = caller(), messages.parse_service_type(request.service_type)
        with self._database.transaction(practice_of(actor)) as session:
            practice, request_claim = claim(session, actor, request, CreateServiceTypeResponse)
            if request_claim.earlier:
                return request_claim.earlier
            row = service_types.create(session, self._cache, practice, wanted)
            return request_claim.answer(
                CreateServiceTypeResponse(
                    service_type=messages.service_type_row(row, practice.currency_code)
                )
            )

    @allow("service_types:change")
    def UpdateServiceType(
        self, request: UpdateServiceTypeRequest, context: grpc.ServicerContext
    ) -> UpdateServiceTypeResponse:
        """Change the named fields of a service type. STALE if it is based on an older version than
        the stored one."""
        actor, wanted = caller(), request.service_type
        service_type_id = ids.find(wanted.service_type_id)
        changes = messages.parse_service_type_changes(wanted, request.update_fields)
        with self._database.transaction(practice_of(actor)) as session:
            _, request_claim = claim(session, actor, request, UpdateServiceTypeResponse)
            if request_claim.earlier:
                return request_claim.earlier
            row, practice = service_types.update(
                session, actor, self._cache, service_type_id, wanted.version, changes
            )
            return request_claim.answer(
                UpdateServiceTypeResponse(
                    service_type=messages.service_type_row(row, practice.currency_code)
                )
            )

    @allow("service_types:change")
    def DeleteServiceType(
        self, request: DeleteServiceTypeRequest, context: grpc.ServicerContext
    ) -> DeleteServiceTypeResponse:
        """Take a service type out of use. Bookings that were made keep its terms (spec AV-14)."""
        actor, service_type_id = caller(), ids.find(request.service_type_id)
        with self._database.transaction(practice_of(actor)) as session:
            _, request_claim = claim(session, actor, request, DeleteServiceTypeResponse)
            if request_claim.earlier is not None:
                return request_claim.earlier
            service_types.delete(session, actor, self._cache, service_type_id)
            return request_claim.answer(DeleteServiceTypeResponse())
