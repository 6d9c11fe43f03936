"""What booking removes when its time is over, and what stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from booking.retention import purges
from booking.store import clients
from common import emails, ids
from common.db.database import EVERY_PRACTICE, Database
from common.upkeep import retention
from services.booking.tests.booking_world import NINE, NOW, OpenSlot, book, form, resource, terms

pytestmark = pytest.mark.req("PF-10")
DAY = timedelta(days=1)


def row(database: Database, table: str, row_id: Any) -> Any:
    with database.transaction(EVERY_PRACTICE) as session:
        statement = text(f"SELECT * FROM {table} WHERE id = :id")  # noqa: S608  # ours
        return session.execute(statement, {"id": row_id}).one()


def run(database: Database, setting: str, ended: timedelta) -> dict[str, int]:
    """Remove as of `ended` after a session at NINE."""
    rules = [r for r in purges.rules(setting) if r.kind.name in setting]
    return {r.kind.name: n for r, n in retention.run(database, rules, NINE + ended)}


@pytest.mark.parametrize("status", ["cancelled", "declined", "expired"])
def test_the_note_of_a_session_that_did_not_take_place_goes_half_a_year_later(
    database: Database, status: str
) -> None:
    where = OpenSlot(terms(ids.new(), resource()), NINE)
    made = book(database, where, form(note="I feel low"))
    other = book(database, OpenSlot(where.terms, NINE + DAY), form(note="Same"))
    with database.transaction(EVERY_PRACTICE) as session:
        change = text(
            "UPDATE bookings SET status = :status, reason_text_sealed = note_sealed WHERE id = :id"
        )
        session.execute(change, {"status": status, "id": made.booking_id})
    run(database, "notes=180d", 180 * DAY)
    assert row(database, "bookings", made.booking_id).note_sealed, "to the minute"
    assert run(database, "notes=180d", 182 * DAY)["notes"] >= 1
    emptied = row(database, "bookings", made.booking_id)
    assert (emptied.note_sealed, emptied.reason_text_sealed) == (None, None)
    assert emptied.typed_name_sealed
    assert row(database, "bookings", other.booking_id).note_sealed, "it may have taken place"
    assert run(database, "notes=180d", 182 * DAY)["notes"] == 0


def test_clients_stay_unless_a_practice_wants_otherwise() -> None:
    assert "clients" not in {rule.kind.name for rule in purges.rules("")}


def test_a_client_without_bookings_for_years_is_forgotten_and_may_come_again(
    database: Database,
) -> None:
    practice, provider = ids.new(), resource()
    where = OpenSlot(terms(practice, provider), NINE)
    old, faithful = form("old@clinic.example", phone="+12125550100"), form("still@clinic.example")
    first = book(database, where, old)
    book(database, OpenSlot(where.terms, NINE + DAY), faithful)
    book(database, OpenSlot(where.terms, NINE + 400 * DAY), faithful)
    run(database, "clients=3650d", 3649 * DAY)
    assert row(database, "clients", first.client.client_id).email_sealed, "to the day"

    assert run(database, "clients=365d", 500 * DAY)["clients"] >= 1
    emptied = row(database, "clients", first.client.client_id)
    sealed = (emptied.name_sealed, emptied.email_sealed, emptied.phone_sealed)
    assert [bytes(value or b"") for value in sealed] == [b"", b"", b""]
    booking = row(database, "bookings", first.booking_id)
    typed = (booking.typed_name_sealed, booking.typed_email_sealed, booking.typed_phone_sealed)
    assert [bytes(value or b"") for value in typed] == [b"", b"", b""]
    assert booking.status == "confirmed", "the fact stays, to which a bill may refer"
    assert run(database, "clients=365d", 500 * DAY)["clients"] == 0

    with database.transaction(practice) as session:
        known = clients.statuses(session, emails.parse("still@clinic.example", "email"))
        assert practice in known
        assert not clients.statuses(session, emails.parse("old@clinic.example", "email"))
    again = book(database, OpenSlot(where.terms, NINE + 600 * DAY), old, NOW + 590 * DAY)
    assert again.client.client_id != first.client.client_id
