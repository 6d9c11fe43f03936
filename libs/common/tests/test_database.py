"""Row-level security, deadlines, encryption, migrations."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from attune_local.servers import free_port
from common import ids
from common.config import Misconfigured
from common.db import encryption, migrations, schema
from common.db.database import EVERY_PRACTICE, Database
from common.errors import DeadlineExceeded, Unavailable
from common.resilience import deadline
from sample.store import Note


def add(database: Database, practice: object, words: str = "words") -> Note:
    with database.transaction(str(practice)) as session:
        note = Note(id=ids.new(), practice_id=practice)
        note.text = words
        session.add(note)
    return note


@pytest.mark.req("GW-13")
def test_a_practice_sees_its_own_rows_though_the_query_forgets_to_filter(
    database: Database,
) -> None:
    mine, theirs = ids.new(), ids.new()
    note = add(database, mine)
    add(database, theirs)
    with database.transaction(mine) as session:
        assert session.scalars(select(Note.id)).all() == [note.id]


@pytest.mark.req("GW-13")
def test_without_a_practice_there_are_no_rows(database: Database) -> None:
    add(database, ids.new())
    with database.transaction("") as session:
        assert session.scalars(select(Note.id)).all() == []


@pytest.mark.req("GW-13")
def test_a_row_of_another_practice_cannot_be_written(database: Database) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        database.transaction(ids.new()) as session,
    ):
        session.add(Note(id=ids.new(), practice_id=ids.new()))


def test_what_belongs_to_no_practice_can_see_all(database: Database) -> None:
    notes = {add(database, ids.new()).id, add(database, ids.new()).id}
    with database.transaction(EVERY_PRACTICE) as session:
        assert notes <= set(session.scalars(select(Note.id)))


@pytest.mark.req("PF-13")
def test_a_statement_ends_with_the_deadline(database: Database) -> None:
    deadline.begin(0.2)
    try:
        with (
            pytest.raises(DeadlineExceeded),
            database.transaction("") as session,
        ):
            session.execute(text("SELECT pg_sleep(5)"))
    finally:
        deadline.clear()


@pytest.mark.req("PF-7")
def test_an_encrypted_column_holds_no_clear_text(database: Database) -> None:
    practice = ids.new()
    note = add(database, practice, "Ottilie Vandermeer")
    with database.transaction(practice) as session:
        stored = session.scalar(text("SELECT text_sealed FROM notes WHERE id = :id"), vars(note))
        assert b"Ottilie" not in bytes(stored)
        assert session.get_one(Note, note.id).text == "Ottilie Vandermeer"


@pytest.mark.req("PF-7")
def test_a_value_copied_to_another_row_does_not_decrypt(database: Database) -> None:
    practice = ids.new()
    one, other = add(database, practice, "one"), add(database, practice, "other")
    with database.transaction(practice) as session:
        target = session.get_one(Note, other.id)
        target.text_sealed = session.get_one(Note, one.id).text_sealed
        with pytest.raises(encryption.UndecipherableError):
            _ = target.text


def break_connections(database: Database) -> None:
    """End all other connections to this database, as a restart of the server does."""
    with Session(database.engine) as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND usename = current_user"
            )
        )


@pytest.mark.req("PF-13")
def test_connections_that_broke_in_the_pool_are_noticed_by_nobody(database: Database) -> None:
    with ThreadPoolExecutor(4) as pool:
        together = Barrier(4)

        def note(_: int) -> Note:
            with database.transaction(practice) as session:
                together.wait()
                note = Note(id=ids.new(), practice_id=practice)
                note.text = "words"
                session.add(note)
            return note

        practice = ids.new()
        list(pool.map(note, range(4)))
        break_connections(database)
        list(pool.map(note, range(4)))
    with database.transaction(practice) as session:
        assert len(session.scalars(select(Note.id)).all()) == 8


@pytest.mark.req("PF-13")
def test_what_was_broken_off_halfway_is_not_tried_again_by_itself(database: Database) -> None:
    practice = ids.new()

    def break_off(session: Session) -> None:
        session.add(Note(id=ids.new(), practice_id=practice, text_sealed=b""))
        session.flush()
        break_connections(database)
        session.execute(text("SELECT 1"))

    with pytest.raises(Unavailable), database.transaction(practice) as session:
        break_off(session)
    with database.transaction(practice) as session:
        assert session.scalars(select(Note.id)).all() == []


@pytest.mark.req("PF-13")
def test_who_hangs_within_a_transaction_does_not_keep_its_locks(database: Database) -> None:
    note = add(database, ids.new())

    def hang(session: Session) -> None:
        shown = session.scalar(text("SHOW idle_in_transaction_session_timeout"))
        assert shown == "1min"
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = 100"))
        session.get(Note, note.id, with_for_update=True)
        with database.transaction(note.practice_id) as other:  # waits for the lock
            assert other.get(Note, note.id, with_for_update=True)
        session.get(Note, note.id, populate_existing=True)

    with pytest.raises(Unavailable), database.transaction(note.practice_id) as session:
        hang(session)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("secret", "DATABASE_URL must be postgresql://"),
        (
            "postgresql://secret@h/d?prepare_threshold=x",
            "prepare_threshold must be a number or none",
        ),
    ],
)
def test_a_url_that_is_none_is_named_and_not_quoted(url: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words) as raised:
        Database(url)
    assert "secret" not in str(raised.value)


def test_failures_of_the_database_are_told_as_errors_of_the_product(database: Database) -> None:
    nowhere = Database(f"postgresql://nobody:x@127.0.0.1:{free_port()}/nothing")
    with pytest.raises(Unavailable) as refused, nowhere.transaction(""):
        pass
    assert refused.type is Unavailable, "a DeadlineExceeded is one, too"
    with (
        pytest.raises(DeadlineExceeded),
        deadline.within(0.1),
        database.transaction("") as session,
    ):
        session.execute(text("SELECT pg_sleep(5)"))
    with pytest.raises(ProgrammingError), database.transaction("") as session:
        session.execute(text("SELECT nothing"))


def test_concurrent_migrations_wait_for_each_other(database: Database) -> None:
    # The session fixture migrated already: these runs find nothing to do, under the same lock.
    url = database.engine.url
    owner = url.set(drivername="postgresql", username=f"{url.database}_owner")
    text_url = owner.render_as_string(hide_password=False)
    with ThreadPoolExecutor(4) as pool:
        revisions = list(pool.map(lambda _: migrations.migrate("sample", text_url), range(4)))
    assert revisions == ["0004"] * 4
    assert schema.is_ready("sample", database)


def test_a_service_cannot_change_its_schema(database: Database) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"must be owner|permission denied"),
        database.transaction("") as session,
    ):
        session.execute(text("DROP TABLE notes"))
