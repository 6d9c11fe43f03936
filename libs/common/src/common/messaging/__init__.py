"""Events over NATS JetStream: outbox, consumers, dead letters."""
