"""Slot search from memory: the cache, a snapshot of each provider, and queries of snapshots."""
