"""Earlier releases, read from the repository's history."""

import io
import subprocess
import sys
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ecosystem import programs

ROOT = Path(__file__).parents[2]
_RECORD = ROOT / "releases.toml"


@dataclass(frozen=True)
class Release:
    """A commit that was released under a version."""

    version: str
    commit: str

    def read(self, *paths: str) -> tarfile.TarFile:
        """Return the files below these paths of the repository.

        Skips the test in a copy of the repository without this commit; fails it under CI=true.
        """
        archive = _git("archive", self.commit, *paths)
        return tarfile.open(fileobj=io.BytesIO(archive))

    def has(self, path: str) -> bool:
        """Return whether the release has a file or folder at this path."""
        return bool(_git("ls-tree", self.commit, path))

    def extract(self, folder: Path, *paths: str) -> None:
        """Write the files below these paths of the repository into a folder."""
        with self.read(*paths) as files:
            files.extractall(folder, filter="data")

    def install(self, folder: Path) -> Path:
        """Install the packages of the release, and return the folder for PYTHONPATH.

        Their libraries are today's.
        """
        source, installed = folder / "source", folder / "installed"
        self.extract(source, "libs", "services", "protos")
        stubs = source / "libs" / "common" / "src"
        (stubs / "attune").mkdir()
        protos = [str(path) for path in (source / "protos").rglob("*.proto")]
        programs.run(
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{source / 'protos'}"),
            *(f"--python_out={stubs}", f"--grpc_python_out={stubs}", *protos),
        )
        for catalog in source.rglob("*.po"):
            compiled = catalog.with_suffix(".mo")
            programs.tool("pybabel", "compile", "--input-file", catalog, "--output-file", compiled)
        packages = [path.parent for path in source.glob("*/*/pyproject.toml")]
        # From today's environment, which has all that building needs.
        programs.tool(
            *("uv", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--offline"),
            *("--python", sys.executable, "--target"),
            installed,
            *packages,
        )
        return installed


def record() -> dict[str, list[dict[str, str]]]:
    """Return the content of releases.toml."""
    return tomllib.loads(_RECORD.read_text())


def releases() -> list[Release]:
    """Return all releases, oldest first."""
    return [Release(**each) for each in record()["release"]]


def last() -> Release:
    """Return the release that the code replaces."""
    return releases()[-1]


def _git(*arguments: str) -> bytes:
    done = _run(*arguments)
    if done.returncode == 0:
        return done.stdout
    told = done.stderr.decode(errors="replace").strip()
    reason = f"an earlier release is not in this copy of the repository ({told})"
    if _run("rev-parse", "--is-shallow-repository").stdout.strip() == b"false":
        pytest.fail(f"{reason}; the history that releases.toml names is gone")
    pytest.skip(f"{reason}; fetch the whole history with `git fetch --unshallow`")


def _run(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
    # The copy may belong to somebody else, as in a container.
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True)
