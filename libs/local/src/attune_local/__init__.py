"""PostgreSQL and NATS from wheels, and the whole of Attune as processes on one machine."""
