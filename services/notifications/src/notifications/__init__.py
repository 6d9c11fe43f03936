"""Notices to people about their bookings, by email (docs/spec/notifications.md)."""
