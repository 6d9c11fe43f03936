"""Loads all that decides a provider's slots in one statement, hence of one moment (spec SL-9)."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from availability.store import taken
from availability.store.tables import Json

# The date differs around the earth, and sessions run over midnight.
_MARGIN = timedelta(days=2)

# Taken time is in whole minutes: starts are rounded down, ends up. The resources are an array, of
# which the planner expects few elements: for joined rows, it would read whole tables.
_LOAD = text(
    """
WITH found AS (
    SELECT
        p.id, p.practice_id, p.number, p.username, p.display_name, p.timezone, p.policies,
        p.blocks, p.setup_version,
        c.name, c.timezone AS practice_timezone, c.currency_code, c.country,
        c.address, c.phone, c.email, c.website, c.synthetic,
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

_NEWEST_VERSION = text(
    """
    SELECT greatest(p.setup_version, c.setup_version)
    FROM providers AS p JOIN practices AS c USING (practice_id) WHERE p.id = :id
    """
)


@dataclass(frozen=True)
class LoadedProvider:
    """A provider with all that decides their slots, as the database keeps it."""

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
    """The practice's."""
    practice_timezone: str
    currency_code: str
    country: str
    address: str
    phone: str
    email: str
    website: str
    synthetic: bool
    practice_policies: Json
    practice_version: int
    dates: list[tuple[str, list[Json]]] | None
    """The overrides: date and blocks."""
    service_types: list[Json] | None
    rooms: list[tuple[int, str, str, str]] | None
    """Of the physical rooms in the hours: resource number, id, name, address."""
    revisions: list[tuple[int, int, bool]]
    """Of each resource: its number, the revision that the projection has reached, and whether no
    fetch from booking is due."""
    taken: list[tuple[int, int, int, str]] | None
    """Taken time: resource number, first minute, end minute, ref."""

    @property
    def overrides(self) -> list[tuple[date, list[Json]]]:
        """The overrides, with their dates parsed."""
        return [(date.fromisoformat(day), blocks) for day, blocks in self.dates or ()]


def load(session: Session, username: str, now: datetime) -> LoadedProvider | None:
    """Return the provider with that username, with what ends after about `now`, or None."""
    parameters = {
        "username": username,
        "since": now.date() - _MARGIN,
        "now": now - _MARGIN,
        "fetch": taken.FETCH,
    }
    row = session.execute(_LOAD, parameters).one_or_none()
    return LoadedProvider(**row._mapping) if row else None


def newest_version(session: Session, provider_id: str) -> int:
    """Return the newest version of a provider's set-up, or 0 if there is no such provider."""
    return session.scalar(_NEWEST_VERSION, {"id": provider_id}) or 0
