"""Calendar feeds."""

from gateway.openapi.types import Answer, UrlText


class CalendarFeed(Answer):
    """The address of a provider's private calendar feed; anybody with the address can read it."""

    url: UrlText
