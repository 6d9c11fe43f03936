"""Use cases, a file for each resource.

An action takes a session, the actor and plain values, does one thing in the caller's transaction,
and returns rows.
"""
