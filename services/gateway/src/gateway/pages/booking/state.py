"""The state that the booking page hands to its JavaScript module."""

from collections.abc import Mapping
from typing import Any

from gateway.pages.booking.choice import Choice
from gateway.pages.shared.language import reader, text


def state(choice: Choice, view: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state for a page on which a service is chosen."""
    assert choice.service  # noqa: S101  # the caller's promise
    earliest, last = view["today"].replace(day=1), view["last"]
    return {
        "api": f"/api/v1/providers/{choice.username}",
        "path": view["path"],
        "step": view["step"],
        "service": choice.service.slug,
        "minutes": choice.service.duration_minutes,
        "mode": choice.mode_name,
        "tz": choice.zone_name,
        "zoneAsked": bool(choice.asked.get("tz")),
        "month": f"{view['month'].first:%Y-%m}",
        "monthAsked": bool(choice.month),
        "dateAsked": bool(choice.day),
        "lost": view["lost"],
        "date": str(view["date"] or ""),
        "firstMonth": f"{earliest:%Y-%m}",
        "lastMonth": f"{last:%Y-%m}" if last else "2099-12",
        "weekStart": reader().locale.first_week_day,
        "texts": _texts(),
    }


def _texts() -> dict[str, Any]:
    return {
        "earlier": text("Earlier: {month}"),
        "later": text("Later: {month}"),
        "oneTime": text("{date}, 1 time"),
        "manyTimes": text("{date}, {n} times"),
        "parts": [text("Morning"), text("Afternoon"), text("Evening")],
        "noTimes": text("No free times on this day. Please choose another one."),
        "noMonth": text("No free times in {month}"),
        "next": text("Next free time: {when}"),
        "never": text(
            "There are no free times at the moment. Please contact the practice, or look"
            " again later."
        ),
        "zone": text("{place} time ({shift})"),
        "taken": text("Somebody else has just taken this time. Please choose another one."),
        "kept": text("This time is kept for you for {left}."),
        "lapsed": text("This time is no longer kept for you; book soon before it is gone."),
        "loaded": text("{month}: {n} days with free times"),
    }
