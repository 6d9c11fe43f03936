"""The rules of notices: who hears of what, until when it is true, and how it reads. No I/O."""
