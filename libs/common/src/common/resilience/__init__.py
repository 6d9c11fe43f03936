"""Limits on waiting: deadlines and bulkheads."""
