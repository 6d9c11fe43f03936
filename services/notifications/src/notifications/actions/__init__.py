"""Use cases: what is done in one transaction, or on the way between two."""
