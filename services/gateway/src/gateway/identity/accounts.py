"""Accounts of staff: who may sign in, and with which roles in their practice."""

from uuid import UUID

from common import audit, emails, ids
from common.clock import Clock
from common.db import encryption
from common.db.database import EVERY_PRACTICE, Database
from common.errors import Conflict, Invalid
from common.rpc.identity import ROLES
from gateway.identity import passwords, store

_LONGEST_NAME = 200


class AccountExists(Conflict):
    """This email address already has an account."""


class InvalidRole(Invalid):
    """Must be one or more of: owner, manager, clinician, supervisor."""


class InvalidName(Invalid):
    """Must have at most 200 characters, and no null character."""


def create(
    database: Database,
    clock: Clock,
    *,
    practice_id: UUID,
    email: str,
    password: str,
    roles: tuple[str, ...],
    provider_id: UUID | None = None,
    name: str = "",
) -> UUID:
    """Create an account and return its id.

    Raises AccountExists, InvalidEmail, InvalidRole, WeakPassword, or InvalidName.
    """
    address = normalized(email)
    if not roles or not set(roles) <= set(ROLES):
        raise InvalidRole(field="roles")
    if len(name) > _LONGEST_NAME or "\0" in name:
        raise InvalidName(field="name")
    account = store.Account(
        id=ids.new(),
        practice_id=practice_id,
        email_index=index(address),
        password_hash=passwords.hashed(password),
        roles=sorted(set(roles)),
        provider_id=provider_id,
        created_at=clock.now(),
    )
    account.email = address
    account.name = name
    # An email has one account in all practices: sign-in asks for nothing else.
    with database.transaction(EVERY_PRACTICE) as session:
        if not store.add(session, account):
            raise AccountExists(field="email")
        audit.record(
            session,
            "account.create",
            practice_id=practice_id,
            account=account.id,
            role=account.roles,
        )
    return account.id


def normalized(email: str) -> str:
    """Return the form in which an email is stored and compared. Raises what `emails.parse` does."""
    return emails.parse(email, "email").normalized.lower()


def index(email: str) -> bytes:
    """Return the blind index under which the account of a normalized email is found."""
    return encryption.ring().index(email, "account.email")


def index_of_input(email: str) -> bytes:
    """Return the blind index for what a person typed; text that is no email matches no account."""
    try:
        return index(normalized(email))
    except Invalid:
        return index(email)
