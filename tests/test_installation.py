"""The locked set-up, with the pips that people have and with releases that come after the lock."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
UV = Path(sys.executable).parent / "uv"
# Debian 12's Python 3.11.2 brings the first, Python 3.11.7 the second.
OLD_PIPS = {
    "23.0.1": "236bcb61156d76c4b8a05821b988c7b8c35bf0da28a4b614e8d6ab5212c25c6f",
    "23.2.1": "7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be",
}
NO_NETWORK = {
    **{f"{scheme}_PROXY": "http://127.0.0.1:9" for scheme in ("HTTP", "HTTPS", "ALL")},
    "NO_PROXY": "",
}

pytestmark = [pytest.mark.req("PF-11"), pytest.mark.timeout(600)]
with_an_old_pip = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="these pips know Python 3.11 at most; newer ones are young"
)

PLATFORMS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")


def run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        # The set-up compiles bytecode, which takes longer than all else and shows nothing here.
        env={**os.environ, "UV_COMPILE_BYTECODE": "0", **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def python_with_pip(version: str, folder: Path) -> Path:
    """Create a Python environment with this old version of pip; return its interpreter."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    pinned = folder / "pip.txt"
    pinned.write_text(f"pip=={version} --hash=sha256:{OLD_PIPS[version]}\n")
    run(UV, "pip", "install", "--python", python, "--require-hashes", "-r", pinned)
    assert f"pip {version} " in run(python, "-m", "pip", "--version")
    return python


@with_an_old_pip
def test_the_oldest_pip_installs_the_lock_and_a_second_time_asks_no_network(tmp_path: Path) -> None:
    python = python_with_pip("23.0.1", tmp_path / "python")
    venv = tmp_path / "venv"
    # By its name, as people call it. Then make's PATH has the environment before the Python that
    # the name stood for, and the environment has no pip.
    here = os.path.relpath(venv, ROOT)
    path = {"PATH": f"{python.parent}:{os.environ['PATH']}"}
    make = ("make", "PYTHON=python3", f"VENV={here}", f"{here}/.runtime")
    run(*make, env=path)
    run(UV, "pip", "check", "--python", venv / "bin" / "python")
    assert "Run and maintain Attune" in run(venv / "bin" / "attune", "--help")
    run(*make, env={**path, **NO_NETWORK})


@with_an_old_pip
@pytest.mark.parametrize("version", OLD_PIPS)
def test_an_old_pip_takes_the_lock_when_every_package_has_a_newer_release(
    version: str, tmp_path: Path
) -> None:
    """Packages without content stand for the locked ones: same names, versions, extras and
    dependencies, and a newer release beside each of them."""
    python = python_with_pip(version, tmp_path / "python")
    index = tmp_path / "index"
    index.mkdir()
    lock = tmp_path / "lock.txt"
    lines = [stand_in(pin, index) for pin in pins("runtime.txt")]
    # However few of today's packages need another one with extras, tomorrow's may.
    needy = write_wheel(index, "needy", "1.0", ["psycopg[binary]>=3"])
    lock.write_text("".join(lines) + f"needy==1.0 --hash=sha256:{needy}\n")
    install: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-index",
        "--isolated",
    ]
    install += ["--find-links", index, "--require-hashes", "-r"]
    run(*install, lock)

    # The same without extras is what rotted.
    stripped = tmp_path / "stripped.txt"
    stripped.write_text(re.sub(r"\[.*\]", "", lock.read_text()))
    refused = subprocess.run(list(map(str, [*install, stripped])), capture_output=True, text=True)
    assert refused.returncode != 0
    assert "must have their versions pinned" in refused.stderr


def pins(name: str) -> list[Requirement]:
    """Return the locked requirements of a file for this Python and machine."""
    lines = (REQUIREMENTS / name).read_text().splitlines()
    found = [Requirement(line.rstrip(" \\")) for line in lines if "==" in line]
    return [pin for pin in found if pin.marker is None or pin.marker.evaluate()]


def stand_in(pin: Requirement, index: Path) -> str:
    """Write wheels for a pin and for a newer release; return the pin's line for a lock."""
    version = str(pin.specifier).removeprefix("==")
    try:
        found = distribution(pin.name).metadata
    except PackageNotFoundError:
        pytest.fail(f"{pin.name} is locked and not installed: make setup")
    needs, offers = found.get_all("Requires-Dist", []), found.get_all("Provides-Extra", [])
    write_wheel(index, pin.name, "9999.0", needs, offers)
    digest = write_wheel(index, pin.name, version, needs, offers)
    extras = f"[{','.join(sorted(pin.extras))}]" if pin.extras else ""
    return f"{pin.name}{extras}=={version} --hash=sha256:{digest}\n"


def write_wheel(
    index: Path, name: str, version: str, needs: Sequence[str], offers: Sequence[str] = ()
) -> str:
    """Write a wheel that contains only metadata; return its SHA-256."""
    stem = f"{name.replace('-', '_')}-{version}"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"]
    metadata += [f"Provides-Extra: {extra}\n" for extra in offers]
    metadata += [f"Requires-Dist: {need}\n" for need in needs]
    path = index / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{stem}.dist-info/METADATA", "".join(metadata))
        wheel.writestr(
            f"{stem}.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{stem}.dist-info/RECORD", "")
    return sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_supported_python_has_wheels(python: str, tmp_path: Path) -> None:
    for platform in PLATFORMS:
        run(
            *(UV, "pip", "install", "--dry-run", "--only-binary", ":all:", "--target", tmp_path),
            *("--python-version", python, "--python-platform", platform),
            *("-r", REQUIREMENTS / "runtime.txt"),
        )
