"""Staff sign in, stay signed in by a cookie or a bearer token, and sign out (spec GW-12).

A token is random and stored hashed; what a session may do is read from its account at each
request, so that revoking either takes effect at once.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from flask import current_app, g, request
from sqlalchemy.orm import Session

from common import audit, ids
from common.clock import Clock
from common.db import encryption
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Invalid, NotAllowed, NotFound, TooMany, Unauthenticated
from common.rpc.identity import Identity
from gateway import accounts, addresses, cookies, problems, visitors
from gateway.accounts import passwords, store
from gateway.cookies import AnyResponse
from gateway.settings import settings

COOKIE = "attune_session"
DEVICE_COOKIE = "attune_device"
CSRF_FIELD = "csrf_token"
CSRF_HEADER = "X-CSRF-Token"
_DEVICE_KEPT = timedelta(days=180)
_SEEN_EVERY = timedelta(minutes=1)
_LONGEST_BROWSER = 200
_MAC = hashlib.sha256().digest_size
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})  # methods that change nothing
_SCHEMES = ("bearer", "manage")  # of the tokens that `Authorization` carries here


class WrongCredentials(Unauthenticated):
    """The e-mail or the password is not right."""


class TooManyAttempts(TooMany):
    """Too many failed attempts; wait a little."""


class CrossSite(NotAllowed):
    """This did not come from one of our pages; load the page again."""


@dataclass(frozen=True)
class Current:
    """The session of this request."""

    session_id: UUID
    identity: Identity
    email: str
    name: str


def sign_in(email: str, password: str) -> str:
    """A new session's token. Errors: WRONG_CREDENTIALS, the same for an unknown account, after
    the same work; TOO_MANY_ATTEMPTS with Retry-After.

    Failures count for the account as seen from this address, so that a stranger's elsewhere lock
    nobody out, and for the address; from a browser that signed in before, only for the two."""
    now = _clock().now()
    index = _index(email)
    own, shared = _counted(index)
    try:
        with _database().transaction(EVERY_PRACTICE) as session:
            for counted in filter(None, (own, shared)):
                if until := store.attempt(session, counted, now):
                    raise _blocked(until - now)
            account = store.find(session, index)
        # No connection is held while the password is checked.
        if not passwords.matches(account.password_hash if account else None, password):
            raise WrongCredentials
    except WrongCredentials:
        _record_failure("sign_in.refused", index)
        raise
    except problems.WithMembers:
        _record_failure("sign_in.blocked", index)
        raise
    assert account is not None, "a password matches only an account's"  # noqa: S101
    with _database().transaction(EVERY_PRACTICE) as session:
        store.succeed(session, own, shared, now)
        store.forget(session, now)
        return _open(session, account, password, now)


def _record_failure(action: str, index: bytes) -> None:
    """The same work, whether or not there is such an account."""
    with _database().transaction(EVERY_PRACTICE) as session:
        account = store.find(session, index)
        audit.record(
            session,
            action,
            practice_id=account.practice_id if account else audit.NO_PRACTICE,
            account=[account.id] if account else [],
        )


def _open(session: Session, account: store.Account, password: str, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    if passwords.is_outdated(account.password_hash):
        session.merge(account).password_hash = passwords.hashed(password)
    opened = store.SignedIn(
        id=ids.new(),
        practice_id=account.practice_id,
        account_id=account.id,
        token_hash=_hash(token),
        created_at=now,
        last_seen_at=now,
        expires_at=now + timedelta(days=settings().session_days),
    )
    opened.browser = request.headers.get("User-Agent", "")[:_LONGEST_BROWSER]
    session.add(opened)
    audit.record(
        session,
        "session.start",
        practice_id=account.practice_id,
        subject=f"account:{account.id}",
        session=opened.id,
    )
    return token


def current() -> Current | None:
    """Whoever is signed in: by the token in `Authorization`, else by the cookie. Raises CrossSite
    for a write by a cookie that nothing shows to come from our own pages."""
    if "signed_in" not in g:
        if not presents_token() and cookies.read(COOKIE) and not _is_our_own():
            raise CrossSite
        g.signed_in = _find(_token())
    found: Current | None = g.signed_in
    return found


def required() -> Current:
    """Whoever is signed in; raises Unauthenticated."""
    if (found := current()) is None:
        raise Unauthenticated
    return found


def listed() -> Sequence[store.SignedIn]:
    """Where the account of this request is signed in."""
    here = required().identity
    with _database().transaction(here.practice_id) as session:
        found = store.sessions(session, _account_id(here), _clock().now(), _idle())
        audit.record(session, "session.list", subject=here.subject, session=[s.id for s in found])
        return found


def revoke(session_id: UUID) -> None:
    """End one of the account's sessions; raises NotFound."""
    here = required().identity
    with _database().transaction(here.practice_id) as session:
        if not store.revoke(session, _account_id(here), session_id, _clock().now()):
            raise NotFound
        audit.record(session, "session.revoke", subject=here.subject, session=session_id)


def sign_out(response: AnyResponse) -> AnyResponse:
    """End the session of this request, if there is one, and forget its cookie."""
    if found := current():
        with _database().transaction(found.identity.practice_id) as session:
            who, ended = found.identity, found.session_id
            store.revoke(session, _account_id(who), ended, _clock().now())
            audit.record(session, "session.end", subject=who.subject, session=ended)
    return cookies.take_back(response, COOKIE)


def remember(response: AnyResponse, token: str, email: str) -> AnyResponse:
    """Give the browser its session, and the mark of one that knows the password."""
    device = _device(secrets.token_urlsafe(16), _index(email))
    cookies.give(response, COOKIE, token, timedelta(days=settings().session_days))
    return cookies.give(response, DEVICE_COOKIE, device, _DEVICE_KEPT)


def csrf_token() -> str:
    """For forms: bound to the session, or to the visitor where nobody is signed in. Written
    differently each time, so that the sizes of compressed pages do not tell it (BREACH)."""
    return _masked(_csrf(), secrets.token_bytes(_MAC))


def require_csrf() -> None:
    """Raises CrossSite unless `has_csrf`."""
    if not has_csrf():
        raise CrossSite


def has_csrf() -> bool:
    """Whether the form, or the header, carries `csrf_token()`."""
    sent = request.form.get(CSRF_FIELD) or request.headers.get(CSRF_HEADER, "")
    try:
        mask = base64.urlsafe_b64decode(sent.encode())[:_MAC]
    except ValueError:
        return False
    return len(mask) == _MAC and _equal(sent, _masked(_csrf(), mask))


def presents_token() -> bool:
    """Whether the request shows a token itself, as no browser does for a page of somebody else.
    Then no cookie counts: the two must not be mixed."""
    return request.headers.get("Authorization", "").partition(" ")[0].lower() in _SCHEMES


def _is_our_own() -> bool:
    """Whether a cookie may count for this request. What browsers say of where a write comes from
    has been judged (`gateway.protection`), but for listed origins, which call with tokens; where
    nothing is said, the form's token must tell."""
    origin = request.headers.get("Origin")
    if request.method in SAFE:
        return True
    if origin is None and "Sec-Fetch-Site" not in request.headers:
        return has_csrf()
    return origin not in settings().origins


def _find(token: str) -> Current | None:
    if not token:
        return None
    now = _clock().now()
    with _database().transaction(EVERY_PRACTICE) as session:
        found = store.signed_in(session, _hash(token), now, _idle())
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


def _token() -> str:
    return _bearer() if presents_token() else cookies.read(COOKIE)


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _counted(index: bytes) -> tuple[store.Attempts, store.Attempts | None]:
    ring, most = encryption.ring(), settings()
    own = f"{index.hex()} {_known_device(index) or addresses.caller()}"
    counted = store.Attempts(ring.index(own, "sign-in"), most.sign_in_failures)
    if _known_device(index):
        return counted, None
    by_address = ring.index(addresses.caller(), "sign-in.address")
    return counted, store.Attempts(by_address, most.sign_in_failures_by_address)


def _blocked(wait: timedelta) -> problems.WithMembers:
    seconds = max(1, round(wait.total_seconds()))
    return problems.WithMembers(TooManyAttempts(), headers={"Retry-After": str(seconds)})


def _known_device(index: bytes) -> str:
    """The browser's own mark, if it has signed in to this account before."""
    cookie = cookies.read(DEVICE_COOKIE)
    nonce = cookie.partition(".")[0]
    return nonce if nonce and _equal(cookie, _device(nonce, index)) else ""


def _device(nonce: str, index: bytes) -> str:
    return f"{nonce}.{_mac('device', f'{nonce} {index.hex()}')}"


def _index(email: str) -> bytes:
    """Of whatever was typed: what is no e-mail is nobody's."""
    try:
        return accounts.index(accounts.normalised(email))
    except Invalid:
        return accounts.index(email)


def _csrf() -> bytes:
    return _digest("csrf", _token() or visitors.visitor_id())


def _masked(digest: bytes, mask: bytes) -> str:
    """A mask, and what it makes of the digest."""
    hidden = bytes(a ^ b for a, b in zip(digest, mask, strict=True))
    return base64.urlsafe_b64encode(mask + hidden).decode()


def _mac(purpose: str, text: str) -> str:
    return base64.urlsafe_b64encode(_digest(purpose, text)).decode().rstrip("=")


def _digest(purpose: str, text: str) -> bytes:
    key = settings().session_key.encode()
    return hmac.digest(key, f"{purpose}\0{text}".encode(), hashlib.sha256)


def _equal(sent: str, own: str) -> bool:
    return hmac.compare_digest(sent.encode(), own.encode())


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _account_id(identity: Identity) -> UUID:
    return UUID(identity.subject.partition(":")[2])


def _idle() -> timedelta:
    return timedelta(hours=settings().session_idle_hours)


def _database() -> Database:
    found: Database = current_app.extensions["database"]
    return found


def _clock() -> Clock:
    found: Clock = current_app.extensions["clock"]
    return found
