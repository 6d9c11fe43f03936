"""Chaos: a whole Attune is booked through its gateway while its parts are killed, stopped and cut
off; then every promise is checked in every database.

`python -m tests.integration.chaos --seconds 60 --seed 7`, or `make chaos`.
"""
