"""The console, where staff see to the bookings of their practice."""
