"""Tables and queries: the set-up of practices, and the projection of what booking says is taken."""
