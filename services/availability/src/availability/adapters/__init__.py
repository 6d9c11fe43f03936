"""Other systems and services that this service asks, a file for each."""
