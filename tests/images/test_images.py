"""What is in the images, and Attune run from them (spec PF-16). `make images-test` runs these."""

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.images.containers import ALL, ROOT, USER, Attune, Images, docker
from tests.world import World

pytestmark = [pytest.mark.images, pytest.mark.req("PF-16"), pytest.mark.timeout(0)]

# Of each file in /app: type, mode, link, and hash. Times are fixed, and part of the list.
_LIST = r"""cd /app && find . -printf '%p %y %m %T@ %l\n' | sort
find . -type f -print0 | sort -z | xargs -0 sha256sum"""
_UNWANTED = (
    *("pip", "pip3", "uv", "gcc", "cc", "g++", "make", "git", "curl", "wget", "pytest"),
    *("hatchling", "protoc", "mypy"),
)
_STATUS = """
import json, pathlib
def status(path):
    lines = (line.partition(":") for line in path.read_text().splitlines())
    return {name: value.split() for name, _, value in lines}
found = [status(path) for path in pathlib.Path("/proc").glob("[0-9]*/status")]
print(json.dumps(found))
"""


def test_a_client_books_and_gets_an_email(attune: Attune) -> None:
    world = World.make(attune.stack)
    start = world.a_start()
    made = world.book(start)
    (sent,) = world.messages(to=made["client"]["email"])
    assert datetime.fromisoformat(made["start"]) == datetime.fromisoformat(start)
    assert made["join_url"].startswith(attune.stack.url)
    assert sent["subject"]
    assert start not in world.slots()


@pytest.mark.parametrize("service", ALL)
def test_every_process_is_unprivileged(attune: Attune, service: str) -> None:
    # Processes of this very command are among them.
    processes = json.loads(attune.execute(service, "python", "-c", _STATUS))
    assert {tuple(process["Uid"]) for process in processes} == {(str(USER),) * 4}
    assert {tuple(process["Gid"]) for process in processes} == {(str(USER),) * 4}
    for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"):
        assert {int(process[name][0], 16) for process in processes} == {0}, name
    assert {process["NoNewPrivs"][0] for process in processes} == {"1"}
    # No shell in between: process 1 gets the signals.
    assert [p["Name"] for p in processes if p["Pid"] == ["1"]] == [["service"]]


@pytest.mark.parametrize("service", ALL)
def test_nothing_is_written_outside_of_tmp(attune: Attune, service: str) -> None:
    mounted = {"A /run/attune", "A /run/attune/secrets", "C /run"}
    assert set(attune.changes(service)) <= mounted
    assert "Read-only" not in attune.logs(service)


def test_the_operators_command_works_in_the_image(attune: Attune) -> None:
    world = World.make(attune.stack)
    world.book()
    environment = attune.environment("booking")
    variables = {
        "NATS_URL": environment["NATS_URL"],
        "BLIND_INDEX_KEY": environment["BLIND_INDEX_KEY"],
        "BOOKING_DATABASE_URL": environment["DATABASE_URL"],
        "BOOKING_ENCRYPTION_KEYS": environment["ENCRYPTION_KEYS"],
    }
    assert "booking" in attune.command("booking", variables, "audit", "verify", "booking")
    assert attune.migrate("booking") == attune.migrate("booking")


@pytest.mark.parametrize("service", ALL)
def test_an_image_holds_what_it_runs_and_no_tools(images: Images, service: str) -> None:
    find = "for name in {}; do command -v $name; done; :"
    assert images.run(service, find.format(" ".join(_UNWANTED))) == ""
    assert images.run(service, find.format("attune python service")).splitlines() == [
        "/app/bin/attune",
        "/app/bin/python",
        "/app/bin/service",
    ]
    assert images.run(service, "readlink /app/bin/service").strip() == service
    modules = "pip setuptools ensurepip uv pytest attune_testing attune_local grpc_tools"
    probe = f"import importlib.util as u; print([n for n in '{modules}'.split() if u.find_spec(n)])"
    assert images.run(service, f'python -c "{probe}"') == "[]\n"


@pytest.mark.parametrize("service", ALL)
def test_an_image_holds_no_sources_of_the_repository_and_no_other_service(
    images: Images, service: str
) -> None:
    files = "-name .git -o -name .venv -o -name Makefile -o -name conftest.py -o -name '*.po'"
    folders = "-type d -name tests -o -path '*/attune/*.proto'"
    assert images.run(service, rf"find /app \( {files} -o {folders} \)") == ""
    assert images.run(service, "ls /build /wheels /tools /service 2>/dev/null; :") == ""
    others = {name.replace("-", "_") for name in ALL if name != service}
    packages = set(images.run(service, "ls /app/lib/python3*/site-packages").split())
    assert others & packages == set()
    assert {service.replace("-", "_"), "common", "attune", "attune_operator"} <= packages


@pytest.mark.parametrize("service", ALL)
def test_its_user_owns_nothing_and_nothing_gives_rights(images: Images, service: str) -> None:
    assert images.run(service, "find / -xdev -perm /6000 2>/dev/null; :") == ""
    config = images.inspect(service)["Config"]
    assert config["User"] == f"{USER}:{USER}"
    assert config["Labels"]["org.opencontainers.image.title"] == f"attune-{service}"
    assert len(config["Labels"]["org.opencontainers.image.revision"]) == 40
    # Without the read-only root as well, the user can write to no file of the image.
    options = ("--rm", "--network", "none", "--entrypoint", "sh", images.of(service))
    script = "find / -xdev -writable ! -type l ! -path '/dev/*' ! -path '/proc/*' 2>/dev/null; :"
    writable = set(docker("run", *options, "-c", script).split())
    assert writable <= {"/tmp", "/var/tmp", "/run/lock"}  # noqa: S108  # of the image


def test_all_images_share_all_layers_but_the_last(images: Images) -> None:
    layers = {tuple(images.inspect(service)["RootFS"]["Layers"]) for service in ALL}
    assert len(layers) == len(ALL)
    assert len({found[:-1] for found in layers}) == 1


def test_two_builds_give_the_same_files(images: Images) -> None:
    service = "billing"
    again = Images(images.base, images.postgres, images.nats, tag="again")
    arguments = ("--build-arg", f"BASE_IMAGE={images.base}", "--build-arg", f"SERVICE={service}")
    recipe = ("--file", str(ROOT / "deploy" / "Dockerfile"))
    options = ("--no-cache", "--quiet", "--tag", again.of(service), *arguments, *recipe)
    docker("build", *options, str(ROOT))
    first, second = images.run(service, _LIST), again.run(service, _LIST)
    assert len(first.splitlines()) > 1000
    assert first == second
    layers = [build.inspect(service)["RootFS"]["Layers"][-2:] for build in (images, again)]
    assert layers[0] == layers[1]


def test_only_what_is_needed_gets_into_the_context(images: Images, tmp_path: Path) -> None:
    recipe = tmp_path / "Dockerfile"
    recipe.write_text(f"FROM {images.base}\nCOPY . /context\n")
    docker("build", "--quiet", "--tag", "attune-test/context", "--file", str(recipe), str(ROOT))
    script = ("--entrypoint", "sh", "attune-test/context", "-c", "cd /context; find . -type f")
    found = docker("run", "--rm", *script).split()
    assert {path.split("/")[1] for path in found} == {"libs", "protos", "requirements", "services"}
    ends = {path.rpartition(".")[2] for path in found}
    assert ends & {"pyc", "mo", "md", "key", "pem", "log"} == set()
    assert [path for path in found if "/tests/" in path or "/." in path[2:]] == []
    assert not any(path.startswith("./libs/common/src/attune/") for path in found)


@pytest.mark.parametrize("service", ALL[::-1])
def test_sigterm_ends_a_service_in_order(attune: Attune, service: str) -> None:
    """The last test of this module: it stops what the others use."""
    assert attune.end(service) == 0, attune.logs(service)
