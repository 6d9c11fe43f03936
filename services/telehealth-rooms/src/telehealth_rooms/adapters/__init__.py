"""Other systems that this service asks, one file each."""
