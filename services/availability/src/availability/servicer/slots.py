"""Slots: search from memory, and the check of one slot."""

import grpc

from attune.availability.v1.slot_service_pb2 import (
    CheckSlotRequest,
    CheckSlotResponse,
    ListNearestSlotsRequest,
    ListNearestSlotsResponse,
    ListNextSlotsRequest,
    ListNextSlotsResponse,
    SearchSlotsRequest,
    SearchSlotsResponse,
)
from attune.availability.v1.slot_service_pb2_grpc import SlotServiceServicer
from availability import messages
from availability.domain.rules import Rule, RuleSet
from availability.search import query
from availability.search.cache import Cache
from availability.search.snapshot import Snapshot
from common import validation
from common.clock import Clock
from common.errors import Refused
from common.rpc.access import allow

Question = SearchSlotsRequest | ListNextSlotsRequest | ListNearestSlotsRequest


class SlotServicer(SlotServiceServicer):
    """The RPCs about slots."""

    def __init__(self, cache: Cache, clock: Clock) -> None:
        self._cache = cache
        self._clock = clock

    @allow("slots:search")
    def SearchSlots(
        self, request: SearchSlotsRequest, context: grpc.ServicerContext
    ) -> SearchSlotsResponse:
        """Return the bookable starts in a range (spec SL-1 to SL-3, SL-8 to SL-10)."""
        first, end = request.first_minute, request.end_minute
        query.check_range(first, end)
        snapshot, rules = self._find(request)
        found = query.search(snapshot, rules, self._clock.now(), first, end)
        return messages.search_response(*found)

    @allow("slots:search")
    def ListNextSlots(
        self, request: ListNextSlotsRequest, context: grpc.ServicerContext
    ) -> ListNextSlotsResponse:
        """Return the first bookable starts from now on (spec SL-4)."""
        count = validation.number(request.count, "count", 1, query.MOST_STARTS)
        snapshot, rules = self._find(request)
        starts, revision, duration = query.next_starts(snapshot, rules, self._clock.now(), count)
        return ListNextSlotsResponse(
            start_minutes=starts, revision=revision, duration_minutes=duration
        )

    @allow("slots:search")
    def ListNearestSlots(
        self, request: ListNearestSlotsRequest, context: grpc.ServicerContext
    ) -> ListNearestSlotsResponse:
        """Return the bookable starts nearest to an instant (spec BK-2)."""
        count = validation.number(request.count, "count", 1, query.MOST_STARTS)
        around, _ = messages.minute(request.start_time, "start_time")
        snapshot, rules = self._find(request)
        starts, revision, duration = query.nearest_starts(
            snapshot, rules, self._clock.now(), around, count
        )
        return ListNearestSlotsResponse(
            start_minutes=starts, revision=revision, duration_minutes=duration
        )

    @allow("slots:check")
    def CheckSlot(
        self, request: CheckSlotRequest, context: grpc.ServicerContext
    ) -> CheckSlotResponse:
        """Check a slot against every rule except taken time, and return the terms to freeze on the
        booking (spec BK-6, SL-7)."""
        start, is_exact = messages.minute(request.start_time, "start_time")
        snapshot = self._cache.get_setup(request.username)
        mode = messages.mode(request.mode)
        rules = snapshot.rules(request.service, mode, messages.client_status(request.client_status))
        standing = snapshot.timetable.standing(rules.shape, start)
        for verdict in rules.judge(self._clock.now(), start, standing):
            if not verdict.passed and verdict.rule is not Rule.TAKEN:
                raise query.refusal(verdict)
        if not is_exact:
            raise Refused("Must be a whole minute.", reason="OFF_GRID", field="start_time")
        return CheckSlotResponse(
            terms=messages.terms(snapshot.setup, request.service, mode, standing.room)
        )

    def _find(self, request: Question) -> tuple[Snapshot, RuleSet]:
        """Return the provider's snapshot and the rules that answer a question."""
        snapshot = self._cache.get(request.username, request.revision)
        mode, status = messages.mode(request.mode), messages.client_status(request.client_status)
        return snapshot, query.rules(snapshot, request.service, mode, status)
