"""Providers."""

import grpc

from attune.availability.v1.provider_service_pb2 import (
    CreateProviderRequest,
    CreateProviderResponse,
    GetProfileRequest,
    GetProfileResponse,
    GetProviderRequest,
    GetProviderResponse,
    ListProvidersRequest,
    ListProvidersResponse,
)
from attune.availability.v1.provider_service_pb2_grpc import ProviderServiceServicer
from availability import messages
from availability.actions import providers
from availability.actions.setup import practice_of
from availability.domain import policies
from availability.search.cache import Cache
from availability.servicer.requests import claim
from availability.store import practices
from common import audit, ids, validation
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller
from common.zones import zone


class ProviderServicer(ProviderServiceServicer):
    """The RPCs about providers."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    @allow("slots:search")
    def GetProfile(
        self, request: GetProfileRequest, context: grpc.ServicerContext
    ) -> GetProfileResponse:
        """Return the public profile of a provider."""
        return messages.profile(self._cache.get_setup(request.username).setup)

    @allow("providers:read")
    def GetProvider(
        self, request: GetProviderRequest, context: grpc.ServicerContext
    ) -> GetProviderResponse:
        """Return a provider by id, with the practice."""
        actor = caller()
        with self._database.transaction(practice_of(actor)) as session:
            provider, practice = providers.get(session, ids.find(request.provider_id))
            return GetProviderResponse(
                provider=messages.provider(provider, practice, actor),
                practice=messages.practice(practice),
            )

    @allow("providers:read")
    def ListProviders(
        self, request: ListProvidersRequest, context: grpc.ServicerContext
    ) -> ListProvidersResponse:
        """Return the practice's providers by username, a page at a time."""
        actor, size = caller(), validation.page_size(request.page_size)
        with self._database.transaction(practice_of(actor)) as session:
            page = providers.page(session, actor, request.page_token, size)
            practice = practices.get(session, practice_of(actor))
            return ListProvidersResponse(
                providers=[messages.provider(row, practice, actor) for row in page.rows],
                next_page_token=page.next_token,
            )

    @allow("providers:create")
    def CreateProvider(
        self, request: CreateProviderRequest, context: grpc.ServicerContext
    ) -> CreateProviderResponse:
        """Create a provider of the caller's practice, without hours. USERNAME_TAKEN."""
        actor, wanted = caller(), request.provider
        zone(wanted.timezone, "provider.timezone")
        settings = messages.parse_policies(wanted.policies)
        policies.check(settings, "provider.policies")
        username = validation.slug(wanted.username, "provider.username")
        display_name = validation.line(wanted.display_name, "provider.display_name")
        email = validation.email(wanted.email, "provider.email")
        with self._database.transaction(practice_of(actor)) as session:
            practice, request_claim = claim(session, actor, request, CreateProviderResponse)
            if earlier := request_claim.earlier:
                audit.record(session, "provider.read", provider=earlier.provider.provider_id)
                return earlier
            provider = providers.create(
                session,
                practice,
                username=username,
                display_name=display_name,
                timezone=wanted.timezone,
                email=email,
                policies=settings,
            )
            return request_claim.answer(
                CreateProviderResponse(provider=messages.provider(provider, practice, actor))
            )
