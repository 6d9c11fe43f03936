"""Tests of the whole system: every service as a process, through the gateway."""
