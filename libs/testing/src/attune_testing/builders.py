"""Builders: one function for each resource that tests need."""

from uuid import UUID

from attune_operator.environment import Environment
from common.clock import SystemClock
from common.rpc import identity, request_context
from common.rpc.identity import Identity
from common.services import GATEWAY, OPERATOR
from gateway.identity import accounts


def make_account(
    environment: Environment,
    practice: UUID,
    email: str,
    password: str,
    roles: tuple[str, ...],
    provider: UUID | None,
) -> UUID:
    """Create an account in the gateway's database; an existing one of that email is kept."""
    with (
        environment.database(GATEWAY) as database,
        identity.acting_as(Identity(f"service:{OPERATOR}")),
        request_context.of(request_context.new_request()),
    ):
        return accounts.create(
            database,
            SystemClock(),
            practice_id=practice,
            email=email,
            password=password,
            roles=roles,
            provider_id=provider,
        )
