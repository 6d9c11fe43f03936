"""A release replaces the one before it without downtime (spec PF-15, docs/releases.md)."""
