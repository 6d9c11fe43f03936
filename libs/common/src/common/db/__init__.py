"""A service's own PostgreSQL database: sessions, migrations, cursors, idempotency, encryption."""
