"""When a provider can be booked: pure rules, without I/O, clock or framework."""
