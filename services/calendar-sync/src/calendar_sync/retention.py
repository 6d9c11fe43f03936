"""What calendar-sync removes when its time is over (spec PF-10).

The address of a feed is a credential. A provider whose feed was removed gets another address.
"""

from common.upkeep.retention import Purges

purges = Purges("calendar-sync")

purges.add(
    "feeds",
    """
DELETE FROM feeds WHERE id IN (
    SELECT id FROM feeds WHERE read_at < :cutoff LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING practice_id
""",
)
