"""Programs out of Debian's packages, without installing the packages."""

import os
import subprocess
from pathlib import Path

_SECONDS = 120  # for one command


def unpack(folder: Path, *packages: str) -> None:
    """Download packages, which apt verifies, and unpack them into a folder.

    Raises OSError or subprocess.SubprocessError.
    """
    # apt's own unprivileged user may not write to the folder.
    download = ("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", *packages)
    try:
        _run(folder, *download)
    except subprocess.CalledProcessError:
        if os.geteuid():
            raise
        _run(folder, "apt-get", "-qq", "update")  # a new container has no lists yet
        _run(folder, *download)
    for package in folder.glob("*.deb"):
        _run(folder, "dpkg-deb", "--extract", package.name, ".")


def _run(folder: Path, *command: str) -> None:
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=_SECONDS)
