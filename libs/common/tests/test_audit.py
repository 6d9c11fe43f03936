"""The audit trail: written with the action, chained, and verified."""

import base64
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, func, make_url, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from attune.audit.v1 import audit_service_pb2 as pb
from attune.audit.v1.audit_service_pb2_grpc import (
    AuditServiceStub,
    add_AuditServiceServicer_to_server,
)
from attune_operator.environment import Environment
from attune_operator.main import main
from attune_testing import identities
from attune_testing.clock import TestClock, utc
from attune_testing.database import new_database
from attune_testing.identities import staff
from attune_testing.servers import POSTGRES
from attune_testing.serving import Served, serve
from attune_testing.waiting import until
from common import audit, ids
from common.audit import Chain, Entry, Head, Report, Sealer
from common.audit.servicer import AuditServicer
from common.audit.verifier import (
    BEHIND,
    CHANGED,
    MISPLACED,
    MISSING,
    NO_BEGINNING,
    NO_END,
    NOT_SEEN,
    UNREADABLE,
    UNSEALED,
)
from common.db import encryption, reencryption
from common.db.database import EVERY_PRACTICE, Database
from common.errors import DomainError, Invalid, NotAllowed, Unauthenticated
from common.rpc import identity, request_context
from common.rpc.identity import VISITOR, Identity

pytestmark = pytest.mark.req("PF-8")
ADDRESS = "2001:db8:7::1"
NOW = utc("2026-11-02 14:00")


CLOCK = TestClock(NOW)


@pytest.fixture
def clock() -> TestClock:
    CLOCK.present = NOW
    return CLOCK


@contextmanager
def a_database() -> Iterator[Database]:
    """A migrated database with a chain of its own, opened as the service's role."""
    database = new_database("sample", "audit")
    database.clock = CLOCK
    yield database
    database.close()


@pytest.fixture
def alone(clock: TestClock) -> Iterator[Database]:
    """A database that no other test uses."""
    with a_database() as database:
        yield database


@pytest.fixture(scope="module")
def _shared() -> Iterator[Database]:
    with a_database() as database:
        yield database


@pytest.fixture
def database(_shared: Database, clock: TestClock) -> Database:
    """A database for tests that use practices of their own."""
    return _shared


@pytest.fixture(scope="module")
def chained() -> Iterator[Database]:
    """A database with seven sealed entries, for tests that do not change entries."""
    CLOCK.present = NOW
    with a_database() as database:
        sealed(database)
        yield database


@contextmanager
def as_role(database: Database, role: str) -> Iterator[Session]:
    """Open a session of the schema's `owner` or of a `superuser`, without the service's limits.

    The session commits only if the test does.
    """
    own = database.engine.url
    superuser = make_url(os.environ[POSTGRES]).set(drivername=own.drivername, database=own.database)
    owner = own.set(username=f"{own.database}_owner")
    engine = create_engine(owner if role == "owner" else superuser)
    try:
        with Session(engine) as session:
            session.execute(text("SELECT set_config('attune.practice', '*', true)"))
            yield session
    finally:
        engine.dispose()


def begin_again(database: Database) -> None:
    """Seal the beginning of an empty chain for the keys that are in use now."""
    with as_role(database, "superuser") as session:
        session.execute(text("UPDATE audit_head SET mac = ''"))
        session.commit()
    begin(database)


def begin(database: Database) -> None:
    """Seal the beginning of a chain as `attune migrate` does."""
    own = database.engine.url
    owner = own.set(username=f"{own.database}_owner").render_as_string(hide_password=False)
    audit.seal_genesis(owner, Chain(database.service))


def write(database: Database, count: int = 1, practice: UUID | None = None) -> UUID:
    """Write entries of one new practice."""
    practice = practice or ids.new()
    for _ in range(count):
        with request_context.of("request-1", ADDRESS), database.transaction(practice) as session:
            audit.record(session, "client.read", client=ids.new())
    return practice


def sealed(database: Database, count: int = 7) -> Head:
    """Write and seal entries of one new practice."""
    write(database, count)
    assert Sealer(database).seal() == count
    found = check(database)
    assert (found.entries, found.waiting, found.fault) == (count, 0, "")
    return found.head


def check(database: Database, seen: Head | None = None) -> Report:
    with database.transaction(EVERY_PRACTICE) as session:
        return audit.verify(session, Chain("sample"), seen)


def test_an_entry_says_who_did_what_when_from_where_and_under_which_request(
    database: Database,
) -> None:
    practice, account, booking, client = (ids.new() for _ in range(4))
    with (
        identity.acting_as(staff(practice, "clinician", account_id=account)),
        request_context.of("0af7651916cd43dd8448eb211c80319c", ADDRESS),
        database.transaction(practice) as session,
    ):
        audit.record(session, "booking.read", booking=[booking], client=client)
    with database.transaction(practice) as session:
        [entry] = audit.page(session, audit.Filter(), "", 10).rows
    assert (entry.practice_id, entry.subject, entry.action, entry.things) == (
        practice,
        f"account:{account}",
        "booking.read",
        [f"booking:{booking}", f"client:{client}"],
    )
    assert (entry.at, entry.request, entry.address) == (
        NOW,
        "0af7651916cd43dd8448eb211c80319c",
        ADDRESS,
    )


def test_what_a_service_does_by_itself_is_its_own(database: Database) -> None:
    with database.transaction(EVERY_PRACTICE) as session:
        audit.record(session, "booking.expire", practice_id=audit.NO_PRACTICE, booking=ids.new())
    with database.transaction(audit.NO_PRACTICE) as session:
        [entry] = audit.page(session, audit.Filter(), "", 10).rows
        assert (entry.subject, entry.request, entry.address) == ("service:sample", "", "")


def test_an_entry_commits_with_what_it_tells_of_or_not_at_all(database: Database) -> None:
    practice = ids.new()
    with pytest.raises(DomainError), database.transaction(practice) as session:  # noqa: PT012  # the block that raises is the transaction
        audit.record(session, "client.change", client=ids.new())
        raise NotAllowed
    with database.transaction(practice) as session:
        assert audit.page(session, audit.Filter(), "", 10).rows == []


@pytest.mark.req("PF-7")
@pytest.mark.parametrize(
    "thing", ["Ottilie Vandermeer", "ottilie@mail.example", "+4917012345", "anxious, cannot sleep"]
)
def test_an_entry_holds_ids_only(database: Database, thing: str) -> None:
    with pytest.raises(ValueError, match="ids"), database.transaction(ids.new()) as session:
        audit.record(session, "client.read", client=thing)


@pytest.mark.req("PF-7")
def test_the_address_is_not_in_the_database_in_clear(alone: Database) -> None:
    write(alone)
    with as_role(alone, "superuser") as session:
        [row] = session.execute(text("SELECT a::text AS whole, address_sealed FROM audit AS a"))
    assert ADDRESS not in row.whole
    assert ADDRESS.encode() not in bytes(row.address_sealed)


@pytest.mark.req("GW-13")
def test_a_practice_sees_its_own_entries_alone(database: Database) -> None:
    mine, _ = write(database, 2), write(database, 3)
    with database.transaction(mine) as session:
        assert {e.practice_id for e in audit.page(session, audit.Filter(), "", 10).rows} == {mine}
        assert session.scalar(select(func.count()).select_from(Entry)) == 2


@pytest.mark.parametrize("role", ["service", "owner"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET subject = 'visitor'",
        "UPDATE audit SET at = at - interval '1 day'",
        "UPDATE audit SET position = position + 1",
        "UPDATE audit SET hash = ''",
        "UPDATE audit SET address_sealed = NULL",
        "DELETE FROM audit",
        "TRUNCATE audit",
    ],
)
def test_neither_the_service_nor_the_schema_owner_can_change_or_remove_entries(
    chained: Database, statement: str, role: str
) -> None:
    with pytest.raises(DatabaseError, match=r"only grows|permission denied"):  # noqa: PT012  # each role needs its own transaction
        if role == "owner":
            with as_role(chained, role) as session:
                session.execute(text(statement))
        else:
            with chained.transaction(EVERY_PRACTICE) as session:
                session.execute(text(statement))


def test_all_who_write_at_once_stand_in_one_chain_without_gaps(alone: Database) -> None:
    sealers = [Sealer(alone) for _ in range(3)]
    for sealer in sealers:
        sealer.start()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write(alone, 25), range(8)))
    for sealer in sealers:
        sealer.stop()
    report = check(alone)
    assert (report.entries, report.waiting, report.fault) == (200, 0, "")


def test_entries_are_sealed_right_after_they_are_written(alone: Database) -> None:
    sealer = Sealer(alone)
    sealer.start()
    try:
        write(alone)
        until(lambda: check(alone).entries)
    finally:
        sealer.stop()


def test_a_stopped_sealer_has_no_thread(alone: Database) -> None:
    before = set(threading.enumerate())
    sealer = Sealer(alone)
    sealer.start()
    sealer.stop()
    left = set(threading.enumerate()) - before
    assert "sealer" not in {thread.name for thread in left}


def test_entries_and_hashes_keep_their_form(monkeypatch: pytest.MonkeyPatch) -> None:
    """A later release verifies the chains of this one, which are never written anew."""
    key = base64.b64encode(bytes(32)).decode()
    monkeypatch.setattr(encryption, "_ring", encryption.KeyRing(f"k1:{key}", key))
    entry = Entry(
        id=UUID(int=1),
        practice_id=UUID(int=2),
        at=NOW,
        subject="visitor",
        action="client.read",
        things=["client:3"],
        request="request-1",
    )
    entry.address = ADDRESS
    assert entry.canonical() == (
        b'["00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002",'
        b' "2026-11-02T14:00:00+00:00", "visitor", "client.read", ["client:3"], "request-1",'
        b' "2001:db8:7::1"]'
    )
    chain = Chain("sample")
    head = chain.link(Head(4, bytes(32)), 7, chain.mac(entry.canonical()))
    assert str(head) == "5:8aa4d25c4800f9fa7d209092f0f6c9fbf850b704fecaabfeb02a99834b414d73"
    assert chain.seal(head).hex() == (
        "1096b10e8ed23f3a15550374241b8004cbeaf3080f17c5509b3e75c560339d76"
    )


TAMPERED: dict[str, tuple[str, str]] = {
    "a subject": (
        "UPDATE audit SET subject = 'visitor' WHERE position = 4",
        f"entry 4 {CHANGED}",
    ),
    "a time": (
        "UPDATE audit SET at = at + interval '1 microsecond' WHERE position = 4",
        f"entry 4 {CHANGED}",
    ),
    "a thing": (
        "UPDATE audit SET things = ARRAY['client:1'] WHERE position = 1",
        f"entry 1 {CHANGED}",
    ),
    "a practice": (
        "UPDATE audit SET practice_id = gen_random_uuid() WHERE position = 7",
        f"entry 7 {CHANGED}",
    ),
    "an address that is gone": (
        "UPDATE audit SET address_sealed = NULL WHERE position = 4",
        f"entry 4 {CHANGED}",
    ),
    "another entry's address": (
        "UPDATE audit SET address_sealed = (SELECT address_sealed FROM audit WHERE position = 5)"
        " WHERE position = 4",
        f"entry 4 {UNREADABLE}",
    ),
    "another entry's words": (
        "UPDATE audit AS a SET things = b.things, mac = b.mac FROM audit AS b"
        " WHERE a.position = 4 AND b.position = 5",
        f"entry 4 {CHANGED}",
    ),
    "the order of writing": (
        "UPDATE audit SET sequence = DEFAULT WHERE position = 4",
        f"entry 4 {MISPLACED}",
    ),
    "a hash": ("UPDATE audit SET hash = sha256('x') WHERE position = 4", f"entry 4 {MISPLACED}"),
    "the first entry removed": ("DELETE FROM audit WHERE position = 1", f"entry 1 {MISSING}"),
    "one in the middle removed": ("DELETE FROM audit WHERE position = 4", f"entry 4 {MISSING}"),
    "one in the middle removed, and the rest moved up": (
        "DELETE FROM audit WHERE position = 4;"
        "UPDATE audit SET position = -position WHERE position > 4;"
        "UPDATE audit SET position = -position - 1 WHERE position < 0",
        f"entry 4 {MISPLACED}",
    ),
    "two exchanged": (
        "UPDATE audit SET position = -5 WHERE position = 4;"
        "UPDATE audit SET position = 4 WHERE position = 5;"
        "UPDATE audit SET position = 5 WHERE position = -5",
        f"entry 4 {MISPLACED}",
    ),
    "the tail cut off": ("DELETE FROM audit WHERE position > 5", f"entry 6 {MISSING}"),
    "the tail cut off, and the end put there": (
        "DELETE FROM audit WHERE position > 5;"
        "UPDATE audit_head SET position = 5, hash = (SELECT hash FROM audit WHERE position = 5)",
        NO_END,
    ),
    "everything removed": ("DELETE FROM audit", f"entry 1 {MISSING}"),
    "the end removed": ("DELETE FROM audit_head", NO_END),
    "the end set back": (
        "UPDATE audit_head SET position = 0, hash = decode(repeat('00', 32), 'hex'), mac = ''",
        f"entry 1 {BEHIND}",
    ),
    "one put behind the end": (
        "INSERT INTO audit (id, practice_id, at, subject, action, things, request, mac, position,"
        " hash) SELECT gen_random_uuid(), practice_id, at, subject, action, things, request, mac,"
        " 8, hash FROM audit WHERE position = 7",
        f"entry 8 {CHANGED}",
    ),
    "one put in between": (
        "UPDATE audit SET position = -position WHERE position > 3;"
        "UPDATE audit SET position = -position + 1 WHERE position < 0;"
        "INSERT INTO audit (id, practice_id, at, subject, action, things, request, mac, position,"
        " hash) SELECT gen_random_uuid(), practice_id, at, subject, action, things, request, mac,"
        " 4, hash FROM audit WHERE position = 3",
        f"entry 4 {CHANGED}",
    ),
    "one put where the service would seal it": (
        "INSERT INTO audit (id, practice_id, at, subject, action, things, request, mac)"
        " SELECT gen_random_uuid(), practice_id, at, subject, action, things, request, mac"
        " FROM audit WHERE position = 7",
        CHANGED,
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_verifying_finds(chained: Database, what: str) -> None:
    statements, fault = TAMPERED[what]
    with as_role(chained, "superuser") as session:
        assert audit.verify(session, Chain("sample")).fault == ""
        session.execute(text("SET LOCAL session_replication_role = replica"))  # no triggers
        session.execute(text("ALTER TABLE audit DROP CONSTRAINT uq_audit_position"))
        for statement in statements.split(";"):
            session.execute(text(statement))
        assert fault in audit.verify(session, Chain("sample")).fault


def test_verifying_finds_a_chain_that_was_linked_again_without_the_key(
    chained: Database,
) -> None:
    """An attacker may have the database and know this code, but not the key."""
    with as_role(chained, "superuser") as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("UPDATE audit SET subject = 'visitor' WHERE position = 4"))
        forger = Chain("sample")
        forger._key = bytes(32)
        head = audit.chain.BEGINNING
        for entry in session.scalars(select(Entry).order_by(Entry.position)):
            entry.mac = forger.mac(entry.canonical())
            head = forger.link(head, entry.sequence, entry.mac)
            entry.hash = head.hash
        session.flush()
        values = {"position": head.position, "hash": head.hash, "mac": forger.seal(head)}
        session.execute(
            text("UPDATE audit_head SET position = :position, hash = :hash, mac = :mac"), values
        )
        assert audit.verify(session, forger).fault == "", "a forgery well done"
        assert audit.verify(session, Chain("sample")).fault == f"entry 1 {CHANGED}"


_AT_ZERO = "position = 0, hash = decode(repeat('00', 32), 'hex')"
_COLUMNS = "id, practice_id, at, subject, action, things, request, address_sealed, mac"

LAUNDERED: dict[str, tuple[str, str]] = {
    "all positions and hashes reset, one removed": (
        "DELETE FROM audit WHERE position = 4;"
        "UPDATE audit SET position = NULL, hash = NULL;"
        "UPDATE audit_head SET <zero>, mac = ''",
        NO_BEGINNING,
    ),
    "all positions reset, the end's seal copied to the beginning": (
        "UPDATE audit SET position = NULL, hash = NULL;UPDATE audit_head SET <zero>",
        NO_BEGINNING,
    ),
    "all positions and hashes reset, the end left": (
        "UPDATE audit SET position = NULL, hash = NULL",
        f"entry 1 {MISSING}",
    ),
    "all written anew as entries that wait": (
        "CREATE TEMP TABLE kept AS TABLE audit; DELETE FROM audit;"
        "INSERT INTO audit (<columns>) SELECT <columns> FROM kept WHERE position <> 4;"
        "UPDATE audit_head SET <zero>, mac = ''",
        NO_BEGINNING,
    ),
    "everything removed, and the beginning unsealed": (
        "DELETE FROM audit; UPDATE audit_head SET <zero>, mac = ''",
        NO_BEGINNING,
    ),
    "the end made anew": (
        "UPDATE audit SET position = NULL, hash = NULL; DELETE FROM audit_head;"
        "INSERT INTO audit_head VALUES (true, 0, decode(repeat('00', 32), 'hex'), '')",
        NO_BEGINNING,
    ),
    "a suffix reset, the end put before it": (
        "UPDATE audit SET position = NULL, hash = NULL WHERE position > 4;"
        "UPDATE audit_head SET position = 4, hash = (SELECT hash FROM audit WHERE position = 4)",
        NO_END,
    ),
    "a suffix reset, the end left": (
        "DELETE FROM audit WHERE position = 5;"
        "UPDATE audit SET position = NULL, hash = NULL WHERE position > 4",
        f"entry 5 {MISSING}",
    ),
    "the sealed beginning put back, the entries left": (
        "UPDATE audit_head SET <zero>, mac = :genesis",
        f"entry 1 {BEHIND}",
    ),
    "the sealed beginning put back, the hashes left": (
        "UPDATE audit SET position = NULL; UPDATE audit_head SET <zero>, mac = :genesis",
        UNSEALED,
    ),
    "an entry copied with its seal": (
        "INSERT INTO audit (<columns>, hash) SELECT gen_random_uuid(),"
        " practice_id, at, subject, action, things, request, NULL, mac, hash"
        " FROM audit WHERE position = 7",
        CHANGED,
    ),
}


@pytest.fixture(scope="module")
def _kept() -> Iterator[tuple[Database, Head]]:
    """A database with seven sealed entries, and a copy of its tables."""
    CLOCK.present = NOW
    with a_database() as database:
        head = sealed(database)
        with as_role(database, "superuser") as session:
            session.execute(text("CREATE TABLE kept_audit AS TABLE audit"))
            session.execute(text("CREATE TABLE kept_head AS TABLE audit_head"))
            session.commit()
        yield database, head


@contextmanager
def tampering(database: Database) -> Iterator[Session]:
    """Open a superuser's session without triggers, which commits."""
    with as_role(database, "superuser") as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield session
        session.commit()


@pytest.fixture
def kept(_kept: tuple[Database, Head], clock: TestClock) -> Iterator[tuple[Database, Head]]:
    """A database with seven sealed entries and their head, the same for each test."""
    yield _kept
    with tampering(_kept[0]) as session:
        for statement in (
            "DELETE FROM audit",
            "DELETE FROM audit_head",
            "INSERT INTO audit OVERRIDING SYSTEM VALUE SELECT * FROM kept_audit",
            "INSERT INTO audit_head SELECT * FROM kept_head",
        ):
            session.execute(text(statement))


def tamper(database: Database, statements: str) -> None:
    genesis = {"genesis": Chain("sample").seal(audit.chain.BEGINNING)}
    written = statements.replace("<zero>", _AT_ZERO).replace("<columns>", _COLUMNS)
    with tampering(database) as session:
        for statement in written.split(";"):
            session.execute(text(statement), genesis if ":genesis" in statement else {})


@pytest.mark.parametrize("what", LAUNDERED)
def test_sealing_goes_on_without_hiding_what_was_done(
    kept: tuple[Database, Head], what: str
) -> None:
    """A service that still seals does not make a chain out of entries that were tampered with."""
    database, _ = kept
    statements, fault = LAUNDERED[what]
    tamper(database, statements)
    for _ in range(2):
        with suppress(audit.sealer.NotGenuine):
            Sealer(database).seal()
        write(database)
    assert fault in check(database).fault


def test_a_recorded_beginning_put_back_is_told_by_a_head_that_was_seen(
    kept: tuple[Database, Head],
) -> None:
    """Whoever kept the row of the sealed beginning can start over, as with any old copy."""
    database, head = kept
    tamper(
        database,
        "DELETE FROM audit WHERE position = 4;"
        "UPDATE audit SET position = NULL, hash = NULL;"
        "UPDATE audit_head SET <zero>, mac = :genesis",
    )
    assert Sealer(database).seal() == 6
    write(database)
    Sealer(database).seal()
    assert check(database).fault == "", "documented in docs/threat-model.md"
    assert check(database, head).fault == f"entry 7 {NOT_SEEN}"


def test_a_chain_of_the_release_before_goes_on(kept: tuple[Database, Head]) -> None:
    """Its beginning was not sealed; its end is, as soon as there was an entry."""
    database, head = kept
    begin(database)
    assert check(database).head == head
    write(database)
    assert Sealer(database).seal() == 1
    assert (check(database).entries, check(database).fault) == (8, "")


def test_a_beginning_is_sealed_while_there_are_no_entries_only(
    kept: tuple[Database, Head],
) -> None:
    database, _ = kept
    tamper(
        database,
        "UPDATE audit SET position = NULL, hash = NULL;UPDATE audit_head SET <zero>, mac = ''",
    )
    begin(database)
    assert check(database).fault == NO_BEGINNING
    tamper(database, "DELETE FROM audit")
    begin(database)
    begin(database)
    assert check(database).fault == ""


def test_a_head_that_was_seen_finds_a_table_that_was_rolled_back(alone: Database) -> None:
    early = sealed(alone, 3)
    with as_role(alone, "superuser") as session:
        old_end = session.execute(text("SELECT * FROM audit_head")).one()._asdict()
    write(alone, 2)
    Sealer(alone).seal()
    late = check(alone).head
    assert check(alone, early).fault == ""
    assert check(alone, late).fault == ""
    assert check(alone, Head(early.position, late.hash)).fault == f"entry 3 {NOT_SEEN}"
    with as_role(alone, "superuser") as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("DELETE FROM audit WHERE position > 3"))
        session.execute(
            text("UPDATE audit_head SET position = :position, hash = :hash, mac = :mac"), old_end
        )
        assert audit.verify(session, Chain("sample")).fault == "", "the table as it once was"
        assert audit.verify(session, Chain("sample"), late).fault == f"entry 4 {MISSING}"


def test_the_log_tells_where_the_chain_ends(
    alone: Database, caplog: pytest.LogCaptureFixture
) -> None:
    sealer = Sealer(alone)
    write(alone, 2)
    with caplog.at_level("INFO", "common.audit.sealer"):
        sealer.start()
        sealer.stop()
    assert f"audit head {check(alone).head}" in caplog.messages


def test_a_sealer_notices_that_the_chain_has_gone_back(
    alone: Database, caplog: pytest.LogCaptureFixture
) -> None:
    sealer = Sealer(alone)
    write(alone, 5)
    sealer.seal()
    head = check(alone).head
    with as_role(alone, "superuser") as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("DELETE FROM audit"))
        session.execute(
            text(
                "UPDATE audit_head SET position = 0, hash = decode(repeat('00', 32), 'hex'),"
                " mac = :mac"
            ),
            {"mac": Chain("sample").seal(audit.chain.BEGINNING)},
        )
        session.commit()
    write(alone)
    assert sealer.seal() == 1
    assert caplog.messages == [f"the audit trail is behind its logged head {head}"]
    assert check(alone, head).fault == f"entry 2 {MISSING}"


def test_nothing_is_put_behind_an_end_that_is_not_genuine(alone: Database) -> None:
    sealed(alone, 2)
    with as_role(alone, "superuser") as session:
        session.execute(text("UPDATE audit_head SET hash = sha256('x')"))
        session.commit()
    write(alone)
    with pytest.raises(audit.sealer.NotGenuine):
        Sealer(alone).seal()
    assert check(alone).fault == NO_END


@pytest.mark.req("PF-7")
def test_a_new_key_changes_nothing_in_the_chain(
    alone: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_key, old = encryption.new_key(), f"k1:{encryption.new_key()}"
    both = encryption.KeyRing(f"k2:{encryption.new_key()},{old}", index_key)
    monkeypatch.setattr(encryption, "_ring", encryption.KeyRing(old, index_key))
    begin_again(alone)
    sealed(alone, 3)
    monkeypatch.setattr(encryption, "_ring", both)
    assert reencryption.re_encrypt(alone)["audit"].changed == 3
    with alone.transaction(EVERY_PRACTICE) as session:
        stored = session.scalars(select(Entry.address_sealed)).all()
    assert all(both.is_current(value or b"") for value in stored)
    assert check(alone).fault == ""
    monkeypatch.setattr(
        encryption, "_ring", encryption.KeyRing(f"k3:{encryption.new_key()}", index_key)
    )
    assert check(alone).fault.startswith(f"entry 1 {UNREADABLE}: audit.address:")
    assert "key 'k2' is not here" in check(alone).fault


@pytest.fixture
def served(database: Database) -> Iterator[Served]:
    with serve([(add_AuditServiceServicer_to_server, AuditServicer(database))]) as server:
        yield server


@pytest.fixture
def stub(served: Served) -> Iterator[Any]:
    with served.channel() as channel:
        yield AuditServiceStub(channel)


def listed(stub: Any, who: Identity, **wanted: Any) -> list[pb.Entry]:
    with identity.acting_as(who):
        return list(stub.ListEntries(pb.ListEntriesRequest(**wanted)).entries)


def test_owners_read_all_of_it_newest_first_and_that_is_recorded(
    database: Database, clock: TestClock, stub: Any
) -> None:
    practice = ids.new()
    owner = staff(practice)
    for minute in range(3):
        clock.present = NOW + timedelta(minutes=minute)
        write(database, 1, practice)
    write(database)
    Sealer(database).seal()
    clock.advance(timedelta(minutes=1))
    entries = listed(stub, owner)
    assert [e.create_time.ToDatetime().minute for e in entries] == [2, 1, 0]
    positions = [e.position for e in entries]
    assert positions == sorted(positions, reverse=True)
    assert positions[-1] > 0
    assert {(e.subject, e.action, e.request, e.address) for e in entries} == {
        ("service:sample", "client.read", "request-1", ADDRESS)
    }
    newest = listed(stub, owner)[0]
    assert (newest.subject, newest.action) == (owner.subject, "audit.read")
    assert list(newest.things) == ["shown:3"]


def test_pages_and_filters_show_what_was_asked_for(
    database: Database, clock: TestClock, stub: Any
) -> None:
    practice, client = ids.new(), ids.new()
    owner = staff(practice)
    write(database, 5, practice)
    clock.advance(timedelta(hours=1))
    with (
        identity.acting_as(owner),
        request_context.of("request-2"),
        database.transaction(practice) as session,
    ):
        audit.record(session, "client.change", client=client)
    clock.advance(timedelta(hours=1))

    [changed] = listed(stub, owner, action="client.change")
    assert listed(stub, owner, thing=f"client:{client}") == [changed]
    assert listed(stub, owner, request="request-2") == [changed]
    assert changed in listed(stub, owner, subject=owner.subject)
    assert len(listed(stub, owner, subject="service:sample")) == 5
    assert listed(stub, owner, from_time=changed.create_time, to_time=NOW + timedelta(hours=2)) == [
        changed
    ]
    assert len(listed(stub, owner, to_time=changed.create_time)) == 5
    assert listed(stub, owner, action="client.delete") == []

    seen, token = list[pb.Entry](), ""
    with identity.acting_as(owner):
        while token or not seen:
            shown = stub.ListEntries(
                pb.ListEntriesRequest(subject="service:sample", page_size=2, page_token=token)
            )
            assert len(shown.entries) <= 2
            seen, token = [*seen, *shown.entries], shown.next_page_token
    assert len({e.entry_id for e in seen}) == len(seen) == 5


@pytest.mark.req("GW-13")
def test_nobody_but_an_owner_reads_it(stub: Any) -> None:
    practice = ids.new()
    for who in (
        staff(practice, "manager", "clinician", "supervisor"),
        identities.client(practice, ids.new()),
        identities.service("gateway", practice),
    ):
        with pytest.raises(NotAllowed):
            listed(stub, who)
    with pytest.raises(Unauthenticated):
        listed(stub, VISITOR)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"page_size": 201}, "page_size"),
        ({"page_size": -1}, "page_size"),
        ({"subject": "\0"}, "subject"),
        ({"thing": "x" * 201}, "thing"),
        ({"from_time": datetime(1, 1, 1)}, "from_time"),
        ({"from_time": NOW, "to_time": NOW - timedelta(days=1)}, "to_time"),
        ({"page_token": "nonsense"}, "page_token"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    stub: Any, wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as raised:
        listed(stub, staff(ids.new()), **wrong)
    assert raised.value.field == field


def test_a_read_that_cannot_be_recorded_is_not_answered(alone: Database) -> None:
    owner = staff(write(alone))
    with as_role(alone, "superuser") as session:
        session.execute(text(f"REVOKE INSERT ON audit FROM {alone.engine.url.username}"))
        session.commit()
    with (
        serve([(add_AuditServiceServicer_to_server, AuditServicer(alone))]) as server,
        server.channel() as channel,
        pytest.raises(DomainError, match="Something went wrong"),
    ):
        listed(AuditServiceStub(channel), owner)


@pytest.fixture
def attune(
    alone: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[int, str]]]:
    """Runs `attune audit verify` for an Attune whose booking uses this database."""
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    monkeypatch.delenv("NATS_URL", raising=False)
    before, index_key, ring = encryption.ring(), encryption.new_key(), f"k1:{encryption.new_key()}"
    alone.service = "booking"
    url = alone.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    Environment("", "", {}, {"booking": url}, {}, {"booking": ring}, index_key).save()
    encryption.use(encryption.KeyRing(ring, index_key))
    begin_again(alone)

    def run(*arguments: str) -> tuple[int, str]:
        ran = CliRunner().invoke(main, ["audit", "verify", *arguments])
        return ran.exit_code, ran.output

    yield run
    encryption.use(before)


FAILED = (
    "Error: The audit trail failed verification: booking."
    " Keep a copy of the database and the services' logs as evidence."
)


def test_the_command_says_whether_the_audit_is_as_it_was_written(
    alone: Database, attune: Callable[..., tuple[int, str]]
) -> None:
    write(alone, 3)
    Sealer(alone).seal()
    write(alone)
    code, output = attune()
    assert code == 0
    head = output.split()[4].rstrip(",")
    assert output == f"booking           3 entries, head {head}, 1 waiting to be sealed\n"
    assert attune("booking", "--head", head) == (0, output)
    elsewhere = Head(3, bytes(32))
    assert attune("booking", "--head", str(elsewhere)) == (
        1,
        f"booking           BROKEN: entry 3 {NOT_SEEN} (2 entries before it are in order)\n"
        f"{FAILED}\n",
    )
    assert attune("--head", "nonsense")[0] == 2


def test_the_command_names_the_first_entry_that_was_removed(
    alone: Database, attune: Callable[..., tuple[int, str]]
) -> None:
    write(alone, 5)
    Sealer(alone).seal()
    with as_role(alone, "superuser") as session:
        session.execute(text("SET LOCAL session_replication_role = replica"))
        session.execute(text("DELETE FROM audit WHERE position IN (3, 4)"))
        session.commit()
    assert attune("booking") == (
        1,
        f"booking           BROKEN: entry 3 {MISSING} (2 entries before it are in order)\n"
        f"{FAILED}\n",
    )


def test_request_and_address_travel_with_a_call(database: Database, stub: Any) -> None:
    owner = staff(ids.new())
    with request_context.of("0af7651916cd43dd8448eb211c80319c", ADDRESS):
        listed(stub, owner)
    [entry] = listed(stub, owner)
    assert (entry.request, entry.address) == ("0af7651916cd43dd8448eb211c80319c", ADDRESS)


def test_a_call_that_tells_neither_gets_an_id_and_the_address_of_its_sender(
    served: Served, stub: Any
) -> None:
    owner = staff(ids.new())
    listed(stub, owner)
    with grpc.insecure_channel(served.address) as bare:
        AuditServiceStub(bare).ListEntries(
            pb.ListEntriesRequest(),
            metadata=(
                (identity.METADATA, identities.signer().sign(owner)),
                (request_context.METADATA, "words that are no address"),
            ),
        )
    entries = listed(stub, owner)
    assert {entry.address for entry in entries} == {"127.0.0.1"}
    assert [len(entry.request) for entry in entries] == [32, 32]
    assert entries[0].request != entries[1].request
