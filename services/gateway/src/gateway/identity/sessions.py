"""Sessions of staff (spec GW-12).

A token is random and stored hashed. What a session may do is read from its account at each
request, so that revoking a session or disabling an account takes effect at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from flask import current_app, g, request

from common import audit
from common.clock import Clock
from common.db.database import EVERY_PRACTICE, Database
from common.errors import NotFound, Unauthenticated
from common.rpc.identity import Identity
from gateway.identity import csrf, store, tokens
from gateway.settings import settings
from gateway.web import authorization, cookies
from gateway.web.cookies import AnyResponse
from gateway.web.protection import SAFE_METHODS, CrossSite

_SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Current:
    """The session of this request."""

    session_id: UUID
    identity: Identity
    email: str
    name: str


def current() -> Current | None:
    """Return the session of this request, by the token in `Authorization`, else by the cookie.

    Raises CrossSite for a write by a cookie unless it demonstrably comes from our own pages.
    """
    if "session" not in g:
        if not authorization.has_token() and cookies.read(tokens.COOKIE) and not _is_own_page():
            raise CrossSite
        g.session = _find(tokens.sent())
    found: Current | None = g.session
    return found


def required() -> Current:
    """Return the session of this request. Raises Unauthenticated if nobody is signed in."""
    if (found := current()) is None:
        raise Unauthenticated
    return found


def own() -> Sequence[store.AccountSession]:
    """Return the sessions of the account that is signed in, the last used first."""
    here = required().identity
    with database().transaction(here.practice_id) as session:
        found = store.sessions(session, _account_id(here), clock().now(), _idle())
        audit.record(session, "session.list", subject=here.subject, session=[s.id for s in found])
        return found


def revoke(session_id: UUID) -> None:
    """End one of the account's sessions. Raises NotFound."""
    here = required().identity
    with database().transaction(here.practice_id) as session:
        if not store.revoke(session, _account_id(here), session_id, clock().now()):
            raise NotFound
        audit.record(session, "session.revoke", subject=here.subject, session=session_id)


def sign_out(response: AnyResponse) -> AnyResponse:
    """End the session of this request, if there is one, and delete its cookie."""
    if found := current():
        with database().transaction(found.identity.practice_id) as session:
            here, ended = found.identity, found.session_id
            store.revoke(session, _account_id(here), ended, clock().now())
            audit.record(session, "session.end", subject=here.subject, session=ended)
    return cookies.delete_from(response, tokens.COOKIE)


def database() -> Database:
    """Return the database of the app that is handling this request."""
    found: Database = current_app.extensions["database"]
    return found


def clock() -> Clock:
    """Return the clock of the app that is handling this request."""
    found: Clock = current_app.extensions["clock"]
    return found


def _is_own_page() -> bool:
    """Return whether a cookie counts for this request.

    `gateway.web.protection` has judged what browsers say about the origin of a write, except that
    listed origins passed, which must use tokens. A request without any such header needs the
    token of a form.
    """
    origin = request.headers.get("Origin")
    if request.method in SAFE_METHODS:
        return True
    if origin is None and "Sec-Fetch-Site" not in request.headers:
        return csrf.is_valid()
    return origin not in settings().origins


def _find(token: str) -> Current | None:
    if not token:
        return None
    now = clock().now()
    with database().transaction(EVERY_PRACTICE) as session:
        found = store.session_with_account(session, tokens.hashed(token), now, _idle())
        if found is None:
            return None
        here, account = found
        if now - here.last_seen_at > _SEEN_EVERY:
            here.last_seen_at = now
        return Current(
            here.id,
            Identity(
                f"account:{account.id}",
                str(account.practice_id),
                frozenset(account.roles),
                provider_id=str(account.provider_id or ""),
            ),
            account.email,
            account.name,
        )


def _account_id(identity: Identity) -> UUID:
    return UUID(identity.subject.partition(":")[2])


def _idle() -> timedelta:
    return timedelta(hours=settings().session_idle_hours)
