"""A practice of one's own, from the command line to its first booking."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from attune_local.stack import Stack
from attune_operator.main import main
from attune_operator.up import environment_of
from attune_testing import builders
from attune_testing.builders import PASSWORD
from tests.world import Http, World

pytestmark = pytest.mark.req("GW-12", "PF-11")
NOBODY = "0fd5e5a2-98fd-4b35-94bd-2fd3d3c9de8e"
Run = Callable[..., Result]


@pytest.fixture
def attune(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the `attune` command, as beside a running `make up`."""
    monkeypatch.setenv("ATTUNE_DATA", str(tmp_path))
    monkeypatch.delenv("NATS_URL", raising=False)
    environment_of(stack).save()
    return lambda *arguments: CliRunner().invoke(main, arguments)


def practice(**changes: str) -> list[str]:
    options = {"name": "Elm Street", "timezone": "America/New_York", "currency": "USD", **changes}
    return ["practice", "create", *as_options(options)]


def provider(practice_id: str, **changes: str) -> list[str]:
    options = {
        "practice": practice_id,
        "username": builders.unique("ada"),
        "name": "Ada Moreno, PhD",
        "timezone": "America/New_York",
        **changes,
    }
    return ["provider", "create", *as_options(options)]


def account(practice_id: str, **changes: str) -> list[str]:
    options = {
        "practice": practice_id,
        "email": f"{builders.unique('ada')}@elm.example",
        "role": "owner",
        "password": PASSWORD,
        **changes,
    }
    return ["account", "create", *as_options(options)]


def as_options(values: dict[str, str]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", value)]


def made(run: Result) -> str:
    """The id that a command prints, alone on its standard output."""
    assert run.exit_code == 0, run.output
    return str(UUID(run.stdout.strip()))


def test_a_new_practice_is_signed_into_set_up_and_booked(stack: Stack, attune: Run) -> None:
    created = attune(*practice(phone="(212) 555-0100", email="desk@elm.example"))
    practice_id = made(created)
    assert f"attune provider create --practice {practice_id}" in created.stderr
    username, email = builders.unique("ada"), f"{builders.unique('ada')}@elm.example"
    added = attune(*provider(practice_id, username=username, email=email))
    provider_id = made(added)
    assert f"--practice {practice_id} --provider {provider_id}" in added.stderr
    assert f"/book/{username}" in added.stderr
    signed_up = attune(*account(practice_id, provider=provider_id, email=email))
    assert signed_up.exit_code == 0, signed_up.output
    assert "Created account" in signed_up.stdout

    public = Http(stack.url)
    token = public.post("/auth/login", {"email": email, "password": PASSWORD})["token"]
    owner = Http(stack.url, token)
    shown = owner.get("/practice")
    assert (shown["name"], shown["country"], shown["phone"]) == ("Elm Street", "US", "+12125550100")
    talk = {"slug": "session", "title": "Talk", "duration_minutes": 50, "modes": ["telehealth"]}
    owner.post("/service-types", talk, status=201)
    hours = {
        "version": owner.get(f"/providers/{username}/hours")["version"],
        "blocks": [{"day": day, "start": "09:00", "end": "17:00"} for day in range(7)],
    }
    assert owner.call("PUT", f"/providers/{username}/hours", json=hours).status_code == 200
    world = World(stack, practice_id, provider_id, username, public, owner)
    booking = world.book()
    assert booking["status"] == "confirmed"
    assert owner.get(f"/bookings/{booking['id']}")["provider"] == username
    told = world.messages(email)
    assert told[0]["to"] == email


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"country": "XX"}, "'--country': Must be a country's two capital letters (ISO 3166-1)"),
        ({"country": "us"}, "'--country': Must be a country's two capital letters (ISO 3166-1)"),
        ({"timezone": "New York"}, "'--timezone': Must be a time zone name"),
        ({"currency": "dollars"}, "'--currency': Must be three capital letters, such as USD."),
        ({"phone": "555-0100"}, "'--phone': The phone number is too short. Include the area code."),
        ({"email": "desk"}, "'--email': Enter an email address, such as name@example.com."),
        ({"website": "a b"}, "'--website': Enter a website address"),
        ({"name": " "}, "'--name': Required."),
    ],
)
def test_a_practice_that_cannot_be_is_explained(
    attune: Run, wrong: dict[str, str], said: str
) -> None:
    refuses(attune(*practice(**wrong)), said)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"practice": "elm"}, "'--practice': 'elm' is not a valid UUID."),
        ({"practice": NOBODY}, "This practice doesn't exist."),
        ({"username": "Ada M"}, "'--username': Must be 1 to 60 lowercase letters"),
        ({"timezone": "EST5"}, "'--timezone': Must be a time zone name"),
        ({"email": "ada@elm"}, "'--email': Enter an email address"),
        ({"name": ""}, "'--name': Required."),
    ],
)
def test_a_provider_who_cannot_be_is_explained(
    attune: Run, wrong: dict[str, str], said: str
) -> None:
    refuses(attune(*provider(made(attune(*practice())), **wrong)), said)


def test_a_username_is_taken_once_in_all_practices(attune: Run) -> None:
    name = builders.unique("ada")
    made(attune(*provider(made(attune(*practice())), username=name)))
    again = attune(*provider(made(attune(*practice())), username=name))
    refuses(again, "'--username': A provider with this username already exists.")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"practice": NOBODY}, "--practice: There is no practice with this id."),
        ({"provider": NOBODY}, "--provider: The practice has no provider with this id."),
        ({"practice": "elm"}, "'--practice': 'elm' is not a valid UUID."),
        ({"email": "ada"}, "--email: Enter an email address"),
        ({"password": "short"}, "--password: Must have 8 to 200 characters."),
        ({"role": "boss"}, "'--role': 'boss' is not one of"),
    ],
)
def test_an_account_that_cannot_be_is_explained(
    attune: Run, wrong: dict[str, str], said: str
) -> None:
    refuses(attune(*account(made(attune(*practice())), **wrong)), said)


def test_an_email_has_one_account(stack: Stack, attune: Run) -> None:
    practice_id, email = made(attune(*practice())), f"{builders.unique('ada')}@elm.example"
    assert attune(*account(practice_id, email=email)).exit_code == 0
    again = attune(*account(practice_id, email=email.upper(), password="another password"))
    refuses(again, "--email: This email address already has an account.")
    Http(stack.url).post("/auth/login", {"email": email, "password": PASSWORD})


def refuses(run: Result, said: str) -> None:
    """Assert that a command failed with a text for people, and made nothing."""
    assert run.exit_code in (1, 2)
    assert run.stdout == ""
    assert said in " ".join(run.stderr.split()), run.stderr
    assert "Traceback" not in run.stderr
    assert isinstance(run.exception, SystemExit)
