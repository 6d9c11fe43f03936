"""Limits on waiting: deadlines, and bulkheads between dependencies."""
