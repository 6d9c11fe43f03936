"""Checks of the values in requests, and page tokens."""

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.booking.v1.booking_service_pb2 import ListBookingsRequest
from attune.common.v1.types_pb2 import Mode
from attune_testing.clock import utc
from common import ids, validation
from common.db import cursor
from common.errors import Invalid


@pytest.mark.parametrize(
    "value",
    [
        Timestamp(),
        Timestamp(seconds=946684799),
        Timestamp(seconds=4133980800),
        Timestamp(seconds=2**62),
        Timestamp(seconds=-(2**62)),
        Timestamp(seconds=1_800_000_000, nanos=-1),
        Timestamp(seconds=1_800_000_000, nanos=2_000_000_000),
    ],
)
def test_an_instant_lies_in_the_years_2000_to_2100(value: Timestamp) -> None:
    with pytest.raises(Invalid) as refused:
        validation.instant(value, "start_time")
    assert (refused.value.field, refused.value.reason) == ("start_time", "INVALID_TIME")


def test_an_instant_is_in_utc() -> None:
    assert validation.instant(Timestamp(seconds=1_793_628_000), "x") == utc("2026-11-02 14:00")


@pytest.mark.parametrize("value", [0, 4, 99, -1])
def test_a_choice_is_one_of_those_offered(value: int) -> None:
    with pytest.raises(Invalid) as refused:
        validation.choice(Mode, value, "mode")
    assert (refused.value.field, refused.value.reason) == ("mode", "INVALID_CHOICE")


def test_words_may_have_lines_but_no_control_characters() -> None:
    assert validation.words(" one\n\ttwo\r\n", "note") == "one\n\ttwo"


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a\x00b", "INVALID_TEXT"), ("a\x1bb", "INVALID_TEXT"), ("x" * 4001, "TOO_LONG")],
)
def test_other_words_are_refused(text: str, reason: str) -> None:
    with pytest.raises(Invalid) as refused:
        validation.words(text, "note")
    assert (refused.value.field, refused.value.reason) == ("note", reason)


def test_a_page_has_up_to_200_rows() -> None:
    assert [validation.page_size(n) for n in (0, 1, 200)] == [50, 1, 200]
    for number in (-1, 201):
        with pytest.raises(Invalid) as refused:
            validation.page_size(number)
        assert refused.value.field == "page_size"


def test_a_page_token_is_opaque_and_finds_its_place_again() -> None:
    place = cursor.Place(utc("2026-11-02 14:00"), ids.new())
    assert cursor.place(place.token("bookings"), "bookings") == place
    assert cursor.place("", "bookings") is None


@pytest.mark.parametrize(
    "token", ["x", "a b", "\x00", "é", "AAAA", "A" * 31, "A" * 33, "f" + "_" * 31]
)
def test_a_garbled_page_token_is_refused(token: str) -> None:
    with pytest.raises(Invalid) as refused:
        cursor.place(token, "bookings")
    assert (refused.value.field, refused.value.reason) == ("page_token", "INVALID_PAGE_TOKEN")


def test_a_page_token_of_another_list_is_refused() -> None:
    token = cursor.Place(utc("2026-11-02 14:00"), ids.new()).token("clients")
    with pytest.raises(cursor.InvalidPageToken):
        cursor.place(token, "bookings")


def test_a_range_ends_after_it_begins() -> None:
    early, late = utc("2026-11-02 14:00"), utc("2026-11-02 15:00")
    request = ListBookingsRequest()
    assert validation.span(request) == (None, None)
    request.from_time.FromDatetime(early)
    assert validation.span(request) == (early, None)
    request.to_time.FromDatetime(late)
    assert validation.span(request) == (early, late)
    request.from_time.FromDatetime(late)
    request.to_time.FromDatetime(early)
    with pytest.raises(validation.RangeReversed) as refused:
        validation.span(request)
    assert refused.value.field == "to_time"
