"""What telehealth-rooms removes when its time is over (spec PF-10).

Rooms stay: ids and times. Their links go, so the room is closed: it cannot be shown without them.
"""

from common.upkeep.retention import Purges

purges = Purges("telehealth-rooms")

purges.add(
    "links",
    """
WITH ended AS (
    SELECT id FROM rooms AS r
    WHERE end_at < :cutoff AND EXISTS (SELECT FROM links AS l WHERE l.room_id = r.id)
    LIMIT :most FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM links USING ended WHERE room_id = ended.id
)
UPDATE rooms SET closed_at = coalesce(closed_at, end_at) FROM ended WHERE rooms.id = ended.id
RETURNING practice_id
""",
)
