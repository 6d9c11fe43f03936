"""What tests share: fixtures, builders, real peers, and waiting."""
