"""Failures of operations that take a slot."""

from datetime import datetime, tzinfo

from common.errors import DomainError, Invalid
from gateway import times
from gateway.backends import providers, slots
from gateway.backends.slots import Query
from gateway.web.problems import WithMembers

SLOT_TAKEN = "SLOT_TAKEN"


def with_alternatives(failure: DomainError, query: Query, start: datetime, tz: tzinfo) -> Exception:
    """Return the failure to raise for a slot that was refused.

    For a slot that is taken, it names the nearest free ones. For an invalid request to an unknown
    provider, it is NotFound.
    """
    if isinstance(failure, Invalid):
        providers.profile(query.username)
    if failure.reason != SLOT_TAKEN:
        return failure
    since = query._replace(revision=failure.details.get("revision", ""))
    found = slots.alternatives(since, start)
    free = times.slots(found.minutes, found.duration_minutes, tz)
    return WithMembers(failure, {"alternatives": free})
