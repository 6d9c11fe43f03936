"""Two replicas of everything, with TLS between them, which are restarted while people book."""
