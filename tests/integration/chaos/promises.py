"""The checks after each round (spec BK-2, BK-4, PF-2, NT-3, RM-1, BL-3).

Each check reads the databases themselves and reports contradictions.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any
from uuid import UUID

from attune.availability.v1.slot_service_pb2 import SearchSlotsRequest
from attune.common.v1.types_pb2 import Mode
from attune_local.stack import Stack
from attune_testing.stubs import AvailabilityStub
from tests.integration.chaos import plan
from tests.integration.chaos.clients import STRAYS, Answer, Clinic, Log, Write
from tests.integration.chaos.quiet import query
from tests.world import Http

LIVE = {"requested", "confirmed", "in_progress", "completed"}
_STANDING = {"confirmed", "in_progress"}
_CONVERGED = 10.0  # seconds until every replica's memory is right
_MINUTES = {"telehealth": "MODE_TELEHEALTH", "in_person": "MODE_IN_PERSON"}

Row = dict[str, Any]


class Promises:
    """The state of some practices, read when all work is done, and the responses that clients
    got."""

    def __init__(self, stack: Stack, clinics: list[Clinic], log: Log, shift: float) -> None:
        self._stack = stack
        self._clinics = clinics
        self._log = log
        self._shift = timedelta(seconds=shift)
        self._practices = [UUID(clinic.world.practice_id) for clinic in clinics]

    def broken(self) -> Iterator[str]:
        """Yield all violations."""
        yield from self._answers()
        yield from self._bookings_are_whole()
        yield from self._writes_left_what_they_said()
        yield from self._changes_left_what_they_said()
        yield from self._taken_time()
        yield from self._projection()
        yield from self._memory()
        yield from self._rooms()
        yield from self._notices()
        yield from self._mailboxes()
        yield from self._bills()

    def _rows(self, service: str, table: str) -> list[Row]:
        statement = f"SELECT * FROM {table} WHERE practice_id = ANY(%s)"  # noqa: S608  # our names
        return query(self._stack, service, statement, self._practices)

    @cached_property
    def bookings(self) -> dict[UUID, Row]:
        return {row["id"]: row for row in self._rows("booking", "bookings")}

    @cached_property
    def _occupancy(self) -> list[Row]:
        return self._rows("booking", "occupancy")

    @cached_property
    def _history(self) -> dict[UUID, list[str]]:
        """Return the changes of each booking, in order."""
        found: defaultdict[UUID, dict[int, str]] = defaultdict(dict)
        for row in self._rows("booking", "booking_changes"):
            found[row["booking_id"]][row["version"]] = row["change"]
        return {key: [by[version] for version in sorted(by)] for key, by in found.items()}

    @cached_property
    def _by_email(self) -> dict[str, list[UUID]]:
        """Return the ids of bookings by the client's email, as the API lists them."""
        found: defaultdict[str, list[UUID]] = defaultdict(list)
        for clinic in {clinic.world.practice_id: clinic for clinic in self._clinics}.values():
            cursor: dict[str, str] = {}
            while cursor is not None:
                page = clinic.world.owner.get("/bookings", limit=200, **cursor)
                for booking in page["bookings"]:
                    found[booking["client"]["email"]].append(UUID(booking["id"]))
                cursor = {"cursor": page["next"]} if page.get("next") else None  # type: ignore[assignment]  # None ends the loop
        return dict(found)

    # What clients were told

    def _answers(self) -> Iterator[str]:
        """Check that attempts under one key never got contradictory responses (spec BK-4)."""
        for write in self._log.writes:
            done = [answer for answer in write.answers if answer.done]
            if len({answer.body.get("id", answer.body.get("hold")) for answer in done}) > 1:
                yield f"one key was answered with different things: {write.told()}"
            if any(_contradicts(write.kind, d, other) for d in done for other in write.answers):
                yield f"refused what was done under the same key: {write.told()}"

    def _writes_left_what_they_said(self) -> Iterator[str]:
        """Check that a successful booking exists once, a refused one does not exist, and one
        without a response exists completely or not at all."""
        asked = set()
        for write in self._log.writes:
            if write.kind != plan.BOOK:
                continue
            asked.add(write.about)
            there = self._by_email.get(write.about, [])
            if len(there) > 1:
                yield f"{len(there)} bookings: {write.told()}"
            elif write.done and not there:
                yield f"a booking is lost: {write.told()}"
            elif there and not write.done and self._was_refused(write, there[0]):
                yield f"refused, but there: {there[0]} {write.told()}"
            elif there:
                yield from self._asked_again(write, there[0])
        for email in self._by_email.keys() - asked:
            yield f"a booking that nobody asked for: {self._by_email[email]}"
        listed = Counter(key for keys in self._by_email.values() for key in keys)
        if listed != Counter(self.bookings.keys()):
            yield f"listed is not what there is: {set(listed) ^ set(self.bookings)}"

    def _was_refused(self, write: Write, booking_id: UUID) -> bool:
        """Return whether a booking was refused although it existed, or got no response other
        than refusals. An attempt without a response may be committed after a later attempt was
        refused."""
        made = self.bookings[booking_id]["created_at"] - self._shift
        refusals = [answer for answer in write.answers if answer.refused]
        return write.refused or any(made + STRAYS < answer.sent for answer in refusals)

    def _asked_again(self, write: Write, booking_id: UUID) -> Iterator[str]:
        """Check that the same key returns the booking, also to a caller who never got its
        response."""
        headers = {**write.headers, "Idempotency-Key": write.key}
        visitor = Http(self._stack.url)
        response = visitor.call("POST", write.path, json=write.body, headers=headers)
        if response.status_code != 201 or response.json()["id"] != str(booking_id):
            yield f"asked again, answered {response.status_code} {response.text}: {write.told()}"

    def _changes_left_what_they_said(self) -> Iterator[str]:
        """Check that a successful change is in the history once, and that one that was always
        refused is not."""
        words = {plan.CONFIRM: "confirmed", plan.DECLINE: "declined"}
        words |= {plan.CANCEL: "cancelled", plan.COMPLETE: "completed"}
        wanted: defaultdict[tuple[str, str], list[Write]] = defaultdict(list)
        for write in self._log.writes:
            if write.kind in words:
                wanted[write.about, write.kind].append(write)
        for (booking_id, kind), writes in wanted.items():
            history = self._history[UUID(booking_id)][1:]
            changed, done = history.count(words[kind]), sum(write.done for write in writes)
            possible = sum(not write.refused for write in writes)
            if not min(done, 1) <= changed <= min(possible, 1) or done > 1:
                told = "; ".join(write.told() for write in writes)
                yield f"{kind}: done {done}, changed {changed} times: {told}"

    # The databases

    def _bookings_are_whole(self) -> Iterator[str]:
        """Check that each booking has its client, its service, and a history without gaps, and that
        no stored response is incomplete."""
        lines = Counter(row["booking_id"] for row in self._rows("booking", "service_lines"))
        known = {row["id"] for row in self._rows("booking", "clients")}
        used = {row["client_id"] for row in self.bookings.values()}
        for row in self.bookings.values():
            history = self._history.get(row["id"], [])
            if lines[row["id"]] != 1 or len(history) != row["version"]:
                yield f"half a booking: {row['id']} {lines[row['id']]} lines, {history}"
            if not history or history[-1] not in (row["status"], "started"):
                yield f"status and history differ: {row['id']} {row['status']} {history}"
        if known != used:
            yield f"clients without a booking, or bookings without a client: {known ^ used}"
        empty = "SELECT scope, request_id FROM idempotency WHERE response IS NULL"
        for service in ("booking", "availability"):
            for row in query(self._stack, service, empty):
                yield f"{service}: a key without an answer: {row}"

    def _taken_time(self) -> Iterator[str]:
        """Check that active bookings take each of their resources once, and that nothing else takes
        time."""
        taken = Counter((row["ref"], row["resource"]) for row in self._occupancy)
        refs = Counter(row["ref"] for row in self._occupancy)
        for ref in refs.keys() - self.bookings.keys():
            yield f"time is taken by what is not there: {ref}"
        for (ref, resource), count in taken.items():
            if count != 1:
                yield f"{ref} takes {resource} {count} times"
        for row in self.bookings.values():
            wanted = self._resources(row) if row["status"] in LIVE else 0
            if refs[row["id"]] != wanted:
                yield f"{row['status']} booking {row['id']} takes {refs[row['id']]} places"
        yield from self._overlaps()
        for row in self._rows("booking", "holds"):
            yield f"a hold has not lapsed: {row['id']}"

    def _resources(self, booking: Row) -> int:
        """Return the number of resources that a booking takes: the provider and, in person, the
        room if there is one."""
        clinic = self._clinic(booking)
        return 2 if clinic.room_number and booking["mode"] == "in_person" else 1

    def _clinic(self, booking: Row) -> Clinic:
        return next(c for c in self._clinics if c.username == booking["username"])

    def _overlaps(self) -> Iterator[str]:
        """Check the bookings themselves for double bookings (spec BK-2), without relying on the
        constraint."""
        by_place: defaultdict[Any, list[Row]] = defaultdict(list)
        for row in self.bookings.values():
            if row["status"] in LIVE:
                by_place[row["provider_id"]].append(row)
                if self._resources(row) == 2:
                    by_place[self._clinic(row).room_number].append(row)
        for rows in by_place.values():
            # The chaos moves the start of sessions that it completes, but not the local one.
            rows.sort(key=lambda row: row["local_start"])
            for earlier, later in pairwise(rows):
                if later["local_start"] - earlier["local_start"] < _length(earlier):
                    yield f"DOUBLE BOOKING: {earlier['id']} and {later['id']}"

    def _projection(self) -> Iterator[str]:
        """Check that availability's projection and its revisions equal booking's occupancy."""
        truth = Counter(
            (r["resource"], str(r["ref"]), r["start_at"], r["end_at"]) for r in self._occupancy
        )
        seen = Counter(
            (r["resource_number"], r["ref"], r["start_at"], r["end_at"])
            for r in self._rows("availability", "taken")
        )
        for entry in (truth - seen) | (seen - truth):
            side = "not projected" if entry in truth else "projected, but free"
            yield f"{side}: {entry}"
        revisions = {r["number"]: r["revision"] for r in self._rows("booking", "resources")}
        reached = {
            r["resource_number"]: r["revision"]
            for r in self._rows("availability", "taken_revisions")
        }
        if revisions != reached:
            yield f"revisions differ: {set(revisions.items()) ^ set(reached.items())}"

    def _memory(self) -> Iterator[str]:
        """Check what each replica of availability answers from its memory."""
        for port in self._stack.ports["availability"]:
            with self._stack.operator_channel("availability", port) as channel:
                stub = AvailabilityStub(channel)
                for clinic in self._clinics:
                    for mode in ("telehealth", "in_person"):
                        yield from self._one_memory(stub, port, clinic, mode)

    def _one_memory(
        self, stub: AvailabilityStub, port: int, clinic: Clinic, mode: str
    ) -> Iterator[str]:
        wanted, end = self._free(clinic, mode), time.monotonic() + _CONVERGED
        while (answered := _search(stub, clinic, mode)) != wanted:
            if time.monotonic() > end:
                missing, extra = sorted(wanted - answered), sorted(answered - wanted)
                yield (
                    f"availability at {port} on {clinic.username}, {mode}:"
                    f" lacks {missing}, offers {extra}"
                )
                return
            time.sleep(0.2)

    def _free(self, clinic: Clinic, mode: str) -> set[datetime]:
        """Return the starts that no taken time overlaps."""
        places = {clinic.provider_number}
        if mode == "in_person" and clinic.room_number:
            places.add(clinic.room_number)
        taken = [(r["start_at"], r["end_at"]) for r in self._occupancy if r["resource"] in places]
        return {
            start
            for start in map(datetime.fromisoformat, clinic.slots)
            if not any(
                start < t_end and t_start < start + clinic.length for t_start, t_end in taken
            )
        }

    # Everybody else

    def _rooms(self) -> Iterator[str]:
        """Check that each booking that was confirmed has one room, open while the booking is
        active."""
        rooms: defaultdict[UUID, list[Row]] = defaultdict(list)
        for row in self._rows("telehealth-rooms", "rooms"):
            rooms[row["booking_id"]].append(row)
        links = Counter(
            row["room_id"]
            for row in self._rows("telehealth-rooms", "links")
            if row["revoked_at"] is None
        )
        for row in self.bookings.values():
            found = rooms.pop(row["id"], [])
            if len(found) != (0 if row["status"] == "requested" else 1):
                yield f"{len(found)} rooms for {row['status']} booking {row['id']}"
                continue
            wanted = row["mode"] == "telehealth" and row["status"] in (*_STANDING, "completed")
            for room in found:
                if (room["closed_at"] is None) != wanted or (wanted and links[room["id"]] != 2):
                    yield f"the room of {row['status']} {row['mode']} booking {row['id']}: {room}"
        for booking_id in rooms:
            yield f"a room of no booking: {booking_id}"

    def _notices(self) -> Iterator[str]:
        """Check that each recipient was notified of each change once (spec NT-1, NT-3)."""
        notices: defaultdict[UUID, list[Row]] = defaultdict(list)
        for row in self._rows("notifications", "notices"):
            notices[row["booking_id"]].append(row)
        kept = Counter(
            row["message_id"].partition("@")[0]
            for row in self._rows("notifications", "development_messages")
        )
        for booking_id, booking in self.bookings.items():
            queued = Counter((n["kind"], n["recipient"]) for n in notices[booking_id])
            wanted = Counter(self._told(booking))
            if queued != wanted:
                yield f"told of {booking_id}: {queued}, not {wanted}"
            for notice in notices[booking_id]:
                mails = kept.pop(f"<{notice['id']}", 0)
                if not self._left_as_it_should(booking, notice, mails):
                    yield (
                        f"{notice['state']} {notice['kind']} of {booking['status']} {booking_id},"
                        f" to {notice['recipient']}: {mails} mails"
                    )
        for booking_id in notices.keys() - self.bookings.keys():
            yield f"notices of no booking: {booking_id}"
        if kept:
            yield f"mails of no notice: {kept}"

    def _told(self, booking: Row) -> Iterator[tuple[str, str]]:
        """Yield the kind and recipient of each notice that a booking's history calls for."""
        history = self._history[booking["id"]]
        both, client = ("client", "provider"), ("client",)
        by_client = booking["cancelled_by"] == "client"
        for number, change in enumerate(history):
            told: tuple[str, ...] = {
                "requested": both,
                "confirmed": client if number else both,
                "declined": client,
                "expired": client,
                "cancelled": both if by_client else client,
            }.get(change, ())
            for recipient in told:
                yield f"booking_{change}", recipient

    def _left_as_it_should(self, booking: Row, notice: Row, mails: int) -> bool:
        """Return whether a notice was sent once, or was overtaken by a later change.

        If the sender died before it recorded the sending, an overtaken notice may have been sent.
        """
        kind, status = notice["kind"].removeprefix("booking_"), booking["status"]
        overtaken = status != kind and not (kind == "requested" and status in _STANDING)
        if notice["state"] == "superseded":
            return overtaken and mails <= 1
        return notice["state"] == "sent" and mails == 1

    def _mailboxes(self) -> Iterator[str]:
        """Check the mailboxes of some clients."""
        sent: Counter[UUID] = Counter(
            row["booking_id"]
            for row in self._rows("notifications", "notices")
            if row["recipient"] == "client" and row["state"] == "sent"
        )
        for email, booking_ids in sorted(self._by_email.items())[:20]:
            found = self._clinics[0].world.public.get("/dev/messages", to=email)
            if len(found) < sent[booking_ids[0]]:
                yield f"{len(found)} mails about {booking_ids[0]}, not {sent[booking_ids[0]]}"

    def _bills(self) -> Iterator[str]:
        """Check that each completed session is billed once, that the ledger balances, and that
        booking knows the payment status."""
        billables = Counter(row["booking_id"] for row in self._rows("billing", "billables"))
        entries = {row["id"]: row["booking_id"] for row in self._rows("billing", "entries")}
        entered = Counter(entries.values())
        balance: Counter[UUID] = Counter()
        for row in self._rows("billing", "postings"):
            balance[row["entry_id"]] += row["amount"]
        for row in self.bookings.values():
            wanted = int(row["status"] == "completed")
            found = (billables.pop(row["id"], 0), entered.pop(row["id"], 0))
            if found != (wanted, wanted) or (row["payment_status"] == "due") != bool(wanted):
                yield f"{row['status']} {row['id']}: {found} billed, {row['payment_status']!r}"
        if billables or entered or any(balance.values()) or balance.keys() != entries.keys():
            yield f"bills of no booking, or out of balance: {billables} {entered} {balance}"


def _contradicts(kind: str, done: Answer, other: Answer) -> bool:
    """Return whether a refusal contradicts a success under the same key.

    Of two simultaneous requests for a time, one can be refused and succeed a moment later, when the
    time is free again. A session can be completed a moment later, when it was approved meanwhile.
    """
    twice_at_once = other.sent < done.came
    if kind in (plan.BOOK, plan.HOLD, plan.COMPLETE):
        return other.refused and not twice_at_once
    return other.refused


def _search(stub: AvailabilityStub, clinic: Clinic, mode: str) -> set[datetime]:
    first, last = clinic.slots[0], clinic.slots[-1]
    answer = stub.SearchSlots(
        SearchSlotsRequest(
            username=clinic.username,
            service="session",
            mode=Mode.Value(_MINUTES[mode]),
            first_minute=_minute(first),
            end_minute=_minute(last) + 1,
        )
    )
    return {datetime.fromtimestamp(minute * 60, UTC) for minute in answer.start_minutes}


def _minute(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp()) // 60


def _length(booking: Row) -> timedelta:
    length: timedelta = booking["end_at"] - booking["start_at"]
    return length
