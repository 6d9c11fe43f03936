"""Policies of the practice and of its providers, in availability."""

from typing import NamedTuple

from attune.availability.v1 import policy_service_pb2 as rpc
from attune.availability.v1.availability_pb2 import Policies
from gateway.backends.stubs import stubs


class PolicySet(NamedTuple):
    """Own policies, and the policies in effect with the fallbacks applied."""

    own: Policies
    effective: Policies
    version: int


def get(username: str = "") -> PolicySet:
    """Return the policies of a provider, or of the practice without a username."""
    found = stubs().policies.GetPolicies(rpc.GetPoliciesRequest(username=username))
    return PolicySet(found.policies, found.effective_policies, found.version)


def replace(policies: Policies, *, version: int, username: str = "") -> PolicySet:
    """Replace the policies of a provider, or of the practice without a username.

    Raises Stale if they have another version by now.
    """
    request = rpc.ReplacePoliciesRequest(username=username, policies=policies, version=version)
    saved = stubs().policies.ReplacePolicies(request)
    return PolicySet(saved.policies, saved.effective_policies, saved.version)
