"""Personal data, seeded wherever a person can type, is searched for wherever a stranger might look
(spec PF-3, PF-7).

It may be where it is for: in the answers to those who are entitled to it, on their pages, and in
their e-mails. What a practice publishes is nobody's personal data here (spec: `provider` has a
public `username`, and the booking page shows it to everybody): names and addresses of practices and
rooms, display names and usernames of providers, titles of services. Zones of the size of a country
are not either; nor are the names of fields in a document, which programs choose. All else that is
typed is: names, e-mail addresses, telephone numbers, notes, words of a refusal; passwords, keys of
requests, browsers; and whatever opens something, such as the token of a link or of a session.
"""
