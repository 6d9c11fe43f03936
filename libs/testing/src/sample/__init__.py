"""The smallest possible service, with one table of notes, for the tests of `common`."""
