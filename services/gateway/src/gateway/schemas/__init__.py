"""Models of request bodies, queries, and answers, a file for each resource."""
