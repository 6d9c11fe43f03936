"""Searches for seeded personal data wherever a stranger might look (spec PF-3, PF-7).

Every field that a person can fill in is seeded. The data may appear where it belongs: in responses
to entitled callers, on their pages, and in their emails. What a practice publishes is not personal
data here (spec: `provider` has a public `username`).
"""
