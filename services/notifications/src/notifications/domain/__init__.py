"""The rules of notices: who gets which, how long it stays true, when it is tried again. No I/O."""
