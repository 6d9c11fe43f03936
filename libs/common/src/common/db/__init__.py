"""A service's own PostgreSQL: sessions, migrations, cursors, idempotency, encryption."""
