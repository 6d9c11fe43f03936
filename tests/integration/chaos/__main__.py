"""`python -m tests.integration.chaos --seconds 3600 --seed 7`: rounds, and the figures."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from attune_local.servers import StartupError
from tests.integration.chaos.rounds import Chaos, Figures

_ROUND = 45.0


def main() -> int:
    """Run rounds and print the figures.

    Return 0 if nothing was violated; otherwise keep the data folder, with its logs.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.integration.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of faults, in all")
    parser.add_argument("--seed", default="1", help="what is drawn from it can be repeated")
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--round", type=float, default=_ROUND, help="seconds until it is checked")
    parser.add_argument("--keep", action="store_true", help="the data and logs, whatever comes")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="attune-chaos-"))
    folder.chmod(0o755)  # PostgreSQL's unprivileged user must pass
    print(f"data and logs: {folder}", flush=True)
    every, rounds = Figures(), max(1, round(options.seconds / options.round))
    with Chaos(folder, lambda text: print(text, flush=True)) as chaos:
        for number in range(rounds):
            seed = f"{options.seed}.{number}" if number else options.seed
            try:
                figures = chaos.round(seed, options.seconds / rounds, options.clients)
            except (StartupError, KeyboardInterrupt) as error:
                every.violations.append(f"seed {seed}: ended by {error!r}")
                break
            every.add(figures)
            print(figures, *figures.violations[:20], "", sep="\n", flush=True)
    print("In all:", every, *every.violations[:20], sep="\n")
    if every.violations:
        print(f"See {folder}")
    elif not options.keep:
        shutil.rmtree(folder)
    return 1 if every.violations else 0


if __name__ == "__main__":
    sys.exit(main())
