"""One source for settings: the chart sets what services read, and nothing else (spec PF-14).

A new setting of a service fails here until the chart sets it, or it is among `LEFT_ALONE` with a
reason.
"""

import ast
from dataclasses import MISSING
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk import environment_variables as sdk

from common.config import Misconfigured, ServiceSettings
from tests.chart.conftest import Render
from tests.chart.tools import calls, environment, helm
from tests.chart.tools.environment import Environment
from tests.chart.tools.helm import Document
from tests.chart.tools.install import ROOT
from tests.chart.tools.objects import workloads

pytestmark = pytest.mark.req("PF-14")

LEFT_ALONE = {
    "CLOCK_FILE": "moves the clock, for tests and rehearsals alone",
}
"""Settings that no installation sets."""

HAVE_NO_USE = {
    "gateway": {
        "NATS_URL": "the gateway has no events",
        "NATS_CA": "the gateway has no events",
        "GRPC_WORKERS": "the gateway has WEB_THREADS",
        "HEALTH_LISTEN": "the gateway's probes are HTTP requests",
    },
}
"""Settings of all services that one service does not use."""

MAY_READ_THE_ENVIRONMENT = {
    "libs/common/src/common/config.py": "reads it into the settings",
    "libs/operator/src/attune_operator/environment.py": "the settings of the operator's command",
    "libs/operator/src/attune_operator/migrate.py": "the settings of the operator's command",
    "libs/local/src/attune_local/servers.py": "the local stack, which no image carries",
    "libs/local/src/attune_local/stack.py": "the local stack, which no image carries",
    "libs/testing/src/attune_testing/": "helpers of tests",
}
"""Modules that read environment variables, and why."""

SECRETS = "/run/attune/secrets/"
SECRET = "k" * 43 + "="
KEYS = {
    "IDENTITY_KEYS": f"gateway:{SECRET}",
    "ENCRYPTION_KEYS": f"k1:{SECRET}",
    "DATABASE_URL": "postgresql://booking:secret@postgres/booking",
    "NATS_URL": "nats://nats:4222",
    "SMTP_URL": "smtps://user:secret@mail.example.com:465",
}


def environments(documents: tuple[Document, ...]) -> dict[str, Environment]:
    return environment.services(documents, calls.ALL)


def unread(service: str, found: Environment) -> set[str]:
    """Return the variables that neither the service nor OpenTelemetry's SDK reads."""
    of_sdk = {name for name in vars(sdk) if name.startswith("OTEL_")}
    return found.names - calls.settings_fields(service).keys() - of_sdk


def read(service: str, found: Environment, folder: Path) -> ServiceSettings:
    """Return the settings as the service reads them, with made-up secrets. Raises Misconfigured."""
    env = dict(found.texts)
    for name in found.files:
        (folder / name).write_text(KEYS.get(name, SECRET))
        env[f"{name}_FILE"] = str(folder / name)
    settings: ServiceSettings = calls.settings_class(service).from_env(env)
    return settings


def test_every_service_has_its_container(values: Path, render: Render) -> None:
    assert environments(render(values)).keys() == set(calls.ALL)


def test_the_chart_sets_nothing_that_no_service_reads(values: Path, render: Render) -> None:
    for service, found in environments(render(values)).items():
        assert unread(service, found) == set(), service


def test_the_chart_sets_everything_that_services_read(all_environments: list[Any]) -> None:
    """What is set in no example cannot be set by an operator who knows the examples."""
    for service in calls.ALL:
        set_somewhere = {name for found in all_environments for name in found[service].names}
        unused = LEFT_ALONE.keys() | HAVE_NO_USE.get(service, {}).keys()
        missing = calls.settings_fields(service).keys() - set_somewhere
        assert missing == unused & calls.settings_fields(service).keys(), service


@pytest.fixture(scope="module")
def all_environments(render: Render) -> list[Any]:
    return [environments(render(path)) for path in helm.values_files()]


def test_services_accept_what_the_chart_sets(values: Path, render: Render, tmp_path: Path) -> None:
    for service, found in environments(render(values)).items():
        settings = read(service, found, tmp_path)
        assert settings.environment == helm.values_of(values)["global"]["environment"]


def test_what_a_service_cannot_start_without_is_set(values: Path, render: Render) -> None:
    for service, found in environments(render(values)).items():
        fields = calls.settings_fields(service)
        required = {name for name, field in fields.items() if field.default is MISSING}
        assert required <= found.names, service


def test_secrets_are_files_that_are_mounted(values: Path, render: Render) -> None:
    for workload in workloads(render(values)):
        for container in workload.containers:
            found = environment.of(container, render(values))
            paths = {
                path for path in found.files.values() if path.startswith("/run/attune/secrets")
            }
            assert paths <= environment.mounted(container), container.name
            assert not found.texts.keys() & {*KEYS, "SESSION_KEY", "IDENTITY_KEY"} - {"NATS_URL"}


def test_the_settings_in_the_values_are_those_of_the_services() -> None:
    for service, own in helm.services_of("minimal").items():
        fields = calls.settings_fields(service)
        assert own["settings"].keys() <= fields.keys(), service


def test_a_variable_that_no_service_reads_is_found(render: Render) -> None:
    documents = render("minimal", "services.booking.extraEnv[0].name=NO_SUCH_SETTING")
    assert unread("booking", environments(documents)["booking"]) == {"NO_SUCH_SETTING"}


def test_a_value_that_a_service_refuses_is_found(render: Render, tmp_path: Path) -> None:
    entry = "services.booking.extraEnv[0]"
    documents = render("minimal", f"{entry}.name=LOG_LEVEL", f"{entry}.value=LOUD")
    with pytest.raises(Misconfigured, match="LOG_LEVEL"):
        read("booking", environments(documents)["booking"], tmp_path)


def readers() -> set[str]:
    """Return the production modules that read environment variables."""
    sources = [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    return {
        str(path.relative_to(ROOT))
        for path in sources
        if "/common/src/attune/" not in str(path) and reads_environment(path.read_text())
    }


def reads_environment(source: str) -> bool:
    """Return whether a module uses `os.environ` or `os.getenv`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(value=ast.Name(id="os"), attr="environ" | "environb" | "getenv"):
                return True
            case ast.ImportFrom(module="os", names=names):
                if {name.name for name in names} & {"environ", "environb", "getenv"}:
                    return True
    return False


def test_only_settings_read_the_environment() -> None:
    found = readers()
    allowed = {
        reason: {path for path in found if path.startswith(reason)}
        for reason in MAY_READ_THE_ENVIRONMENT
    }
    assert found == set().union(*allowed.values())
    assert all(allowed.values()), f"no longer needed: {[k for k, v in allowed.items() if not v]}"


@pytest.mark.parametrize(
    "source", ["import os\nos.environ['A']", "import os\nos.getenv('A')", "from os import environ"]
)
def test_a_module_that_reads_the_environment_is_found(source: str) -> None:
    assert reads_environment(source)
    assert not reads_environment("environ = {}\nenviron['A']")
