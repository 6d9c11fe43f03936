"""The errors of the product, with their HTTP and gRPC status.

DomainError
├── Invalid             400  INVALID_ARGUMENT     the request itself is wrong
├── Unauthenticated     401  UNAUTHENTICATED      the caller is not signed in
├── NotAllowed          403  PERMISSION_DENIED    the caller lacks the permission
├── NotFound            404  NOT_FOUND
├── Conflict            409  ALREADY_EXISTS       someone else was first
├── Stale               409  ABORTED              the change is based on an older version
├── Refused             422  FAILED_PRECONDITION  the request is valid, but a rule forbids it
├── TooMany             429  RESOURCE_EXHAUSTED
├── Unavailable         503  UNAVAILABLE          the same request may succeed later
│   └── DeadlineExceeded
└── Unreadable          500  DATA_LOSS            the data is stored, but cannot be read

A subclass is named after what happened. Its reason is its name in capitals (`SlotTaken` →
`SLOT_TAKEN`), and the first line of its docstring is the message that people see. Servicers raise
these errors, `common.rpc.server` turns them into a status with an ErrorInfo, and
`common.rpc.channels` raises them again at the caller. Messages and details contain ids only, never
personal data.
"""

import re
from typing import ClassVar

import grpc


class DomainError(Exception):
    """A failure with a stable `reason`, the `field` of the request concerned, and `details`."""

    code: ClassVar[grpc.StatusCode] = grpc.StatusCode.INTERNAL

    def __init__(
        self, message: str = "", *, field: str = "", reason: str = "", **details: str
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip().split("\n")[0]
        self.field = field
        self.details = details
        self.reason = reason or reason_of(type(self))
        super().__init__(self.message)


def reason_of(kind: type[DomainError]) -> str:
    """Return the reason of an error class: `SLOT_TAKEN` for `SlotTaken`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", kind.__name__).upper()


class Invalid(DomainError):
    """The request isn't valid."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class Unauthenticated(DomainError):
    """Sign in first."""

    code = grpc.StatusCode.UNAUTHENTICATED


class NotAllowed(DomainError):
    """You don't have permission to do this."""

    code = grpc.StatusCode.PERMISSION_DENIED


class NotFound(DomainError):
    """This doesn't exist, or you don't have access to it."""

    code = grpc.StatusCode.NOT_FOUND


class Conflict(DomainError):
    """Someone else was first."""

    code = grpc.StatusCode.ALREADY_EXISTS


class Stale(DomainError):
    """Someone else changed this. Load it again, then retry."""

    code = grpc.StatusCode.ABORTED


class Refused(DomainError):
    """A rule doesn't allow this."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class TooMany(DomainError):
    """Too many requests. Wait, then try again."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Unavailable(DomainError):
    """Temporarily unavailable. Try again shortly."""

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(Unavailable):
    """This took too long. Try again shortly."""


class Unreadable(DomainError):
    """This is stored but can't be read."""

    code = grpc.StatusCode.DATA_LOSS


KINDS: dict[grpc.StatusCode, type[DomainError]] = {
    kind.code: kind
    for kind in (
        Invalid, Unauthenticated, NotAllowed, NotFound, Conflict, Stale, Refused, TooMany,
        Unavailable, Unreadable,
    )
}  # fmt: skip
