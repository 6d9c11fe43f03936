"""The runtime that all services share: start and stop, database, events, RPCs, jobs, telemetry."""
