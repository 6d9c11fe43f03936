"""Staff sign in and out, and see where they are signed in."""

from datetime import UTC
from uuid import UUID

from flask import Response

from gateway import sessions, times
from gateway.api.operation import Access, Operations, encoded, json_response
from gateway.schemas import access as schemas

auth = Operations("auth", "Staff sign in and out, and see where they are signed in.")


@auth.operation(
    "POST",
    "/auth/login",
    schemas.Token,
    body=schemas.Credentials,
    errors=(401,),
    limit="sign_ins",
)
def login(body: schemas.Credentials) -> Response:
    """Sign in

    Answers with a bearer token, and sets the session cookie.
    """
    token = sessions.sign_in(body.email, body.password)
    response = json_response(encoded(schemas.Token(token=token)))
    return sessions.remember(response, token, body.email)


@auth.operation("POST", "/auth/logout", None, status=204, access=Access.STAFF)
def logout() -> Response:
    """End this session"""
    return sessions.sign_out(Response(status=204))


@auth.operation("GET", "/auth/sessions", schemas.Sessions, access=Access.STAFF)
def list_sessions() -> schemas.Sessions:
    """Where this account is signed in"""
    here = sessions.required().session_id
    return schemas.Sessions(
        sessions=[
            schemas.Session(
                id=str(one.id),
                browser=one.browser,
                created_at=times.text(one.created_at, UTC),
                last_seen_at=times.text(one.last_seen_at, UTC),
                expires_at=times.text(one.expires_at, UTC),
                current=one.id == here,
            )
            for one in sessions.listed()
        ]
    )


@auth.operation(
    "DELETE",
    "/auth/sessions/<uuid:session_id>",
    None,
    status=204,
    access=Access.STAFF,
    errors=(404,),
)
def revoke_session(session_id: UUID) -> None:
    """End one of this account's sessions"""
    sessions.revoke(session_id)
