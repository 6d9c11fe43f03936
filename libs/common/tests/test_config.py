"""Settings from the environment."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from common.config import Misconfigured, Settings


@dataclass(frozen=True)
class Sample(Settings):
    database_url: str
    workers: int = 4
    loud: bool = False


def test_values_are_read_by_name_and_type() -> None:
    env = {"DATABASE_URL": "x", "WORKERS": "8", "LOUD": "true"}
    assert Sample.from_env(env) == Sample("x", 8, True)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("from the file\n")
    env = {"DATABASE_URL_FILE": str(tmp_path / "url")}
    assert Sample.from_env(env).database_url == "from the file"


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({}, "DATABASE_URL is not set"),
        ({"DATABASE_URL": "x", "WORKERS": "many"}, "WORKERS must be of type int"),
        ({"DATABASE_URL": "x", "LOUD": "perhaps"}, "LOUD must be true or false"),
        ({"DATABASE_URL_FILE": "/nowhere"}, "DATABASE_URL_FILE cannot be read"),
    ],
)
def test_what_is_wrong_is_named(env: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        Sample.from_env(env)
