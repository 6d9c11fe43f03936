"""Policies."""

import grpc

from attune.availability.v1.policy_service_pb2 import (
    GetPoliciesRequest,
    GetPoliciesResponse,
    ReplacePoliciesRequest,
    ReplacePoliciesResponse,
)
from attune.availability.v1.policy_service_pb2_grpc import PolicyServiceServicer
from availability import messages
from availability.actions import policies
from availability.actions.setup import practice_of
from availability.domain.policies import check
from availability.search.cache import Cache
from availability.servicer.requests import claim
from common.db.database import Database
from common.rpc.access import allow
from common.rpc.identity import caller


class PolicyServicer(PolicyServiceServicer):
    """The RPCs about policies."""

    def __init__(self, database: Database, cache: Cache) -> None:
        self._database = database
        self._cache = cache

    @allow("policies:read")
    def GetPolicies(
        self, request: GetPoliciesRequest, context: grpc.ServicerContext
    ) -> GetPoliciesResponse:
        """Return the practice's policies, or those of a provider."""
        actor = caller()
        with self._database.transaction(practice_of(actor)) as session:
            practice, provider = policies.get(session, actor, request.username)
            return GetPoliciesResponse(**messages.policies_of(practice, provider))

    @allow("policies:change")
    def ReplacePolicies(
        self, request: ReplacePoliciesRequest, context: grpc.ServicerContext
    ) -> ReplacePoliciesResponse:
        """Replace the practice's policies (owners and managers), or a provider's own (spec AV-15,
        AV-16). STALE if they are based on an older version than the stored one."""
        actor, settings = caller(), messages.parse_policies(request.policies)
        check(settings)
        with self._database.transaction(practice_of(actor)) as session:
            _, request_claim = claim(session, actor, request, ReplacePoliciesResponse)
            if request_claim.earlier:
                return request_claim.earlier
            practice, provider = policies.replace(
                session, actor, self._cache, request.username, settings, request.version
            )
            return request_claim.answer(
                ReplacePoliciesResponse(**messages.policies_of(practice, provider))
            )
