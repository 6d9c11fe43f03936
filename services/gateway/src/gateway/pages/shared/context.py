"""The clock of the app that is handling a request."""

from datetime import datetime

from flask import current_app

from common.clock import Clock


def now() -> datetime:
    """Return the present instant."""
    clock: Clock = current_app.extensions["clock"]
    return clock.now()
