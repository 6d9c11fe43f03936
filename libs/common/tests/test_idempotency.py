"""Repeated requests: done once, answered from the first answer, refused if they differ."""

from collections.abc import Callable
from uuid import UUID

import pytest
from sqlalchemy import text

from attune.booking.v1 import booking_service_pb2 as booking
from common import ids
from common.db import idempotency
from common.db.database import Database
from common.db.idempotency import LONGEST, RequestIdReused
from common.errors import Invalid

pytestmark = pytest.mark.req("BK-4")
PRACTICE = ids.new()
Request = booking.DeclineBookingRequest
Response = booking.DeclineBookingResponse


class Work:
    """Work that counts how often it is done, and answers with the count."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> Response:
        self.times += 1
        answer = Response()
        answer.booking.version = self.times
        return answer


@pytest.fixture
def scope() -> str:
    return str(ids.new())


def once(
    database: Database,
    scope: str,
    request: Request,
    work: Callable[[], Response],
    practice: UUID = PRACTICE,
) -> int:
    with database.transaction(practice) as session:
        claim = idempotency.claim(session, scope, request, Response)
        answer = claim.earlier or claim.answer(work())
    return answer.booking.version


def ask(words: str, request_id: str = "the key") -> Request:
    return Request(booking_id="one", reason_text=words, request_id=request_id)


def test_the_same_request_is_done_once_and_left_as_it_is(database: Database, scope: str) -> None:
    work, request = Work(), ask("No")
    assert [once(database, scope, request, work) for _ in range(3)] == [1, 1, 1]
    assert work.times == 1
    assert request == ask("No"), "the caller's request is not changed"


def test_other_content_under_the_same_key_is_refused(database: Database, scope: str) -> None:
    work = Work()
    once(database, scope, ask("No"), work)
    with pytest.raises(RequestIdReused) as refused:
        once(database, scope, ask("Never"), work)
    assert (refused.value.reason, refused.value.field) == ("REQUEST_ID_REUSED", "Idempotency-Key")
    assert work.times == 1


def test_a_key_counts_within_its_scope_alone(database: Database, scope: str) -> None:
    work = Work()
    assert once(database, scope, ask("No"), work) == 1
    assert once(database, f"{scope} of another", ask("Never"), work) == 2
    assert once(database, scope, ask("Never", "another key"), work) == 3


def test_without_a_key_each_request_is_a_new_one(database: Database, scope: str) -> None:
    work = Work()
    assert [once(database, scope, ask("No", ""), work) for _ in range(2)] == [1, 2]


def test_work_that_fails_leaves_its_key_free(database: Database, scope: str) -> None:
    def fail() -> Response:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        once(database, scope, ask("No"), fail)
    assert once(database, scope, ask("Never"), Work()) == 1


@pytest.mark.parametrize("key", ["x" * (LONGEST + 1), "a\nb", "\0"])
def test_a_key_that_is_too_long_or_not_printable_is_refused(
    database: Database, scope: str, key: str
) -> None:
    work = Work()
    with pytest.raises(Invalid) as refused:
        once(database, scope, ask("No", key), work)
    assert (refused.value.reason, refused.value.field) == (
        "INVALID_IDEMPOTENCY_KEY",
        "Idempotency-Key",
    )
    assert work.times == 0


def test_a_key_of_the_greatest_length_is_a_key(database: Database, scope: str) -> None:
    work = Work()
    assert [once(database, scope, ask("No", "x" * LONGEST), work) for _ in range(2)] == [1, 1]


@pytest.mark.req("PF-7")
def test_neither_key_nor_answer_is_stored_in_clear_text(database: Database, scope: str) -> None:
    def answer() -> Response:
        kept = Response()
        kept.booking.reason_text = "secret answer"
        return kept

    once(database, scope, ask("No", "secret key"), answer)
    with database.transaction(PRACTICE) as session:
        query = text("SELECT request_id, response FROM idempotency WHERE scope = :scope")
        request_id, response = session.execute(query, {"scope": scope}).one()
    assert "secret" not in request_id
    assert b"secret" not in bytes(response)
