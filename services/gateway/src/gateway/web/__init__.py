"""HTTP itself: what surrounds every request and answer, whatever it is about."""
