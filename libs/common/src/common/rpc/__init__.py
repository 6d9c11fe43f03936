"""gRPC: servers, channels, who calls, and the context that travels with a call."""
