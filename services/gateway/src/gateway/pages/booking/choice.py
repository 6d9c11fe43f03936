"""The choices on the booking page: service, mode, day, and time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import url_for

from attune.availability.v1.availability_pb2 import Policies, ServiceType
from attune.common.v1 import types_pb2 as types
from common import zones
from gateway import times, words
from gateway.backends.providers import Profile
from gateway.backends.slots import Query
from gateway.pages.shared import zone_choices

_UNENCODED_PLUS = re.compile(r"(?<=\d) (?=\d\d(:?\d\d)?$)")


@dataclass(frozen=True)
class Choice:
    """The choices so far, from the address or the form. Impossible values are left out."""

    profile: Profile
    asked: Mapping[str, str]
    service: ServiceType | None
    mode: Any  # an enumeration's value, for which the stubs have no usable type
    zone_name: str
    """The reader's zone."""
    zone_is_unknown: bool
    """The zone asked for is none, so that the reader's is the provider's."""
    month: date | None
    day: date | None
    start: datetime | None
    revision: str = ""
    """Searches reflect at least this revision (spec SL-8)."""

    @classmethod
    def of(cls, profile: Profile, asked: Mapping[str, str], guessed_zone: str = "") -> "Choice":
        """Return the choices in a query or a form, which may leave the zone to be guessed."""
        offered = profile.service_types
        only = offered[0] if len(offered) == 1 else None
        slug = asked.get("service", "").strip().lower()
        service = next((s for s in offered if s.slug == slug), only)
        modes = list(service.modes) if service else []
        wanted = asked.get("mode", "").strip().lower().replace("-", "_")
        mode = next((m for m in modes if words.word(types.Mode, m) == wanted), None)
        day = _date(asked.get("date", ""))
        tz = asked.get("tz", "")
        zone = zones.find(tz or guessed_zone)
        return cls(
            profile,
            asked,
            service,
            mode or next(iter(modes), types.MODE_UNSPECIFIED),
            zone_choices.present_name(zone or profile.provider.timezone),
            bool(tz) and not zone,
            _date(f"{asked.get('month', '')}-01") or (day.replace(day=1) if day else None),
            day,
            parse_instant(asked.get("start", "")),
        )

    @property
    def zone(self) -> ZoneInfo:
        return zones.zone(self.zone_name)

    @property
    def place_zone(self) -> ZoneInfo:
        """The zone of the place where in-person sessions are held."""
        return zones.zone(self.profile.provider.timezone)

    @property
    def shown_zone(self) -> ZoneInfo:
        """The zone in which times are shown first: in person, that of the place (spec BK-13)."""
        return self.place_zone if self.mode == types.MODE_IN_PERSON else self.zone

    @property
    def username(self) -> str:
        return self.profile.provider.username

    @property
    def mode_name(self) -> str:
        return words.word(types.Mode, self.mode) or ""

    @property
    def policies(self) -> Policies:
        return self.profile.provider.effective_policies

    def query(self, revision: str = "") -> Query:
        """Return the query of a search for this service and mode."""
        slug = self.service.slug if self.service else ""
        return Query(self.username, slug, self.mode, revision or self.revision)

    def url(self, *, zone_page: bool = False, **changes: object) -> str:
        """Return the address of the page, or of its list of zones, with other choices; empty ones
        are left out."""
        now = {
            "tz": self.asked.get("tz", "") and self.zone_name,
            "service": self.service.slug if self.service else "",
            "mode": self.mode_name,
            "month": f"{self.month:%Y-%m}" if self.month else "",
            "date": self.day,
            "start": times.utc_text(self.start) if self.start else "",
            **changes,
        }
        values = {name: str(value) for name, value in now.items() if value}
        page = "pages.show_zones" if zone_page else "pages.show_book"
        return url_for(page, username=self.username, **values)  # type: ignore[arg-type]  # all are strings


def parse_instant(text: str) -> datetime | None:
    """Return an instant of the years 2000 to 2099 in UTC; None for any other text.

    A space stands for the plus of an offset: in a link made by hand it may not be encoded.
    """
    try:
        found = datetime.fromisoformat(_UNENCODED_PLUS.sub("+", text.strip().upper()))
    except ValueError:
        return None
    is_known = found.tzinfo is not None and 2000 <= found.year < 2100
    return found.astimezone(UTC) if is_known else None


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year < 2100 else None
