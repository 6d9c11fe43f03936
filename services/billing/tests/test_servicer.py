"""The list of billables, and who sees which."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.billing.v1 import billable_service_pb2 as pb
from attune.booking.v1.events_pb2 import BookingCompleted
from attune.common.v1.types_pb2 import Money
from attune_testing.clock import utc
from attune_testing.identities import client, service, staff
from attune_testing.stubs import BillingStub
from billing.store.tables import Billable
from common import ids
from common.db.cursor import Keyset
from common.errors import Invalid, NotAllowed, Unauthenticated
from common.rpc.identity import VISITOR, Identity, acting_as

Held = Callable[..., str]
pytestmark = pytest.mark.req("BL-4")


def list_as(
    billing: BillingStub, caller: Identity, request: pb.ListBillablesRequest | None = None
) -> pb.ListBillablesResponse:
    with acting_as(caller):
        return billing.ListBillables(request or pb.ListBillablesRequest())


def bookings(response: pb.ListBillablesResponse) -> list[str]:
    return [billable.booking_id for billable in response.billables]


@pytest.fixture
def held(completed: Callable[..., BookingCompleted], deliver: Callable[..., bool]) -> Held:
    """Hold a session, and return the id of its booking."""

    def hold(start: str, **parties: UUID) -> str:
        event = completed(start=start, **parties)
        deliver(event)
        return event.booking.booking_id

    return hold


def timestamp(text: str) -> Timestamp:
    at = Timestamp()
    at.FromDatetime(utc(text))
    return at


def test_a_billable_says_what_is_due_from_whom_for_which_session(
    billing: BillingStub,
    practice: UUID,
    completed: Callable[..., BookingCompleted],
    deliver: Callable[..., bool],
) -> None:
    event = completed(12550, "EUR")
    deliver(event)
    response = list_as(billing, staff(practice))
    assert response == pb.ListBillablesResponse(
        billables=[
            pb.Billable(
                billable_id=response.billables[0].billable_id,
                booking_id=event.booking.booking_id,
                client_id=event.booking.client_id,
                provider_id=event.booking.provider_id,
                kind=pb.BILLABLE_KIND_SESSION,
                amount=Money(minor_units=12550, currency_code="EUR"),
                service_time=event.booking.start_time,
            )
        ]
    )
    assert ids.find(response.billables[0].billable_id)


def test_the_newest_comes_first_a_page_at_a_time(
    billing: BillingStub, practice: UUID, held: Held
) -> None:
    # Two sessions at the same time: the cursor must tell them apart.
    starts = ["2026-03-02 15:00", "2026-03-03 15:00", "2026-03-03 15:00", "2026-03-04 15:00"]
    made = [held(start) for start in starts]
    seen: list[str] = []
    token = ""
    for size in (1, 1, 1, 1):
        request = pb.ListBillablesRequest(page_size=size, page_token=token)
        response = list_as(billing, staff(practice), request)
        seen += bookings(response)
        token = response.next_page_token
    assert (seen[0], set(seen[1:3]), seen[3], token) == (made[3], set(made[1:3]), made[0], "")


def test_fifty_to_a_page_unless_asked(billing: BillingStub, practice: UUID, held: Held) -> None:
    for _ in range(51):
        held("2026-03-02 15:00")
    first = list_as(billing, staff(practice))
    rest = list_as(
        billing,
        staff(practice),
        pb.ListBillablesRequest(page_size=200, page_token=first.next_page_token),
    )
    assert (len(first.billables), len(rest.billables), rest.next_page_token) == (50, 1, "")


def test_it_is_filtered_by_client_provider_and_dates(
    billing: BillingStub, practice: UUID, held: Held
) -> None:
    someone, doctor = ids.new(), ids.new()
    early = held("2026-03-02 15:00", client_id=someone, provider_id=doctor)
    late = held("2026-03-04 15:00", client_id=someone)
    other = held("2026-03-03 15:00", provider_id=doctor)

    def found(**wanted: object) -> list[str]:
        request = pb.ListBillablesRequest(**wanted)  # type: ignore[arg-type]  # one test, many filters
        return bookings(list_as(billing, staff(practice), request))

    assert found() == [late, other, early]
    assert found(client_id=str(someone)) == [late, early]
    assert found(provider_id=str(doctor)) == [other, early]
    assert found(client_id=str(someone), provider_id=str(doctor)) == [early]
    assert found(from_time=timestamp("2026-03-03 15:00")) == [late, other]
    assert found(to_time=timestamp("2026-03-03 15:00")) == [early]
    assert found(
        from_time=timestamp("2026-03-03 15:00"), to_time=timestamp("2026-03-04 15:00")
    ) == [other]


@pytest.mark.req("CL-3")
def test_owners_and_managers_see_all_and_clinicians_what_is_theirs(
    billing: BillingStub, practice: UUID, held: Held
) -> None:
    me, colleague = ids.new(), ids.new()
    mine = held("2026-03-02 15:00", provider_id=me)
    theirs = held("2026-03-03 15:00", provider_id=colleague)
    clinician = staff(practice, "clinician", provider_id=me)
    assert bookings(list_as(billing, staff(practice, "owner"))) == [theirs, mine]
    assert bookings(list_as(billing, staff(practice, "manager"))) == [theirs, mine]
    both = staff(practice, "clinician", "manager", provider_id=me)
    assert bookings(list_as(billing, both)) == [theirs, mine]
    assert bookings(list_as(billing, clinician)) == [mine]
    asked = pb.ListBillablesRequest(provider_id=str(colleague))
    assert bookings(list_as(billing, clinician, asked)) == []


@pytest.mark.req("GW-13")
def test_another_practice_sees_nothing_of_it(
    billing: BillingStub, practice: UUID, held: Held
) -> None:
    held("2026-03-02 15:00")
    assert list_as(billing, staff(ids.new())) == pb.ListBillablesResponse()


@pytest.mark.req("GW-13")
def test_it_is_for_staff_alone(billing: BillingStub, practice: UUID, held: Held) -> None:
    refused = {
        client(practice, ids.new()): NotAllowed,
        client(practice, ids.new(), ids.new()): NotAllowed,
        staff(practice, "supervisor"): NotAllowed,
        service("booking", practice): NotAllowed,
        VISITOR: Unauthenticated,
    }
    for caller, failure in refused.items():
        with pytest.raises(failure):
            list_as(billing, caller)


def token_of(at: datetime, name: str) -> str:
    """Return a page token of a list in the order of billables, behind a row that nobody made."""
    order = Keyset(name, Billable.service_at, Billable.id, descending=True)
    return order.token(Billable(service_at=at, id=ids.new()))


BEGIN, END = (moment.replace(tzinfo=UTC) for moment in (datetime.min, datetime.max))


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListBillablesRequest(client_id="x"), "client_id"),
        (pb.ListBillablesRequest(provider_id="\0" * 36), "provider_id"),
        (pb.ListBillablesRequest(page_size=-1), "page_size"),
        (pb.ListBillablesRequest(page_size=201), "page_size"),
        (pb.ListBillablesRequest(from_time=Timestamp(seconds=2**62)), "from_time"),
        (pb.ListBillablesRequest(from_time=Timestamp(seconds=-1)), "from_time"),
        (pb.ListBillablesRequest(to_time=Timestamp(seconds=10**9, nanos=-1)), "to_time"),
        (pb.ListBillablesRequest(to_time=timestamp("1999-12-31 23:59")), "to_time"),
        (pb.ListBillablesRequest(to_time=timestamp("2101-01-01 00:00")), "to_time"),
        (
            pb.ListBillablesRequest(
                from_time=timestamp("2026-03-03 00:00"), to_time=timestamp("2026-03-02 00:00")
            ),
            "to_time",
        ),
        *(
            (pb.ListBillablesRequest(page_token=token), "page_token")
            for token in ("x", "ü", "\0", "a" * 10_000, token_of(BEGIN, "clients"))
        ),
    ],
)
def test_what_is_wrong_with_a_question_is_said(
    billing: BillingStub,
    practice: UUID,
    held: Held,
    request_: pb.ListBillablesRequest,
    field: str,
) -> None:
    with pytest.raises(Invalid) as failure:
        list_as(billing, staff(practice), request_)
    assert failure.value.field == field


@pytest.mark.parametrize("at", [BEGIN, END])
def test_a_made_up_place_in_the_list_is_a_place_like_any_other(
    billing: BillingStub, practice: UUID, at: datetime
) -> None:
    request = pb.ListBillablesRequest(page_token=token_of(at, "billables"))
    assert list_as(billing, staff(practice), request) == pb.ListBillablesResponse()


@pytest.mark.req("CL-3")
def test_a_clinician_who_is_no_provider_is_not_answered(
    billing: BillingStub, practice: UUID
) -> None:
    with pytest.raises(NotAllowed):
        list_as(billing, staff(practice, "clinician"))
