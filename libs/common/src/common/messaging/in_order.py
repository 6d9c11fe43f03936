"""Publishing groups of messages side by side, each group in its order (spec PF-2)."""

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class Outcome(Generic[Item]):
    """The items that were stored, those that are refused for good, and the first other failure."""

    stored: list[Item] = field(default_factory=list)
    refused: list[Item] = field(default_factory=list)
    failure: Exception | None = None


def groups(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    """Return the items by their key, each group in the order of the items."""
    found: dict[Hashable, list[Item]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return list(found.values())


async def publish(
    grouped: Iterable[Iterable[Item]],
    one: Callable[[Item], Any],
    is_refused: Callable[[Exception], bool],
    seconds: float,
) -> Outcome[Item]:
    """Publish each item by `one`, and return the outcome.

    A group ends with the first item that fails, so that no later item of the group overtakes it; an
    item that is refused for good is left out. Nothing is begun after `seconds`.
    """
    outcome, end = Outcome[Item](), time.monotonic() + seconds

    async def publish_group(items: Iterable[Item]) -> None:
        for item in items:
            if time.monotonic() >= end:
                return
            try:
                await one(item)
            except Exception as error:  # after any failure, the item is not known to be stored
                if not is_refused(error):
                    outcome.failure = outcome.failure or error
                    return
                outcome.refused.append(item)
            else:
                outcome.stored.append(item)

    await asyncio.gather(*map(publish_group, grouped))
    return outcome
