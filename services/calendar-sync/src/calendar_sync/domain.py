"""The contents of a feed: which bookings, and how much of a client's name."""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Self

_PAST = timedelta(days=30)
_FUTURE = timedelta(days=400)

SHOWN: Final = ("requested", "confirmed", "in_progress", "completed")
"""The statuses of the bookings that a feed shows."""


@dataclass(frozen=True)
class Range:
    """The bookings that a feed shows start in `[start, end)`."""

    start: datetime
    end: datetime

    @classmethod
    def around(cls, now: datetime) -> Self:
        """Return the range from 30 days back to 400 days ahead."""
        return cls(now - _PAST, now + _FUTURE)


def initials(name: str) -> str:
    """Return the initials of the first and the last word: "A. B." for "Ada Maria Byron".

    A name without letters or digits has none.
    """
    words = unicodedata.normalize("NFC", name).split()
    letters = [letter for word in words if (letter := _first_letter(word))]
    ends = letters[:1] + letters[1:][-1:]
    return " ".join(f"{letter}." for letter in ends)


def _first_letter(word: str) -> str:
    first = next((character for character in word if character.isalnum()), "")
    capital = first.upper()
    return capital if len(capital) == 1 else first
