"""Work that is due at an instant (spec PF-6)."""
