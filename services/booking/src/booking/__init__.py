"""Bookings, holds and clients; the only authority on taken time."""
