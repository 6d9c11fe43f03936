"""What pages take from the app that handles the request."""

from datetime import datetime

from flask import current_app

from common.clock import Clock


def now() -> datetime:
    """The present instant."""
    clock: Clock = current_app.extensions["clock"]
    return clock.now()
