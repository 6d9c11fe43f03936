"""The benchmark behind `make bench`: a file for each group of targets of docs/performance.md.

`measure.py` holds what they share. What is known here of the insides of the services stands in
`running.py` (the Attune that is measured), `changes.py` (its events), `hello.py` (the gateway's
gunicorn) and `mails.py` (the table of notices).
"""
