"""Money and entries, without a database."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attune_testing.clock import utc
from billing import domain
from billing.domain import Account, Entry, EntryKind, Money, Posting
from common import ids
from common.errors import Invalid

BOOKING, CLIENT = ids.new(), ids.new()
HELD = utc("2026-03-02 16:00")

units = st.integers(-(2**63) + 1, 2**63 - 1)
prices = st.builds(
    Money, st.integers(1, 2**63 - 1), st.from_regex(r"[A-Z]{3}", fullmatch=True, alphabet="AEUZ")
)


@pytest.mark.req("BL-1")
def test_a_session_is_owed_by_its_client_and_earned_by_the_practice() -> None:
    due = Money(15000, "USD")
    assert domain.entry_for(BOOKING, CLIENT, due, HELD) == Entry(
        EntryKind.SESSION,
        BOOKING,
        HELD,
        (
            Posting(Account.RECEIVABLE, Money(15000, "USD"), CLIENT),
            Posting(Account.REVENUE, Money(-15000, "USD")),
        ),
    )


@pytest.mark.req("BL-1")
@given(prices)
def test_every_entry_and_its_reversal_are_balanced_and_together_come_to_nothing(
    due: Money,
) -> None:
    entry = domain.entry_for(BOOKING, CLIENT, due, HELD)
    reversal = domain.reversal_of(ids.new(), entry, HELD)
    assert domain.balance(entry.postings) == {due.currency: 0}
    assert domain.balance(reversal.postings) == {due.currency: 0}
    by_account = [p for p in entry.postings + reversal.postings if p.account == Account.RECEIVABLE]
    assert domain.balance(tuple(by_account)) == {due.currency: 0}
    assert [p.client_id for p in by_account] == [CLIENT, CLIENT]


@pytest.mark.req("BL-1")
@given(st.lists(st.tuples(units, st.sampled_from(["EUR", "USD"])), max_size=4))
def test_postings_make_an_entry_only_if_each_currency_comes_to_nothing(
    amounts: list[tuple[int, str]],
) -> None:
    postings = tuple(Posting(Account.REVENUE, Money(*amount)) for amount in amounts)
    totals = [sum(u for u, c in amounts if c == currency) for currency in ("EUR", "USD")]
    if amounts and totals == [0, 0]:
        Entry(EntryKind.SESSION, BOOKING, HELD, postings)
    else:
        with pytest.raises(domain.Unbalanced):
            Entry(EntryKind.SESSION, BOOKING, HELD, postings)


@pytest.mark.req("BL-1")
@pytest.mark.parametrize("currency", ["", "eur", "EURO", "E1R", "EU\n", "EUR\n", "ÄÖÜ"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(domain.InvalidMoney):
        Money(1, currency)


@pytest.mark.req("BL-1")
@pytest.mark.parametrize("minor_units", [2**63, -(2**63)])
def test_money_that_the_database_cannot_hold_is_refused(minor_units: int) -> None:
    with pytest.raises(domain.InvalidMoney):
        Money(minor_units, "EUR")


@pytest.mark.req("BL-3")
@pytest.mark.parametrize(
    ("billing_type", "minor_units", "due"),
    [
        ("cash", 9000, Money(9000, "EUR")),
        ("insurance", 9000, Money(9000, "EUR")),
        ("not_billed", 9000, None),
        ("cash", 0, None),
        ("insurance", 0, None),
    ],
)
def test_the_billing_type_decides_what_is_due(
    billing_type: str, minor_units: int, due: Money | None
) -> None:
    assert domain.amount_due(billing_type, minor_units, "EUR") == due


def test_a_service_without_any_price_costs_nothing() -> None:
    assert domain.amount_due("cash", 0, "") is None


def test_a_booking_that_makes_no_sense_is_not_guessed_at() -> None:
    with pytest.raises(domain.UnknownBillingType):
        domain.amount_due("", 9000, "EUR")
    with pytest.raises(Invalid, match="negative"):
        domain.amount_due("cash", -1, "EUR")
