"""Who is calling: accounts and their sessions, visitors, and the holders of manage links."""
