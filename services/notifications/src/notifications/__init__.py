"""Notices to people: who hears of what, by which channel, once (spec NT)."""
