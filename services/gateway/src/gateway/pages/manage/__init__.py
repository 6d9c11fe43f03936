"""A client's own page of one booking (spec BK-8, CN-2)."""
