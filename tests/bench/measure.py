"""Rates, ratios of interleaved rounds, and the lines of the report."""

import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

ROUNDS = 5
DAY = 24 * 60  # minutes


def report(number: str, what: str, ratio: str, seen: str) -> None:
    """Print one line of the report."""
    sys.stdout.write(f"{number:<4} {what:<58} {ratio:>9}  {seen}\n")
    sys.stdout.flush()


def ratio(
    ours: Callable[[], float], theirs: Callable[[], float], rounds: int = ROUNDS
) -> tuple[float, float, float]:
    """Return the median of ours / theirs over interleaved rounds, and the median of each."""
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    quotient = statistics.median(a / b for a, b in pairs)
    return quotient, statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def per_second(work: Callable[[], Any], count: int) -> float:
    """Call `work` so many times and return the calls a second."""
    began = time.perf_counter()
    for _ in range(count):
        work()
    return count / (time.perf_counter() - began)


def p99(seconds: Sequence[float]) -> float:
    """Return the 99th percentile."""
    return sorted(seconds)[int(len(seconds) * 0.99)]
