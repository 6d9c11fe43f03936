"""Access control: one table of permissions, which RPCs and row filters apply.

An RPC names the permission that it needs (`@allow("bookings:read")`); the server refuses callers
without the permission before the RPC runs. A query restricts itself to the rows within the
caller's reach (`rows`); row-level security in the database separates practices as well.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, SQLColumnExpression, false

from common.errors import NotAllowed, Unauthenticated
from common.rpc.identity import Identity, caller

_TABLE = """
                        visitor  client  clinician  supervisor  manager   owner     services
slots:search            yes      yes     yes        yes         yes       yes       all
slots:check             -        -       -          -           -         -         booking
providers:read          -        -       practice   practice    practice  practice  all
provider_emails:read    -        -       own        own         practice  practice  all
providers:create        -        -       -          -           practice  practice  operator
practices:create        -        -       -          -           -         -         operator
practices:read          -        -       practice   practice    practice  practice  operator
practices:change        -        -       -          -           practice  practice  operator
hours:read              -        -       practice   practice    practice  practice  operator
hours:change            -        -       own        -           practice  practice  operator
physical_rooms:read     -        -       practice   practice    practice  practice  operator
physical_rooms:change   -        -       -          -           practice  practice  operator
service_types:read      -        -       practice   practice    practice  practice  operator
service_types:change    -        -       -          -           practice  practice  operator
policies:read           -        -       practice   practice    practice  practice  operator
policies:change         -        -       own        -           practice  practice  operator
holds:create            yes      yes     yes        yes         yes       yes       all
bookings:create         yes      yes     yes        yes         yes       yes       all
bookings:read           -        own     own        own         practice  practice  all
bookings:change         -        -       own        own         practice  practice  -
bookings:cancel         -        own     own        own         practice  practice  -
manage_links:resolve    yes      -       -          -           -         -         gateway
occupancy:read          -        -       -          -           -         -         all
booking_facts:read      -        -       -          -           -         -         all
clients:list            -        -       own        own         practice  practice  all
clients:read            -        own     own        own         practice  practice  all
clients:change          -        -       -          -           practice  practice  -
video_rooms:read        -        own     own        -           practice  practice  all
video_rooms:change      -        -       own        -           practice  practice  -
join_links:use          yes      yes     yes        yes         yes       yes       all
billables:read          -        -       own        -           practice  practice  -
feeds:manage            -        -       own        -           practice  practice  -
feeds:export            yes      yes     yes        yes         yes       yes       all
mailbox:read            yes      yes     yes        yes         yes       yes       all
notices:read            -        -       own        own         practice  practice  -
notices:manage          -        -       -          -           practice  practice  -
audit:read              -        -       -          -           -         practice  -
"""


class Reach(IntEnum):
    """How far a permission goes. The widest reach among a caller's roles counts."""

    NONE = 0
    YES = 1
    """The action is allowed, and involves no rows of other people."""
    OWN = 2
    """The caller's own rows: those of the provider, of the client, or of one booking."""
    PRACTICE = 3
    """All rows of the caller's practice."""


_WORDS = {"-": Reach.NONE, "yes": Reach.YES, "own": Reach.OWN, "practice": Reach.PRACTICE}
ALL = "all"


def _parse(table: str) -> tuple[dict[str, dict[str, Reach]], dict[str, frozenset[str]]]:
    head, *lines = table.strip("\n").splitlines()
    columns = head.split()[:-1]
    by_people, by_services = {}, {}
    for line in lines:
        permission, *cells, services = line.split()
        by_people[permission] = {
            column: _WORDS[cell] for column, cell in zip(columns, cells, strict=True)
        }
        by_services[permission] = frozenset(services.removeprefix("-").split(",")) - {""}
    return by_people, by_services


PEOPLE, SERVICES = _parse(_TABLE)
"""By permission: the reach of each kind of caller and role, and the services that have it."""

Method = TypeVar("Method", bound=Callable[..., Any])


def allow(permission: str) -> Callable[[Method], Method]:
    """Declare the permission that an RPC needs. The server does not start an RPC without one."""
    if permission not in PEOPLE:
        raise LookupError(f"{permission} is not in the table of permissions")

    def mark(method: Method) -> Method:
        method.permission = permission  # type: ignore[attr-defined]  # read by common.rpc.server
        return method

    return mark


def reach(identity: Identity, permission: str) -> Reach:
    """Return how far a permission goes for a caller."""
    if identity.scopes and permission not in identity.scopes:
        return Reach.NONE
    people = PEOPLE[permission]
    if identity.is_service:
        name = identity.subject.partition(":")[2]
        return Reach.PRACTICE if SERVICES[permission] & {ALL, name} else Reach.NONE
    if identity.is_staff:
        return max((people[role] for role in identity.roles), default=Reach.NONE)
    return people[identity.kind]


def require(permission: str, identity: Identity | None = None) -> Reach:
    """Return how far a permission goes for `identity`, by default the current RPC's caller.

    Without the permission, raises Unauthenticated for visitors and NotAllowed for other callers.
    """
    who = identity or caller()
    found = reach(who, permission)
    if found is Reach.NONE:
        raise Unauthenticated if who.kind == "visitor" else NotAllowed
    return found


def rows(
    permission: str,
    identity: Identity,
    *,
    practice: SQLColumnExpression[UUID],
    provider: SQLColumnExpression[UUID] | Callable[[UUID], ColumnElement[bool]] | None = None,
    client: SQLColumnExpression[UUID] | None = None,
    booking: SQLColumnExpression[UUID] | None = None,
) -> list[ColumnElement[bool]]:
    """Return the conditions under which a row is within a caller's reach.

    `provider`, `client`, and `booking` are the columns with a row's owners; `provider` may also be
    a function from a provider's id to a condition. Without a column, no row is anyone's own in
    that respect. Row-level security restricts rows to the practice too, but PostgreSQL uses an
    index only for conditions of the query itself.
    """
    how_far = reach(identity, permission)
    if how_far <= Reach.YES or not identity.practice_id:
        return [false()]
    within: list[ColumnElement[bool]] = [practice == UUID(identity.practice_id)]
    if how_far is Reach.PRACTICE:
        return within
    if identity.is_staff:
        if not identity.provider_id or provider is None:
            return [false()]
        theirs = UUID(identity.provider_id)
        return [*within, provider(theirs) if callable(provider) else provider == theirs]
    if not identity.client_id or client is None:
        return [false()]
    within.append(client == UUID(identity.client_id))
    if identity.booking_id:
        within.append(booking == UUID(identity.booking_id) if booking is not None else false())
    return within
