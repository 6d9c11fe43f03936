"""The table of permissions, and the rows within a caller's reach."""

import pytest
from sqlalchemy import Column, MetaData, Table, Uuid, create_engine, insert, select

from attune_testing.identities import client, service, staff
from common import ids
from common.errors import NotAllowed, Unauthenticated
from common.rpc import access
from common.rpc.access import PEOPLE, SERVICES, Reach, reach, require
from common.rpc.identity import VISITOR, Identity
from common.services import GATEWAY, OPERATOR
from common.services import SERVICES as NAMES

PRACTICE, PROVIDER, CLIENT = ids.new(), ids.new(), ids.new()

pytestmark = pytest.mark.req("GW-13", "CL-3")


def test_the_table_names_kinds_roles_and_services_that_exist() -> None:
    columns = {"visitor", "client", "clinician", "supervisor", "manager", "owner"}
    assert {frozenset(row) for row in PEOPLE.values()} == {frozenset(columns)}
    assert set().union(*SERVICES.values()) <= {*NAMES, GATEWAY, OPERATOR, access.ALL}


@pytest.mark.parametrize("permission", PEOPLE)
def test_an_owner_reaches_whatever_any_other_of_the_staff_does(permission: str) -> None:
    row = PEOPLE[permission]
    assert row["owner"] == max(row[r] for r in ("clinician", "supervisor", "manager", "owner"))
    assert row["manager"] >= row["clinician"]


def test_of_several_roles_the_widest_counts() -> None:
    assert reach(staff(PRACTICE, "clinician"), "bookings:read") is Reach.OWN
    assert reach(staff(PRACTICE, "clinician", "manager"), "bookings:read") is Reach.PRACTICE
    assert reach(Identity("account:x", str(PRACTICE)), "bookings:read") is Reach.NONE


def test_scopes_take_away_and_never_add() -> None:
    manager = staff(PRACTICE, "manager")
    limited = Identity(**{**vars(manager), "scopes": frozenset({"bookings:read", "audit:read"})})
    assert reach(limited, "bookings:read") is Reach.PRACTICE
    assert reach(limited, "bookings:change") is Reach.NONE
    assert reach(limited, "audit:read") is Reach.NONE


def test_services_have_what_the_table_gives_them_by_name() -> None:
    assert reach(service("booking"), "slots:check") is Reach.PRACTICE
    assert reach(service("billing"), "slots:check") is Reach.NONE
    assert reach(service("billing"), "bookings:read") is Reach.PRACTICE
    assert reach(service("operator"), "bookings:change") is Reach.NONE


def test_who_may_not_is_told_apart_from_who_has_not_signed_in() -> None:
    with pytest.raises(Unauthenticated):
        require("bookings:read", VISITOR)
    with pytest.raises(NotAllowed):
        require("audit:read", staff(PRACTICE, "manager"))
    assert require("slots:search", VISITOR) is Reach.YES


def test_an_unknown_permission_cannot_be_asked_for() -> None:
    with pytest.raises(LookupError):
        access.allow("bookings:raed")


def test_rows_are_those_within_reach(request: pytest.FixtureRequest) -> None:
    names = ("practice", "provider", "client", "booking")
    table = Table("rows", MetaData(), *(Column(name, Uuid) for name in names))
    engine = create_engine("sqlite://")
    request.addfinalizer(engine.dispose)
    own = {"practice": PRACTICE, "provider": PROVIDER, "client": CLIENT, "booking": ids.new()}
    same_client = {**own, "provider": ids.new(), "booking": ids.new()}
    other = {**own, "provider": ids.new(), "client": ids.new(), "booking": ids.new()}
    foreign = {**own, "practice": ids.new(), "booking": ids.new()}
    labels = {
        row["booking"]: name
        for name, row in (
            ("own", own),
            ("same", same_client),
            ("other", other),
            ("foreign", foreign),
        )
    }

    def seen(who: Identity, permission: str = "bookings:read") -> set[str]:
        columns = {name: table.c[name] for name in names}
        query = select(table.c.booking).where(*access.rows(permission, who, **columns))
        with engine.connect() as connection:
            table.create(connection, checkfirst=True)
            connection.execute(insert(table), [own, same_client, other, foreign])
            return {labels[found] for found in connection.scalars(query)}

    assert seen(staff(PRACTICE, "manager")) == {"own", "same", "other"}
    assert seen(staff(PRACTICE, "clinician", provider_id=PROVIDER)) == {"own"}
    assert seen(staff(PRACTICE, "clinician")) == set()
    assert seen(client(PRACTICE, CLIENT)) == {"own", "same"}
    assert seen(client(PRACTICE, CLIENT, own["booking"])) == {"own"}
    assert seen(service("billing", PRACTICE)) == {"own", "same", "other"}
    assert seen(service("billing")) == set()
    assert seen(VISITOR) == set()
    assert seen(client(PRACTICE, CLIENT), "billables:read") == set()
