"""`make bench`: the ratios of docs/performance.md, both sides of each in one run.

Rates on a shared machine swing; a ratio is the median over interleaved rounds.
"""

import argparse
import logging
from collections.abc import Callable

from attune_local.stack import Stack
from tests.bench import bookings, cost, edge, engine, paint, search, slots, storage
from tests.bench.measure import report
from tests.bench.running import attune

ALONE: dict[str, Callable[[], None]] = {"P3": engine.measure}
"""Measured in this process."""
ON_STACK: dict[str, Callable[[Stack], None]] = {
    "P1": search.measure,
    "P2": slots.measure,
    "P5": bookings.bookings_against_pgbench,
    "P6": bookings.race,
    "P11": cost.measure,
    "E1": edge.measure,
    "S1": storage.measure,
    "L1": paint.measure,
}
"""Measured on an Attune of their own, so that none inherits the work that another left behind."""


def main() -> None:
    """Run the measurements that were asked for and print their lines."""
    wanted = _wanted()
    logging.basicConfig(level=logging.ERROR)  # of what this process uses of the product
    report("id", "what", "ratio", "seen")
    for number in wanted & ALONE.keys():
        ALONE[number]()
    for number, measure in ON_STACK.items():
        if number in wanted:
            with attune(limited=number == "E1") as stack:
                measure(stack)


def _wanted() -> set[str]:
    known = [*ALONE, *ON_STACK]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", help=f"some of {','.join(known)}", default=",".join(known))
    wanted = set(parser.parse_args().only.upper().split(","))
    if unknown := wanted.difference(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return wanted


if __name__ == "__main__":
    main()
