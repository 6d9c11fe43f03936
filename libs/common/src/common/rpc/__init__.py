"""gRPC: servers, channels, identities, permissions, and the context that travels with a call."""
