"""Recurring work that every service does on its own data: retention and checks."""
