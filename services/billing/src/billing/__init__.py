"""What can be billed, and the ledger behind it."""
