"""What every service needs, once: bootstrap, database, events, identity, telemetry."""
