"""What booking removes when its time is over (spec PF-10).

Bookings themselves stay: ids, times, and amounts, to which bills and the audit refer.
"""

from common.upkeep.retention import Purges

purges = Purges("booking")

purges.add(
    "notes",
    """
UPDATE bookings SET note_sealed = NULL, reason_text_sealed = NULL WHERE id IN (
    SELECT id FROM bookings
    WHERE end_at < :cutoff AND status IN ('cancelled', 'declined', 'expired')
        AND (note_sealed IS NOT NULL OR reason_text_sealed IS NOT NULL)
    LIMIT :most FOR UPDATE SKIP LOCKED
) RETURNING practice_id
""",
)

# A client's record is emptied, not deleted, since bookings refer to it. So is what was typed for
# the client's bookings. The new index is nobody's, so the same email can book again as a new
# client. Row locks keep the client from booking meanwhile, see `clients.find_or_add`.
purges.add(
    "clients",
    """
WITH gone AS (
    SELECT id FROM clients AS c
    WHERE created_at < :cutoff AND length(email_sealed) > 0
        AND NOT EXISTS (SELECT FROM bookings AS b WHERE b.client_id = c.id AND b.end_at >= :cutoff)
    LIMIT :most FOR UPDATE SKIP LOCKED
), emptied AS (
    UPDATE bookings SET typed_name_sealed = '', typed_email_sealed = NULL,
        typed_phone_sealed = NULL, note_sealed = NULL, reason_text_sealed = NULL
    FROM gone WHERE client_id = gone.id
)
UPDATE clients SET name_sealed = '', email_sealed = '', phone_sealed = NULL,
    email_index = sha256(CAST(CAST(gen_random_uuid() AS text) AS bytea)), email_index_version = 2
FROM gone WHERE clients.id = gone.id RETURNING practice_id
""",
)
