"""Sessions of staff: sign in, sign out, and see where an account is signed in."""

from datetime import UTC
from uuid import UUID

from flask import Response

from gateway import times
from gateway.identity import sessions as own_sessions
from gateway.identity import sign_in
from gateway.openapi.operation import Access, Operations, Tag, encode, json_response
from gateway.schemas import sessions as schemas

sessions = Operations("sessions", Tag("Auth", "Sign in, sign out, and manage your sessions."))


@sessions.operation(
    "POST",
    "/auth/login",
    schemas.Token,
    body=schemas.Credentials,
    errors=(401,),
    limit="sign_ins",
)
def login(body: schemas.Credentials) -> Response:
    """Sign in

    Returns a bearer token, and sets the session cookie.
    """
    token = sign_in.sign_in(body.email, body.password)
    response = json_response(encode(schemas.Token(token=token)))
    return sign_in.remember(response, token, body.email)


@sessions.operation("POST", "/auth/logout", None, status=204, access=Access.STAFF)
def logout() -> Response:
    """Sign out

    Ends the current session.
    """
    return own_sessions.sign_out(Response(status=204))


@sessions.operation("GET", "/auth/sessions", schemas.Sessions, access=Access.STAFF)
def list_sessions() -> schemas.Sessions:
    """List your sessions

    Returns the places where your account is signed in, last used first.
    """
    current = own_sessions.required().session_id
    return schemas.Sessions(
        sessions=[
            schemas.Session(
                id=str(session.id),
                browser=session.browser,
                created_at=times.text(session.created_at, UTC),
                last_seen_at=times.text(session.last_seen_at, UTC),
                expires_at=times.text(session.expires_at, UTC),
                current=session.id == current,
            )
            for session in own_sessions.own()
        ]
    )


@sessions.operation(
    "DELETE",
    "/auth/sessions/<uuid:session_id>",
    None,
    status=204,
    access=Access.STAFF,
    errors=(404,),
)
def revoke_session(session_id: UUID) -> None:
    """End a session

    Ends one of your account's sessions.
    """
    own_sessions.revoke(session_id)
