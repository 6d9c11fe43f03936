"""Calendar feeds."""

from gateway.openapi import examples
from gateway.openapi.types import Answer, UrlText


class CalendarFeed(Answer):
    """The private address of a calendar feed. Anyone with the address can read the feed."""

    example = {"url": f"https://attune.example/calendar/{examples.TOKEN}.ics"}

    url: UrlText
