"""The smallest service: one table of notes, for the tests of what is common."""
