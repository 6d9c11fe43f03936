"""Notices to people: who hears of what, by which channel, once (docs/spec/notifications.md)."""
