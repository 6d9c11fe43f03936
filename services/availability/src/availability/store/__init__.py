"""The tables and the queries on them, a file for each resource.

A session sees the rows of one practice only. Queries that read many rows name the practice all the
same, because indexes serve only what a query says.
"""
