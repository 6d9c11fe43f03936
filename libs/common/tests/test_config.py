"""Settings from the environment."""

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from common.config import Misconfigured, ServiceSettings, Settings
from common.services import GATEWAY, SERVICES, package

ROOT = Path(__file__).parents[3]


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


REQUIRED = dict.fromkeys(
    (
        "DATABASE_URL",
        "NATS_URL",
        "IDENTITY_KEY",
        "IDENTITY_KEYS",
        "ENCRYPTION_KEYS",
        "BLIND_INDEX_KEY",
    ),
    "x",
)


def test_every_service_starts_with_what_it_requires() -> None:
    settings = ServiceSettings.from_env(REQUIRED)
    assert (settings.log_level, settings.health_listen, settings.tls_folder) == ("INFO", "", "")
    assert ServiceSettings.from_env({**REQUIRED, "LOG_LEVEL": "debug"}).log_level == "debug"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LISTEN", "50051", "LISTEN must be a host and a port, .* not '50051'"),
        ("HEALTH_LISTEN", "0.0.0.0:http", "HEALTH_LISTEN must be a host and a port"),
        ("HEALTH_LISTEN", "0.0.0.0:65536", "HEALTH_LISTEN must be a host and a port"),
        ("GRPC_WORKERS", "0", "GRPC_WORKERS must be above 0, not 0"),
        ("CALL_SECONDS", "-1", "CALL_SECONDS must be above 0"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL must be one of DEBUG, .*, not 'LOUD'"),
        ("ENVIRONMENT", "staging", "ENVIRONMENT must be one of production, development, not"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", "OTEL_EXPORTER_OTLP_ENDPOINT must begin"),
    ],
)
def test_a_bad_value_is_refused_by_name(name: str, value: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        ServiceSettings.from_env({**REQUIRED, name: value})


def test_every_service_has_its_settings_in_one_place() -> None:
    for service in (*SERVICES, GATEWAY):
        module = importlib.import_module(f"{package(service)}.settings")
        assert issubclass(module.Settings, ServiceSettings)


def test_only_settings_read_the_environment() -> None:
    folders = [ROOT / "libs/common/src/common", *(ROOT / "services").glob("*/src")]
    sources = [path for folder in folders for path in folder.rglob("*.py")]
    reading = [path.name for path in sources if any(_reads(path))]
    assert reading == ["config.py"]


def _reads(path: Path) -> Iterator[bool]:
    """Yield True for each mention of the process's environment in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
            yield isinstance(node.value, ast.Name) and node.value.id == "os"
        if isinstance(node, ast.ImportFrom) and node.module == "os":
            yield any(name.name in {"environ", "environb", "getenv"} for name in node.names)
