"""Helpers for all tests.

- fixtures: the pytest fixtures
- servers, database, serving: PostgreSQL and NATS, migrated databases, servicers behind a port
- builders, identities, stubs: resources, callers, and all RPCs of a service
- clock, waiting, concurrency: time that stands still, waiting, calls at the same moment
"""
