"""Use cases: each takes a session and values, works in that transaction, and returns rows."""
