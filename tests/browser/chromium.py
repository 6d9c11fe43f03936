"""Find a Chromium on this machine, or install one."""

import os
import shutil
import subprocess
from pathlib import Path

ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# The first has no windows at all, and takes much less of the machine than the others.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_PACKAGES = _NAMES[:2]  # Debian names them alike; not every release has the first


def find_or_install() -> str | None:
    """Return the path of a Chromium. As root on Debian, install one if there is none."""
    if found := _found():
        return found
    if os.geteuid() == 0 and Path("/etc/debian_version").exists():
        _apt("update")
        for package in _PACKAGES:
            _apt("install", "-y", "--no-install-recommends", "fonts-liberation", package)
            if found := _found():
                return found
    return None


def _found() -> str | None:
    return next(filter(None, map(shutil.which, _NAMES)), None)


def _apt(*arguments: str) -> None:
    command = ["apt-get", "-q", *arguments]
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, timeout=900)
