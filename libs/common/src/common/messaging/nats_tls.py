"""A connection to NATS over TLS (spec PF-9)."""

import ssl
from typing import Any
from urllib.parse import urlsplit

import nats
from nats.aio.client import Client

from common.config import Misconfigured


class NoTls(nats.errors.Error):
    """The server at a tls:// address has no TLS."""


class TlsClient(Client):
    """A client that sends nothing before the connection is encrypted.

    nats-py goes on without TLS if the server, or whoever answers in its place, does not ask for it.
    """

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection and not info.get("tls_required"):
            raise NoTls("the server at a tls:// address has no TLS")
        await super()._process_info(info, initial_connection)


def context(url: str, authorities: str) -> ssl.SSLContext | None:
    """Return a context that trusts these authorities (PEM; empty: those of the system), or None if
    the address is not a tls:// one.

    Raises Misconfigured if they are no certificates.
    """
    if urlsplit(url).scheme != "tls":
        return None
    try:
        return ssl.create_default_context(cadata=authorities or None)
    except ssl.SSLError as error:
        raise Misconfigured("NATS_CA must hold certificates in PEM") from error


def new_client(tls: ssl.SSLContext | None) -> Client:
    """Return a client that insists on TLS if there is a context for it."""
    return TlsClient() if tls else Client()
