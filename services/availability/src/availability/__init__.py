"""When clients can book a provider, and slot search."""
