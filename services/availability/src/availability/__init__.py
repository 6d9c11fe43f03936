"""When a provider can be booked, and slot search."""
