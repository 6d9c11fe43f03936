"""Tests of the whole: every service as a process, through the gateway."""
