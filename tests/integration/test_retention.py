"""Retention by the operator's command, as the practice then sees it (spec PF-10)."""

from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner

from attune_local.stack import Stack
from attune_operator.main import main
from attune_operator.up import environment_of
from tests.world import World

pytestmark = pytest.mark.req("PF-10")


def test_a_client_who_was_forgotten_leaves_bookings_without_a_name_and_a_proof(
    stack: Stack, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = world.book(world.slots()[-1], note="It is about my mother")
    kept = world.book(world.slots()[-9])
    with psycopg.connect(f"{stack.postgres_url}/booking") as connection:
        for table, columns in (("clients", ["created_at"]), ("bookings", ["start_at", "end_at"])):
            for column in columns:
                key = "client_id" if table == "bookings" else "id"
                connection.execute(
                    f"UPDATE {table} SET {column} = {column} - interval '11 years'"  # noqa: S608  # ours
                    f" WHERE {key} = (SELECT client_id FROM bookings WHERE id = %s)",
                    [old["id"]],
                )
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    environment_of(stack).save()
    monkeypatch.setenv("RETENTION", "clients=3650d")
    for removed in ("1", "0"):
        ran = CliRunner().invoke(main, ["retention", "run", "booking"])
        assert ran.exit_code == 0, ran.output
        [line] = [x for x in ran.output.splitlines() if x.split()[1] == "clients"]
        assert line.split() == ["booking", "clients", removed]

    shown = world.owner.get(f"/bookings/{old['id']}")
    assert (shown["client"]["name"], shown["client"]["email"], shown.get("note")) == ("", "", None)
    names = {one["email"] for one in world.owner.get("/clients")["clients"]}
    assert names == {"", kept["client"]["email"]}
    assert world.owner.get(f"/bookings/{kept['id']}")["client"]["name"] == kept["client"]["name"]
    page = world.owner.session.get(old["manage_url"], timeout=60)
    assert page.status_code == 200

    audit = world.owner.get("/audit", action="retention.remove")["entries"]
    [proof] = audit
    assert proof["things"][:2] == ["kind:clients", "count:1"]
    assert proof["subject"] == "service:booking"
