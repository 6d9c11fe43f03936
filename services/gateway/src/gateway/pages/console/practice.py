"""The practice of the account that is signed in, as the console shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from zoneinfo import ZoneInfo

from attune.availability.v1 import availability_pb2 as availability
from common import zones
from common.errors import NotAllowed, NotFound, Unavailable
from common.rpc import access
from common.rpc.access import Reach
from common.rpc.identity import Identity
from gateway.backends import feeds, providers
from gateway.identity import sessions
from gateway.web import links

_MOST_PROVIDERS = 200
_MOST_FEEDS = 5


@dataclass(frozen=True)
class Practice:
    """A practice, and those of its providers whose bookings the account sees."""

    practice: availability.Practice
    providers: tuple[availability.Provider, ...]
    zone_name: str

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.zone_name)

    @property
    def names(self) -> dict[str, str]:
        return {p.provider_id: p.display_name for p in self.providers}


def of_account() -> Practice:
    """Return the practice of the account that is signed in.

    Its zone is the provider's if the account belongs to one.
    """
    here = sessions.required().identity
    seen = tuple(_seen_providers(here))
    if not seen:
        return Practice(availability.Practice(name="Attune", timezone="UTC"), (), "UTC")
    own = next((p for p in seen if p.provider_id == here.provider_id), None)
    practice = providers.practice_of((own or seen[0]).provider_id)
    return Practice(practice, seen, own.timezone if own else practice.timezone)


def feed_links(seen: Iterable[availability.Provider]) -> list[tuple[str, str]]:
    """Return the names and calendar feeds of the first few providers that the account manages."""
    found = []
    for provider in islice(seen, _MOST_FEEDS):
        try:
            token = feeds.token(provider.provider_id)
        except (NotAllowed, NotFound, Unavailable):
            continue
        found.append((provider.display_name, links.feed(token)))
    return found


def _seen_providers(here: Identity) -> Iterable[availability.Provider]:
    sees_all = access.reach(here, "bookings:read") is Reach.PRACTICE
    listed = providers.first(_MOST_PROVIDERS)
    return (p for p in listed if sees_all or p.provider_id == here.provider_id)
