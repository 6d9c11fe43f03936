"""HTTP itself: everything around a request and its answer that no resource needs to know."""
