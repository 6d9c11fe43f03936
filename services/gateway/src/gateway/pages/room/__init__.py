"""The page behind a join link (spec RM-2)."""
