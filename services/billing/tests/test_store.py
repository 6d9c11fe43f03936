"""The rules that the database enforces: the ledger is balanced, complete, and never changed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from attune_testing.clock import utc
from billing import actions, domain
from billing.domain import Account, Money, Posting
from billing.store import ledger
from billing.store.tables import LedgerEntry, LedgerPosting
from common import ids
from common.db.database import Database

HELD = utc("2026-03-02 16:00")
OWED = {("receivable:client", "USD"): 15000, ("revenue", "USD"): -15000}
EVEN = {("receivable:client", "USD"): 0, ("revenue", "USD"): 0}
pytestmark = pytest.mark.req("BL-1")


def owed(units: int = 15000) -> domain.Entry:
    return domain.entry_for(ids.new(), ids.new(), Money(units, "USD"), HELD)


def add(database: Database, practice: UUID, entry: domain.Entry) -> UUID:
    with database.transaction(practice) as session:
        return ledger.add_entry(session, practice, entry)


def post(session: Session, practice: UUID, entry_id: UUID, *amounts: tuple[int, str]) -> None:
    """Write postings past the domain's own rules."""
    for line, (amount, currency) in enumerate(amounts):
        session.execute(
            insert(LedgerPosting).values(
                entry_id=entry_id,
                line=100 + line,
                practice_id=practice,
                account=Account.REVENUE,
                amount=amount,
                currency=currency,
            )
        )


def bare_entry(session: Session, practice: UUID) -> UUID:
    entry_id = ids.new()
    session.execute(
        insert(LedgerEntry).values(
            id=entry_id,
            practice_id=practice,
            kind=domain.EntryKind.SESSION,
            booking_id=ids.new(),
            occurred_at=HELD,
        )
    )
    return entry_id


def totals(database: Database, practice: UUID) -> dict[tuple[str, str], int]:
    with database.transaction(practice) as session:
        rows = session.execute(
            select(
                LedgerPosting.account, LedgerPosting.currency, func.sum(LedgerPosting.amount)
            ).group_by(LedgerPosting.account, LedgerPosting.currency)
        )
        return {(account, currency): int(total) for account, currency, total in rows}


def test_an_entry_reads_back_as_it_was_written(database: Database, practice: UUID) -> None:
    entry = owed()
    entry_id = add(database, practice, entry)
    with database.transaction(practice) as session:
        assert ledger.entry(session, entry_id) == entry


@given(
    st.lists(
        st.tuples(st.sampled_from([-500, -2, -1, 1, 2, 500]), st.sampled_from(["EUR", "USD"])),
        max_size=4,
    )
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_database_takes_an_entry_only_if_each_currency_comes_to_nothing(
    database: Database, practice: UUID, amounts: list[tuple[int, str]]
) -> None:
    def write() -> None:
        with database.transaction(practice) as session:
            post(session, practice, bare_entry(session, practice), *amounts)

    sums = [sum(a for a, c in amounts if c == currency) for currency in ("EUR", "USD")]
    if amounts and sums == [0, 0]:
        write()
    else:
        with pytest.raises(IntegrityError, match="is not balanced"):
            write()


def test_hiding_the_rows_from_the_check_does_not_help(database: Database, practice: UUID) -> None:
    def write() -> None:
        with database.transaction(practice) as session:
            post(session, practice, bare_entry(session, practice), (1, "EUR"))
            session.execute(text("SELECT set_config('attune.practice', '', true)"))

    with pytest.raises(IntegrityError, match="is not balanced"):
        write()


def test_a_finished_entry_takes_no_more_postings_though_they_are_balanced(
    database: Database,
    practice: UUID,
) -> None:
    entry_id = add(database, practice, owed())
    with (
        pytest.raises(IntegrityError, match="is complete"),
        database.transaction(practice) as session,
    ):
        post(session, practice, entry_id, (700, "USD"), (-700, "USD"))


def test_an_entry_may_be_written_inside_a_savepoint(database: Database, practice: UUID) -> None:
    with database.transaction(practice) as session, session.begin_nested():
        ledger.add_entry(session, practice, owed())
    assert totals(database, practice) == {
        ("receivable:client", "USD"): 15000,
        ("revenue", "USD"): -15000,
    }


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET occurred_at = occurred_at",
        "UPDATE postings SET amount = amount + 1",
        "DELETE FROM entries",
        "DELETE FROM postings",
    ],
)
def test_the_database_refuses_to_edit_or_delete(
    database: Database, practice: UUID, statement: str
) -> None:
    add(database, practice, owed())
    with (
        pytest.raises(IntegrityError, match="append-only"),
        database.transaction(practice) as session,
    ):
        session.execute(text(statement))
    assert totals(database, practice) == {
        ("receivable:client", "USD"): 15000,
        ("revenue", "USD"): -15000,
    }


@pytest.mark.parametrize("table", ["entries", "postings"])
def test_the_service_may_not_empty_the_ledger(
    database: Database, practice: UUID, table: str
) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        database.transaction(practice) as session,
    ):
        session.execute(text(f"TRUNCATE {table} CASCADE"))


def test_a_reversal_takes_an_entry_back(database: Database, practice: UUID) -> None:
    entry = owed()
    entry_id = add(database, practice, entry)
    taken_back = utc("2026-03-05 09:00")
    with database.transaction(practice) as session:
        reversal_id = actions.reverse_entry(session, practice, entry_id, taken_back)
    with database.transaction(practice) as session:
        assert ledger.entry(session, entry_id) == entry
        assert ledger.entry(session, reversal_id) == domain.Entry(
            domain.EntryKind.REVERSAL,
            entry.booking_id,
            taken_back,
            (
                Posting(Account.RECEIVABLE, Money(-15000, "USD"), entry.postings[0].client_id),
                Posting(Account.REVENUE, Money(15000, "USD")),
            ),
            reverses=entry_id,
        )
    assert totals(database, practice) == EVEN


def test_an_entry_is_reversed_once_however_many_try(database: Database, practice: UUID) -> None:
    entry_id = add(database, practice, owed())

    def take_back(_: int) -> bool:
        try:
            with database.transaction(practice) as session:
                actions.reverse_entry(session, practice, entry_id, HELD)
        except ledger.AlreadyReversed:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(take_back, range(16)))
    assert outcomes.count(True) == 1
    assert totals(database, practice) == EVEN


@pytest.mark.req("GW-13")
def test_an_entry_of_another_practice_does_not_exist(database: Database, practice: UUID) -> None:
    entry_id = add(database, practice, owed())
    other = ids.new()
    with (
        pytest.raises(ledger.EntryNotFound),
        database.transaction(other) as session,
    ):
        actions.reverse_entry(session, other, entry_id, HELD)


@pytest.mark.req("GW-13")
@pytest.mark.parametrize("attempt", ["posting", "reversal"])
def test_a_practice_cannot_write_onto_the_entry_of_another(
    database: Database, practice: UUID, attempt: str
) -> None:
    entry_id = add(database, practice, owed())
    other = ids.new()
    attempts: dict[str, Callable[[Session], object]] = {
        "posting": lambda session: post(session, other, entry_id, (1, "EUR"), (-1, "EUR")),
        "reversal": lambda session: ledger.add_entry(
            session, other, domain.reversal_of(entry_id, owed(), HELD)
        ),
    }
    with pytest.raises(IntegrityError), database.transaction(other) as session:
        attempts[attempt](session)


def test_the_ledger_of_the_whole_database_is_balanced(database: Database) -> None:
    with database.transaction("*") as session:
        unbalanced = session.execute(
            select(LedgerPosting.entry_id)
            .group_by(LedgerPosting.entry_id, LedgerPosting.currency)
            .having(func.sum(LedgerPosting.amount) != 0)
        ).all()
    assert unbalanced == []
