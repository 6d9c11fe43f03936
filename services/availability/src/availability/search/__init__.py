"""Slot search from memory: the cache, what it holds of one provider, and how that is asked."""
