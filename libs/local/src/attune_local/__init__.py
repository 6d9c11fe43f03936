"""PostgreSQL and NATS from wheels, and all of Attune as processes on one machine."""
