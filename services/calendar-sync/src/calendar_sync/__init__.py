"""Calendars outside the product: private feeds."""
