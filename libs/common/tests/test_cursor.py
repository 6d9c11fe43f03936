"""Lists in pages, sorted by any columns, on a real PostgreSQL."""

import base64
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from attune_testing.clock import utc
from common import ids
from common.db.cursor import InvalidPageToken, Keyset
from common.db.database import Database
from sample.store import Note

pytestmark = pytest.mark.req("GW-3")

BY_ID = Keyset("notes", Note.id)


def make(database: Database, practice: UUID, count: int) -> list[UUID]:
    made = sorted(ids.new() for _ in range(count))
    with database.transaction(practice) as session:
        session.add_all([Note(id=each, practice_id=practice) for each in made])
    return made


def pages(database: Database, practice: UUID, order: Keyset, size: int) -> list[list[UUID]]:
    found, token = [], ""
    while True:
        with database.transaction(practice) as session:
            page = order.page(session, select(Note), token, size)
        found.append([note.id for note in page.rows])
        if not (token := page.next_token):
            return found


def test_pages_follow_each_other_without_gaps_or_doubles(database: Database) -> None:
    practice = ids.new()
    made = make(database, practice, 7)
    assert pages(database, practice, BY_ID, 3) == [made[:3], made[3:6], made[6:]]
    assert pages(database, practice, BY_ID, 7) == [made]
    backwards = Keyset("notes", Note.id, descending=True)
    assert pages(database, practice, backwards, 4) == [made[:2:-1], made[2::-1]]
    assert pages(database, ids.new(), BY_ID, 3) == [[]]


def test_rows_that_go_meanwhile_move_nothing(database: Database) -> None:
    practice = ids.new()
    made = make(database, practice, 6)
    with database.transaction(practice) as session:
        first = BY_ID.page(session, select(Note), "", 3)
        session.execute(delete(Note).where(Note.id.in_(made[1:3])))
        second = BY_ID.page(session, select(Note), first.next_token, 3)
    assert [note.id for note in second.rows] == made[3:]


class Base(DeclarativeBase):
    """Tables that do not exist in the database; page tokens need only the columns."""


class Session(Base):
    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    name: Mapped[str]
    place: Mapped[int]


KEY = Keyset("sessions", Session.at, Session.name, Session.place, Session.id)


def test_a_token_holds_instants_texts_numbers_and_ids_exactly() -> None:
    at = utc("2026-11-02 14:00") + timedelta(microseconds=7)
    row = Session(id=ids.new(), at=at, name='Zoë "x", \u2028', place=-3)
    assert KEY._read(KEY.token(row)) == [row.at, row.name, row.place, row.id]


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a b",
        "\x00",
        "====",
        "\u00e4",
        "AAAA",
        "A" * 400,
        base64.urlsafe_b64encode(b"1234[]").decode(),
    ],
)
def test_another_text_is_no_token(token: str) -> None:
    with pytest.raises(InvalidPageToken) as refused:
        KEY._read(token)
    assert (refused.value.field, refused.value.reason) == ("page_token", "INVALID_PAGE_TOKEN")


def test_a_token_is_of_one_list_and_cannot_be_changed() -> None:
    row = Session(id=ids.new(), at=utc("2026-11-02 14:00"), name="", place=1)
    token = KEY.token(row)
    with pytest.raises(InvalidPageToken):
        Keyset("other", *KEY._columns)._read(token)
    with pytest.raises(InvalidPageToken):
        KEY._read(("A" if token[0] != "A" else "B") + token[1:])
    with pytest.raises(InvalidPageToken):
        KEY._read("!!!!" + token)
