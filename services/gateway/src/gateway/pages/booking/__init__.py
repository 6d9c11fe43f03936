"""The booking page (spec GW-6)."""
