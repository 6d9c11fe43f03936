"""The identity of callers: accounts and their sessions, visitors, holders of manage links."""
