"""Phone numbers, as people write and paste them."""

import pytest

from common import phones
from common.errors import Invalid

pytestmark = pytest.mark.req("BK-1", "CL-1")


@pytest.mark.parametrize(
    ("typed", "country", "kept"),
    [
        ("+1 212 555 0100", "", "+12125550100"),
        ("+1 (212) 555-0100 ext. 5", "", "+12125550100;ext=5"),
        ("212.555.0100 x12", "US", "+12125550100;ext=12"),
        ("tel:+1-212-555-0100;ext=77", "", "+12125550100;ext=77"),
        ("+49 30 901820 Durchwahl 4", "", None),
        ("(212) 555-0100", "US", "+12125550100"),
        ("212 555 0100", "US", "+12125550100"),
        ("1-212-555-0100", "US", "+12125550100"),
        ("011 44 20 7946 0958", "US", "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("+44 (0)20 7946 0958", "", "+442079460958"),
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "US", "+4930901820"),
        ("0049 30 901820", "", "+4930901820"),
        ("\u202a+12125550100\u202c", "", "+12125550100"),
        ("\u200e+1 212 555 0100", "", "+12125550100"),
        ("+1\u00a0212\u00a0555\u00a00100", "", "+12125550100"),
        ("+1 212\u2011555\u20110100", "", "+12125550100"),
        ("＋１ ２１２ ５５５ ０１００", "", "+12125550100"),
        ("٠٣٠ ٩٠١٨٢٠", "DE", "+4930901820"),
        ("+52 1 55 1234 5678", "", "+525512345678"),
        ("+54 9 11 2345 6789", "", "+5491123456789"),
        ("+55 11 91234-5678", "", "+5511912345678"),
    ],
)
def test_a_number_is_read(typed: str, country: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(Invalid):
            phones.parse(typed, country, "phone")
    else:
        assert phones.parse(typed, country, "phone") == kept
        assert phones.parse(phones.shown(kept), "", "phone") == kept


@pytest.mark.parametrize(
    ("typed", "country", "reason"),
    [
        ("(212) 555-0100", "", "PHONE_NEEDS_COUNTRY"),
        ("212 555 0199", "", "PHONE_NEEDS_COUNTRY"),
        ("+999 123456789", "", "PHONE_NEEDS_COUNTRY"),
        ("+1 555 0100", "", "PHONE_TOO_SHORT"),
        ("555-0100", "US", "PHONE_TOO_SHORT"),
        ("+1", "", "INVALID_PHONE"),
        ("911", "US", "PHONE_TOO_SHORT"),
        ("+1 212 555 0100 0000", "", "PHONE_TOO_LONG"),
        ("+" + "1" * 1000, "", "PHONE_TOO_LONG"),
        ("+1 111 555 0100", "", "PHONE_NOT_DIALABLE"),
        ("+44 1111 111111", "", "PHONE_NOT_DIALABLE"),
        ("hello", "US", "INVALID_PHONE"),
        ("+", "", "INVALID_PHONE"),
        ("+1\x00212", "", None),
    ],
)
def test_a_refusal_says_why(typed: str, country: str, reason: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        phones.parse(typed, country, "client.phone")
    assert refused.value.field == "client.phone"
    assert reason in (None, refused.value.reason)
    assert len(typed) < 4 or typed not in refused.value.message


def test_a_number_is_shown_in_international_form() -> None:
    assert phones.shown("+12125550100;ext=5") == "+1 212-555-0100 ext. 5"
    assert phones.shown("+4930901820") == "+49 30 901820"
    assert phones.shown("") == ""
