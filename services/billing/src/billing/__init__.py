"""Billable sessions, and the ledger behind them."""
