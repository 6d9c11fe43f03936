"""Jobs: work that is due at a given instant (spec PF-6)."""
