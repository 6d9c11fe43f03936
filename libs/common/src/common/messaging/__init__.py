"""Events over NATS JetStream: outbox, consumers, and dead letters."""
