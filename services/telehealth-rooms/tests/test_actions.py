"""Whose links a caller may have."""

import pytest

from attune_testing.identities import client, service, staff
from common import ids
from common.rpc.identity import VISITOR, Identity
from telehealth_rooms import actions
from telehealth_rooms.domain import BOTH, NONE, Side
from telehealth_rooms.store import Room

PRACTICE, BOOKING, PROVIDER, CLIENT = ids.new(), ids.new(), ids.new(), ids.new()
HIS = frozenset({Side.PROVIDER})
HERS = frozenset({Side.CLIENT})


@pytest.mark.req("RM-1", "CL-3")
@pytest.mark.parametrize(
    ("caller", "theirs"),
    [
        (client(PRACTICE, CLIENT), HERS),
        (client(PRACTICE, CLIENT, BOOKING), HERS),
        (client(PRACTICE, CLIENT, ids.new()), NONE),
        (client(PRACTICE, ids.new()), NONE),
        (client(PRACTICE, ids.new(), BOOKING), NONE),
        (staff(PRACTICE, "owner"), HIS),
        (staff(PRACTICE, "manager"), HIS),
        (staff(PRACTICE, "clinician", provider_id=PROVIDER), HIS),
        (staff(PRACTICE, "clinician", provider_id=ids.new()), NONE),
        (staff(PRACTICE, "clinician"), NONE),
        (staff(PRACTICE, "supervisor"), NONE),
        (service("notifications", PRACTICE), BOTH),
        (VISITOR, NONE),
        (Identity("client:", str(PRACTICE)), NONE),
    ],
)
def test_links_are_given_to_whom_they_belong(caller: Identity, theirs: frozenset[Side]) -> None:
    room = Room(booking_id=BOOKING, provider_id=PROVIDER, client_id=CLIENT)
    assert actions.sides(caller, "video_rooms:read", room) == theirs
