"""Forms that change something.

Each form carries a request id, made when the page is shown. A form that is sent twice, by a double
click or a reload, is done once and answered the same way.
"""

import secrets

from flask import request

FIELD = "key"


def new_request_id() -> str:
    """Return the request id for a new form."""
    return secrets.token_urlsafe(24)


def sent_request_id() -> str:
    """Return the request id that the form carries; a new one if it carries none of a fit length."""
    sent = request.form.get(FIELD, "")
    return sent if 20 <= len(sent) <= 100 else new_request_id()
