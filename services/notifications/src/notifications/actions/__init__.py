"""Use cases: steps within one transaction, or between two."""
