"""Tables and queries: billables, and the ledger."""
