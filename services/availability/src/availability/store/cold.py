"""What a search needs to know of a provider, in one statement, hence of one moment (spec SL-9)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from availability.store import taken
from availability.store.tables import Json

_MARGIN = timedelta(days=2)  # the date somewhere on earth, and sessions that run over midnight

# The minutes that what is taken touches: the first rounded down, the last rounded up. The resources
# are an array, of which the planner expects little: joined as rows, it would read whole tables.
_READ = text(
    """
WITH found AS (
    SELECT
        p.id, p.practice_id, p.number, p.username, p.display_name, p.timezone, p.policies,
        p.blocks, p.setup_version,
        c.name, c.timezone AS practice_timezone, c.currency_code, c.address,
        c.policies AS practice_policies, c.setup_version AS practice_version
    FROM providers AS p JOIN practices AS c USING (practice_id)
    WHERE p.username = :username
), dates AS (
    SELECT o.date, o.blocks FROM overrides AS o JOIN found ON o.provider_id = found.id
    WHERE o.date >= :since
), resources (numbers) AS (
    SELECT ARRAY(
        SELECT number FROM found
        UNION SELECT jsonb_path_query(blocks, '$[*].room ? (@ != null)')::bigint FROM found
        UNION SELECT jsonb_path_query(blocks, '$[*].room ? (@ != null)')::bigint FROM dates
    )
)
SELECT
    found.*,
    (SELECT json_agg(json_build_array(date, blocks)) FROM dates) AS dates,
    (
        SELECT json_agg(to_jsonb(s)) FROM service_types AS s
        WHERE s.practice_id = found.practice_id AND NOT s.deleted
    ) AS service_types,
    (
        SELECT json_agg(json_build_array(r.number, r.id, r.name, r.address))
        FROM physical_rooms AS r WHERE r.number = ANY ((SELECT numbers FROM resources)::bigint[])
    ) AS rooms,
    (
        SELECT json_agg(json_build_array(
            n.number,
            coalesce(
                (SELECT v.revision FROM taken_revisions AS v WHERE v.resource_number = n.number), 0
            ),
            NOT EXISTS (SELECT FROM due AS d WHERE d.kind = :fetch AND d.key = n.number::text)
        ))
        FROM unnest((SELECT numbers FROM resources)) AS n (number)
    ) AS revisions,
    (
        SELECT json_agg(json_build_array(
            t.resource_number,
            floor(extract(epoch FROM t.start_at) / 60)::bigint,
            ceil(extract(epoch FROM t.end_at) / 60)::bigint,
            t.ref
        ))
        FROM taken AS t
        WHERE t.resource_number = ANY ((SELECT numbers FROM resources)::bigint[])
            AND t.end_at > :now
    ) AS taken
FROM found
"""
)


@dataclass(frozen=True)
class Found:
    """A provider with all that decides their slots, as it is stored. `revisions` holds resource
    number, the revision reached, and whether nothing is known to be missing; `taken` resource
    number, first minute, end minute and ref."""

    id: Any
    practice_id: Any
    number: int
    username: str
    display_name: str
    timezone: str
    policies: Json
    blocks: list[Json]
    setup_version: int
    name: str
    practice_timezone: str
    currency_code: str
    address: str
    practice_policies: Json
    practice_version: int
    dates: list[tuple[str, list[Json]]] | None
    service_types: list[Json] | None
    rooms: list[tuple[int, str, str, str]] | None
    revisions: list[tuple[int, int, bool]]
    taken: list[tuple[int, int, int, str]] | None

    @property
    def overrides(self) -> list[tuple[date, list[Json]]]:
        return [(date.fromisoformat(day), blocks) for day, blocks in self.dates or ()]


def read(session: Session, username: str, now: datetime) -> Found | None:
    """The provider of that username with everything from about now on, or None."""
    parameters = {
        "username": username,
        "since": now.date() - _MARGIN,
        "now": now - _MARGIN,
        "fetch": taken.FETCH,
    }
    row = session.execute(_READ, parameters).one_or_none()
    return Found(**row._mapping) if row else None
