"""What notifications removes when its time is over (spec PF-10).

Messages and addresses are not kept: a message is composed when it is sent.
"""

from common.upkeep.retention import Purges

purges = Purges("notifications")

purges.add(
    "notices",
    """
DELETE FROM notices WHERE id IN (
    SELECT id FROM notices WHERE created_at < :cutoff AND state <> 'queued'
    LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING practice_id
""",
)

purges.add(
    "mailbox",
    """
DELETE FROM development_messages WHERE id IN (
    SELECT id FROM development_messages WHERE created_at < :cutoff
    LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING practice_id
""",
)
