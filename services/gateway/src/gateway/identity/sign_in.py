"""Signing in with email and password (spec GW-12)."""

from datetime import datetime, timedelta

from flask import request
from sqlalchemy.orm import Session

from common import audit, ids
from common.db import encryption
from common.db.database import EVERY_PRACTICE
from common.errors import TooMany, Unauthenticated
from gateway.identity import accounts, devices, passwords, store, tokens
from gateway.identity.sessions import clock, database
from gateway.settings import settings
from gateway.web import addresses, cookies
from gateway.web.cookies import AnyResponse
from gateway.web.problems import WithMembers

_LONGEST_BROWSER = 200


class WrongCredentials(Unauthenticated):
    """Incorrect email or password."""


class TooManyAttempts(TooMany):
    """Too many failed attempts. Wait, then try again."""


def sign_in(email: str, password: str) -> str:
    """Open a session and return its token.

    Raises WrongCredentials, the same way and after the same work whether or not there is such an
    account, or TooManyAttempts with Retry-After. A failure counts for the account as seen from
    this address, so that a stranger elsewhere locks nobody out, and for the address. From a
    browser that signed in before, a failure counts only for that browser and account.
    """
    now = clock().now()
    index = accounts.index_of_input(email)
    own, shared = _counters(index)
    try:
        with database().transaction(EVERY_PRACTICE) as session:
            for counter in filter(None, (own, shared)):
                if until := store.count_attempt(session, counter, now):
                    raise _blocked(until - now)
            account = store.find(session, index)
        # No connection is held while the password is checked.
        if not passwords.matches(account.password_hash if account else None, password):
            raise WrongCredentials
    except WrongCredentials:
        _record_failure("sign_in.refused", index)
        raise
    except WithMembers:
        _record_failure("sign_in.blocked", index)
        raise
    assert account is not None, "only a password of an account matches"  # noqa: S101
    with database().transaction(EVERY_PRACTICE) as session:
        store.forgive_attempt(session, own, shared, now)
        return _open_session(session, account, password, now)


def remember(response: AnyResponse, token: str, email: str) -> AnyResponse:
    """Give the browser its session cookie, and mark it as one that has signed in before."""
    lifetime = timedelta(days=settings().session_days)
    cookies.set_on(response, tokens.COOKIE, token, lifetime)
    return devices.remember(response, accounts.index_of_input(email))


def _record_failure(action: str, index: bytes) -> None:
    """Write the audit entry. The work is the same whether or not there is such an account."""
    with database().transaction(EVERY_PRACTICE) as session:
        account = store.find(session, index)
        audit.record(
            session,
            action,
            practice_id=account.practice_id if account else audit.NO_PRACTICE,
            account=[account.id] if account else [],
        )


def _open_session(session: Session, account: store.Account, password: str, now: datetime) -> str:
    token = tokens.new()
    if passwords.is_outdated(account.password_hash):
        session.merge(account).password_hash = passwords.hashed(password)
    opened = store.AccountSession(
        id=ids.new(),
        practice_id=account.practice_id,
        account_id=account.id,
        token_hash=tokens.hashed(token),
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


def _counters(index: bytes) -> tuple[store.Counter, store.Counter | None]:
    """Return the counter of this account and browser or address, and that of the address alone."""
    ring, most = encryption.ring(), settings()
    device = devices.known(index)
    key = f"{index.hex()} {device or addresses.caller()}"
    own = store.Counter(ring.index(key, "sign-in"), most.sign_in_failures)
    if device:
        return own, None
    by_address = ring.index(addresses.caller(), "sign-in.address")
    return own, store.Counter(by_address, most.sign_in_failures_by_address)


def _blocked(wait: timedelta) -> WithMembers:
    seconds = max(1, round(wait.total_seconds()))
    return WithMembers(TooManyAttempts(), headers={"Retry-After": str(seconds)})
