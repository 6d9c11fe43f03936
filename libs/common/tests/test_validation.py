"""Checks of what requests carry, and page tokens."""

from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from attune.booking.v1.booking_service_pb2 import ListBookingsRequest
from attune.common.v1.types_pb2 import Mode
from attune_testing.clock import utc
from common import ids, validation
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


def test_an_id_is_a_uuid() -> None:
    some = ids.new()
    assert ids.parse(str(some), "booking_id") == some
    with pytest.raises(Invalid) as refused:
        ids.parse("7", "booking_id")
    assert (refused.value.field, refused.value.reason) == ("booking_id", "INVALID_ID")


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


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (validation.slug, ("a", "ada-2", "0" * 60), ("", "Ada", "a b", "ä", "0" * 61, "a\n")),
        (validation.currency, ("USD", "EUR"), ("", "usd", "US", "USDT", "USD\n")),
        (
            validation.email,
            ("", "ada@clinic.example", f"{'a' * 64}@clinic.example"),
            (
                *("ada", "ada@clinic", "a b@clinic.example", f"{'a' * 65}@clinic.example"),
                f"ada@{'c' * 64}.example",
            ),
        ),
    ],
)
def test_slugs_currencies_and_emails(check: Any, good: Any, bad: Any) -> None:
    assert [check(text, "field") for text in good] == list(good)
    for text in bad:
        with pytest.raises(Invalid) as raised:
            check(text, "field")
        assert raised.value.field == "field"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u200b",
        "\u200d",
        "\u202e",
        "\u2066\u2069",
        "\u3164",
        "\u2800",
        "\u0301",
        "\u00a0",
        "\ufeff",
    ],
)
def test_a_required_text_has_something_to_see(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        validation.line(text, "name")
    assert (raised.value.field, raised.value.reason) == ("name", "REQUIRED")


@pytest.mark.parametrize(
    "text",
    [
        "علی\u200cرضا",
        "ශ්\u200dරී",
        "नी\u200dल",
        "👩\u200d⚕️",
        "\u200fמירה",
        "Zoë",
        "李",
        "O'Brien",
        "3",
    ],
)
def test_characters_that_scripts_need_stay(text: str) -> None:
    for check in (validation.line, validation.optional_line, validation.words):
        assert check(text, "name") == text


@pytest.mark.parametrize("reorders", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_characters_that_reorder_text_are_removed(reorders: str) -> None:
    for check in (validation.line, validation.optional_line, validation.words):
        assert check(f"Mara{reorders} Quill{reorders}", "name") == "Mara Quill"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", ""),
        ("https://clinic.example", "https://clinic.example"),
        ("http://clinic.example/new?a=b", "http://clinic.example/new?a=b"),
        ("clinic.example", "https://clinic.example"),
        ("bücher.example", "https://bücher.example"),
    ],
)
def test_a_website_gets_a_scheme(text: str, address: str) -> None:
    assert validation.website(text, "website") == address


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "ftp://clinic.example",
        "clinic",
        "https://",
        "http://[",
        "a b.example",
    ],
)
def test_other_websites_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as raised:
        validation.website(text, "website")
    assert (raised.value.field, raised.value.reason) == ("website", "INVALID_WEBSITE")


def test_a_date_is_one_of_the_years_2000_to_2100() -> None:
    for text in ("2000-01-01", "2026-11-02", "2100-12-31"):
        assert validation.day(text, "date").isoformat() == text
    for text in ("", "1999-12-31", "2101-01-01", "2026-02-29", "20261102", "2026-11-2"):
        with pytest.raises(Invalid) as raised:
            validation.day(text, "date")
        assert (raised.value.field, raised.value.reason) == ("date", "INVALID_DATE")
