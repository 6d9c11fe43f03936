"""What the gateway removes when its time is over (spec PF-10)."""

from common.audit import NO_PRACTICE
from common.upkeep.retention import Purges

purges = Purges("gateway")

purges.add(
    "sessions",
    """
DELETE FROM sessions WHERE id IN (
    SELECT id FROM sessions WHERE expires_at < :cutoff LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING practice_id
""",
)

# Keys are blind indexes, so the counts belong to no practice.
purges.add(
    "sign-ins",
    f"""
DELETE FROM sign_in_attempts WHERE key IN (
    SELECT key FROM sign_in_attempts WHERE counted_at < :cutoff LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING CAST('{NO_PRACTICE}' AS uuid)
""",  # noqa: S608  # a constant
)
