"""The practice of the account, in availability."""

from collections.abc import Mapping

from attune.availability.v1 import practice_service_pb2 as rpc
from attune.availability.v1.availability_pb2 import Practice
from gateway.backends.stubs import stubs


def get() -> Practice:
    """Return the caller's practice."""
    return stubs().practices.GetPractice(rpc.GetPracticeRequest()).practice


def update(changes: Mapping[str, str], *, request_id: str = "") -> Practice:
    """Change some details of the caller's practice and return it. `changes` are values by field."""
    request = rpc.UpdatePracticeRequest(request_id=request_id, **changes)
    return stubs().practices.UpdatePractice(request).practice
