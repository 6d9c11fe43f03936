"""Letters to compose: about one booking, and one in every state that changes the wording."""

from typing import Any

from attune.availability.v1.availability_pb2 import (
    CLIENT_CANCELLATION_APPROVAL,
    Policies,
    Practice,
    Provider,
)
from attune.booking.v1 import booking_pb2 as pb
from attune.common.v1 import types_pb2
from attune_testing.clock import utc
from common import ids
from notifications.domain.notices import Kind, Recipient
from notifications.rendering.letter import Letter, Links

CLIENT, PROVIDER = Recipient.CLIENT, Recipient.PROVIDER


def make_letter(
    kind: Kind = Kind.BOOKING_CONFIRMED,
    recipient: Recipient = CLIENT,
    *,
    start: str = "2026-03-03 15:00",
    end: str = "2026-03-03 15:50",
    until: str = "",
    booking: dict[str, Any] | None = None,
    practice: dict[str, Any] | None = None,
    **letter: Any,
) -> Letter:
    """A letter about a confirmed telehealth booking on 3 March 2026, 10:00 in New York, which the
    client can cancel `until` then; `booking` and `practice` have further fields of theirs."""
    about = pb.Booking(
        booking_id=str(ids.new()),
        username="pat",
        contact=pb.ContactDetails(
            name="Dana Quillfeather",
            email="dana@client.example",
            phone="+12125550123",
            timezone="America/New_York",
        ),
        status=pb.BOOKING_STATUS_CONFIRMED,
        mode=types_pb2.MODE_TELEHEALTH,
        timezone="Europe/Berlin",
        service_lines=[pb.ServiceLine(title="Trauma therapy", slug="trauma-therapy")],
        note="I cannot sleep",
        reason_text="The doctor is ill",
        manage_token="manage-token",
        version=3,
    )
    about.start_time.FromDatetime(utc(start))
    about.end_time.FromDatetime(utc(end))
    if until:
        about.cancel_until_time.FromDatetime(utc(until))
    about.MergeFrom(pb.Booking(**(booking or {})))
    told = {"name": "Riverside Practice", "address": "1 River Street", **(practice or {})}
    made: dict[str, Any] = {
        "notice_id": ids.new(),
        "provider": Provider(
            display_name="Pat Provider", email="pat@practice.example", timezone="Europe/Berlin"
        ),
        "links": Links(
            manage="https://attune.example/manage/manage-token",
            book="https://attune.example/book/pat",
            join="https://attune.example/join/join-token",
        ),
        "sender": "no-reply@attune.example",
        "sent_at": utc("2026-03-01 12:00"),
    }
    return Letter(
        kind=kind,
        recipient=recipient,
        booking=about,
        practice=Practice(**told),
        **(made | letter),
    )


def _history(*changes: str) -> list[pb.HistoryEntry]:
    return [pb.HistoryEntry(change=change) for change in changes]


_DESK = {"email": "desk@riverside.example", "phone": "+12125550142", "country": "US"}
_PLACE = {"address": "1 River Street, Brooklyn, NY 11201", "timezone": "America/New_York"}
_IN_PERSON = {"mode": types_pb2.MODE_IN_PERSON}
_BY_PHONE = {"mode": types_pb2.MODE_PHONE}
_WAITING = {"status": pb.BOOKING_STATUS_REQUESTED}
_OPEN = {"client_may_cancel": True}
_BY_CLIENT = {"cancelled_by": pb.CANCELLED_BY_CLIENT, "status": pb.BOOKING_STATUS_CANCELLED}
_BY_PRACTICE = {"cancelled_by": pb.CANCELLED_BY_PRACTICE, "status": pb.BOOKING_STATUS_CANCELLED}
_LINKS = Links("https://attune.example/manage/manage-token", book="https://attune.example/book/pat")
_CONSOLE = Links("https://attune.example/console/bookings/0198")
_CONSOLE_JOIN = Links(_CONSOLE.manage, join="https://attune.example/join/provider-token")
_APPROVAL = Provider(
    display_name="Dr. Ada Moreno, PhD",
    email="ada@practice.example",
    effective_policies=Policies(client_cancellation=CLIENT_CANCELLATION_APPROVAL),
)
_KATHMANDU = pb.ContactDetails(timezone="Asia/Kathmandu")
_CONFIRMED = {"kind": Kind.BOOKING_CONFIRMED, "until": "2026-03-02 15:00"}
_WITHDRAWN = _BY_CLIENT | {"history": _history("requested", "cancelled")}
_ENDED = {"history": _history("confirmed", "cancelled")}
_TO_PROVIDER = {"recipient": PROVIDER, "links": _CONSOLE}

STATES: dict[str, dict[str, Any]] = {
    "confirmed": _CONFIRMED | {"practice": _DESK, "booking": _OPEN},
    "confirmed-without-contact": _CONFIRMED | {"booking": _OPEN},
    "confirmed-without-link": _CONFIRMED | {"booking": _OPEN, "links": _LINKS},
    "confirmed-in-person": _CONFIRMED
    | {"practice": _PLACE | _DESK, "booking": _OPEN | _IN_PERSON, "links": _LINKS},
    "confirmed-in-person-far-away": _CONFIRMED
    | {
        "practice": _PLACE,
        "booking": _OPEN | _IN_PERSON | {"contact": _KATHMANDU},
        "links": _LINKS,
    },
    "confirmed-by-phone": _CONFIRMED | {"booking": _OPEN | _BY_PHONE, "links": _LINKS},
    "confirmed-too-late-to-cancel": _CONFIRMED | {"practice": _DESK},
    "confirmed-not-cancelable": {"kind": Kind.BOOKING_CONFIRMED, "practice": _DESK},
    "confirmed-cancel-by-approval": _CONFIRMED | {"booking": _OPEN, "provider": _APPROVAL},
    "confirmed-desk-by-phone-alone": _CONFIRMED
    | {"practice": {"phone": "+12125550142"}, "booking": _OPEN},
    "confirmed-desk-by-email-alone": _CONFIRMED
    | {"practice": {"email": "desk@riverside.example"}, "booking": _OPEN},
    "requested": {
        "kind": Kind.BOOKING_REQUESTED,
        "practice": _DESK,
        "booking": _WAITING,
        "links": _LINKS,
    },
    "requested-in-person": {
        "kind": Kind.BOOKING_REQUESTED,
        "practice": _PLACE,
        "booking": _WAITING | _IN_PERSON,
        "links": _LINKS,
    },
    "requested-by-phone": {
        "kind": Kind.BOOKING_REQUESTED,
        "booking": _WAITING | _BY_PHONE,
        "links": _LINKS,
    },
    "declined-with-a-message": {"kind": Kind.BOOKING_DECLINED, "practice": _DESK},
    "expired": {"kind": Kind.BOOKING_EXPIRED, "practice": _DESK},
    "canceled-by-client": {
        "kind": Kind.BOOKING_CANCELLED,
        "booking": _BY_CLIENT | _ENDED,
        "invited": True,
    },
    "canceled-by-practice-with-a-message": {
        "kind": Kind.BOOKING_CANCELLED,
        "practice": _DESK,
        "booking": _BY_PRACTICE | _ENDED,
        "invited": True,
    },
    "canceled-as-asked": {
        "kind": Kind.BOOKING_CANCELLED,
        "booking": _BY_CLIENT
        | {"history": _history("confirmed", "cancellation_requested", "cancelled")},
        "invited": True,
    },
    "request-canceled-by-practice": {
        "kind": Kind.BOOKING_CANCELLED,
        "booking": _BY_PRACTICE | {"history": _history("requested", "cancelled")},
    },
    "withdrawn": {"kind": Kind.BOOKING_CANCELLED, "booking": _WITHDRAWN},
    "cancellation-declined": {
        "kind": Kind.CANCELLATION_DECLINED,
        "practice": _DESK,
        "links": _LINKS,
    },
    "provider-confirmed": _CONFIRMED | {"recipient": PROVIDER, "links": _CONSOLE_JOIN},
    "provider-confirmed-by-phone": _CONFIRMED
    | _TO_PROVIDER
    | {"booking": _BY_PHONE, "provider": _APPROVAL},
    "provider-confirmed-in-person": _CONFIRMED
    | _TO_PROVIDER
    | {"practice": _PLACE | _DESK, "booking": _IN_PERSON},
    "provider-requested": _TO_PROVIDER | {"kind": Kind.BOOKING_REQUESTED, "booking": _WAITING},
    "provider-requested-by-phone": _TO_PROVIDER
    | {"kind": Kind.BOOKING_REQUESTED, "booking": _WAITING | _BY_PHONE},
    "provider-requested-answered": _TO_PROVIDER | {"kind": Kind.BOOKING_REQUESTED},
    "provider-canceled": _TO_PROVIDER
    | {"kind": Kind.BOOKING_CANCELLED, "booking": _BY_CLIENT | _ENDED, "invited": True},
    "provider-withdrawn": _TO_PROVIDER | {"kind": Kind.BOOKING_CANCELLED, "booking": _WITHDRAWN},
    "provider-cancellation-requested": _TO_PROVIDER | {"kind": Kind.CANCELLATION_REQUESTED},
}
"""Arguments of `make_letter`: one letter in every state that changes what a message says."""
