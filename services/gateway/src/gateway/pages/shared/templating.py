"""Filters and globals of the templates.

They give texts, labels, and instants, dates, and money in the reader's formats. Filters that show
a time take the zone.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, url_for
from google.protobuf.timestamp_pb2 import Timestamp

from attune.common.v1 import types_pb2
from common import phones, proto
from gateway import times, words
from gateway.pages.shared import context, formats, forms, labels
from gateway.pages.shared.language import reader, text, texts

_STATIC = Path(__file__).parents[2] / "static"
_GRACE = timedelta(minutes=15)  # as booking allows


def register(pages: Blueprint) -> None:
    """Add the filters and globals."""
    for name, function in _FILTERS.items():
        pages.add_app_template_filter(function, name)
    for name, function in _GLOBALS.items():
        pages.add_app_template_global(function, name)
    pages.app_context_processor(lambda: {"reader": reader()})


def asset(name: str) -> str:
    """Return the address of a static file, which changes with its content."""
    return url_for("static", filename=name, v=digest(name))


@lru_cache(maxsize=64)
def digest(name: str) -> str:
    """Return the digest of a static file's content, which its address carries."""
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:12]


def _moment(value: Timestamp | datetime) -> datetime:
    return proto.instant(value) if isinstance(value, Timestamp) else value


def iso(value: Timestamp | datetime) -> str:
    """Return `2026-11-03T14:00:00Z`, for addresses, forms, and the browser."""
    return times.utc_text(_moment(value))


def _local_date(value: Timestamp | datetime, zone: ZoneInfo) -> date:
    return _moment(value).astimezone(zone).date()


def _clock(value: Timestamp | datetime, zone: ZoneInfo) -> str:
    return formats.clock_time(_moment(value), zone, reader().locale)


def _span(start: Timestamp | datetime, end: Timestamp | datetime, zone: ZoneInfo) -> str:
    return formats.clock_span(_moment(start), _moment(end), zone, reader().locale)


def _brief(value: Timestamp | datetime, zone: ZoneInfo) -> str:
    return formats.brief(_moment(value), zone, reader().locale)


def _date_time(value: Timestamp | datetime, zone: ZoneInfo) -> str:
    return formats.date_time(_moment(value), zone, reader().locale)


def _zone_words(value: Timestamp | datetime, zone: ZoneInfo) -> str:
    return formats.zone_label(_moment(value), zone)


def _can_start(start: Timestamp | datetime) -> bool:
    """Return whether booking allows a session that is planned for `start` to be started now."""
    return _moment(start) - context.now() <= _GRACE


def _can_complete(start: Timestamp | datetime) -> bool:
    """Return whether booking allows a session that is planned for `start` to be completed now."""
    return _moment(start) <= context.now()


def _money(amount: types_pb2.Money) -> str:
    return formats.money(amount, reader().locale)


_GLOBALS: Mapping[str, Callable[..., Any]] = {
    "_": text,
    "ngettext": texts,
    "asset": asset,
    "new_request_id": forms.new_request_id,
}

_FILTERS: Mapping[str, Callable[..., Any]] = {
    "iso": iso,
    "start_value": iso,
    "local_date": _local_date,
    "long_date": lambda day: formats.long_date(day, reader().locale),
    "short_date": lambda day: formats.short_date(day, reader().locale),
    "month_name": lambda day: formats.month_name(day, reader().locale),
    "month_value": lambda day: f"{day:%Y-%m}",
    "clock": _clock,
    "span": _span,
    "brief": _brief,
    "date_time": _date_time,
    "zone_words": _zone_words,
    "can_start": _can_start,
    "can_complete": _can_complete,
    "minutes_words": lambda number: formats.minutes(number, reader().locale),
    "money": _money,
    "initials": formats.initials,
    "phone_words": phones.shown,
    "site_words": formats.site,
    "is_reachable": formats.is_reachable,
    "mode_words": labels.mode,
    "mode_name": lambda mode: words.word(types_pb2.Mode, mode),
    "status_words": labels.status,
    "payment_words": labels.payment,
    "client_words": labels.client_status,
    "change_words": labels.change,
    "actor_words": labels.actor,
    "cancelled_words": labels.cancelled,
}
