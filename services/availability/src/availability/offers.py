"""What a search may ask for, and what is wrong with one that may not (spec SL-10)."""

from availability.domain import inputs
from availability.domain.rules import Rule, Verdict
from availability.domain.wallclock import DAY
from availability.warm import Offer, Warm
from common.errors import Invalid, Refused
from common.validation import RangeReversed

LONGEST_RANGE = 93 * DAY
"""Minutes of a search: 92 dates, the days on which clocks are put back among them (spec SL-1)."""
_OF_TYPE = {Rule.TYPE_INACTIVE, Rule.TYPE_NOT_ONLINE}
_OF_MODE = {Rule.MODE_NOT_OFFERED, Rule.TELEHEALTH_NOT_ENABLED}


class RangeTooLong(Invalid):
    """A search covers at most 92 dates."""


def check_range(first: int, end: int) -> None:
    """Raises unless `[first, end)` can be searched."""
    if not inputs.FIRST_MINUTE <= first < inputs.END_MINUTE:
        raise Invalid(
            "A minute of the years 2000 to 2100 is needed.",
            field="first_minute",
            reason="OUT_OF_RANGE",
        )
    if end <= first:
        raise RangeReversed(field="end_minute")
    if end - first > LONGEST_RANGE:
        raise RangeTooLong(field="end_minute")


def offer(warm: Warm, service: str, mode: int, status: int) -> Offer:
    """What decides the slots; raises what is wrong with the question itself. What still fails is
    a switch that keeps such clients from scheduling (spec AV-16): there are no slots."""
    found = warm.offer(service, mode, status)
    for verdict in found.failed:
        if verdict.rule in _OF_TYPE:
            raise refused(verdict)
        if verdict.rule in _OF_MODE:
            raise Invalid(_sentence(verdict.detail), field="mode", reason=verdict.rule.name)
    return found


def refused(verdict: Verdict) -> Refused:
    """The failure that a failed rule is, at the field that it is about."""
    of_type, of_mode = verdict.rule in _OF_TYPE, verdict.rule in _OF_MODE
    field = "service" if of_type else "mode" if of_mode else "start_time"
    return Refused(_sentence(verdict.detail), field=field, reason=verdict.rule.name)


def _sentence(cause: str) -> str:
    return f"{cause[:1].upper()}{cause[1:]}."
