"""How fees are kept as JSON."""

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from attune.common.v1 import types_pb2 as types
from availability import messages
from availability.domain.modes import Mode
from availability.domain.service_types import Fee, Money, ServiceType
from availability.store import service_types
from availability.store.tables import Json

FIFTY, NOTHING = Money(5000, "USD"), Money(0, "USD")


@pytest.mark.req("AV-11")
@pytest.mark.parametrize(
    "fee",
    [
        None,
        Fee(FIFTY),
        Fee(NOTHING),
        Fee(None, ((Mode.PHONE, NOTHING),)),
        Fee(FIFTY, ((Mode.TELEHEALTH, NOTHING), (Mode.IN_PERSON, Money(2**40, "USD")))),
    ],
)
def test_a_fee_is_kept_as_protobuf_writes_it(fee: Fee | None) -> None:
    kind = ServiceType("therapy", "Therapy", 60, (Mode.PHONE,), no_show_fee=fee)
    stored: Json | None = service_types.to_columns(kind)["no_show_fee"]
    message = messages.service_type(kind)
    row = {**vars(kind), "id": "", "price": 0, "no_show_fee": stored}
    assert stored == (MessageToDict(message.no_show_fee) if fee else None)
    assert stored is None or ParseDict(stored, types.Fee()) == message.no_show_fee
    assert service_types.from_row(row, "USD").no_show_fee == fee
