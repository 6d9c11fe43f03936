"""Malformed or oversized HTTP gets a problem document, whichever layer refuses it."""

import json
import socket

import pytest

from tests.integration.bad_input.checking import check_problem
from tests.integration.bad_input.databases import Databases
from tests.integration.bad_input.place import Answer, Place
from tests.integration.bad_input.table import Problem, refused

NO_HTTP = refused(400, "BAD_REQUEST", "This isn't a complete HTTP/1.1 request.")
TOO_LONG = refused(
    414, "REQUEST_URI_TOO_LONG", "The address is too long. The limit is 8190 characters."
)
TOO_MANY = refused(
    431,
    "REQUEST_HEADER_FIELDS_TOO_LARGE",
    "The headers are too large. The limits are 60 headers and 8190 characters each.",
)
TOO_LARGE = refused(
    413, "REQUEST_ENTITY_TOO_LARGE", "The body is too large. The limit is 65536 bytes."
)
NO_METHOD = refused(405, "METHOD_NOT_ALLOWED", "This address doesn't support this method.")
NO_HOST = refused(400, "BAD_REQUEST", "Unknown host.")
NO_CODING = refused(
    501, "NOT_IMPLEMENTED", "Unsupported transfer encoding. Send the body as it is, or chunked."
)
NOT_EXPECTED = refused(417, "EXPECTATION_FAILED", "The only supported expectation is 100-continue.")
SECRET = "a-token-that-opens-something"


def get(path: str = "/api/v1/openapi.json", *headers: str, method: str = "GET") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def login(*headers: str, body: bytes = b"") -> bytes:
    kind = "Content-Type: application/json"
    return get("/api/v1/auth/login", kind, *headers, method="POST") + body


CHUNKED = "Transfer-Encoding: chunked"
WHOLE = json.dumps({"email": "nobody@staff.example", "password": "not this one"}).encode()
REQUESTS: dict[str, tuple[bytes, Problem]] = {
    "noise": (b"\x16\x03\x01\x02\0\x01\0\r\n\r\n", NO_HTTP),
    "a method that is none": (get(f"/manage/{SECRET}", method="G@T"), NO_HTTP),
    "a version that is none": (get().replace(b"HTTP/1.1", b"HTTP/9.9"), NO_HTTP),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", NO_HTTP),
    "letters in the address that are none": (get(f"/manage/{SECRET}/\xff"), NO_HTTP),
    "a header's name with a space": (get("/healthz", f"My Header: {SECRET}"), NO_HTTP),
    "a header with a null byte": (get("/healthz", f"X: {SECRET}\0"), NO_HTTP),
    "a header of two lines": (get("/healthz", f"X: a\r\n {SECRET}"), NO_HTTP),
    "two hosts": (get("/healthz", "Host: elsewhere.example"), NO_HTTP),
    "another host": (get().replace(b"127.0.0.1", b"elsewhere.example"), NO_HOST),
    "no such method": (get(method="TRACE"), NO_METHOD),
    "an endless address": (get(f"/api/v1/providers/{'x' * 9000}"), TOO_LONG),
    "an endless query": (get(f"/api/v1/openapi.json?q={SECRET}{'x' * 9000}"), TOO_LONG),
    "an endless header": (get("/healthz", f"X: {SECRET}{'x' * 9000}"), TOO_MANY),
    "endless cookies": (get("/healthz", f"Cookie: a={'x' * 9000}"), TOO_MANY),
    "endless headers": (get("/healthz", *(f"X-{n}: y" for n in range(70))), TOO_MANY),
    "two lengths": (login("Content-Length: 2", "Content-Length: 3", body=b"{} "), NO_HTTP),
    "a negative length": (login("Content-Length: -1", body=WHOLE), NO_HTTP),
    "a length with a sign": (login("Content-Length: +2", body=b"{}"), NO_HTTP),
    "a length and chunks": (login("Content-Length: 2", CHUNKED, body=b"0\r\n\r\n"), NO_HTTP),
    "a length beyond 64 bits": (login(f"Content-Length: {2**70}", body=b"{}"), TOO_LARGE),
    "more than it says it may be": (login("Content-Length: 65537", body=b" " * 65_537), TOO_LARGE),
    "too much in chunks": (
        login(CHUNKED, body=(b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 3 + b"0\r\n\r\n"),
        TOO_LARGE,
    ),
    "chunks that are none": (login(CHUNKED, body=b"ZZ\r\n{}\r\n0\r\n\r\n"), NO_HTTP),
    "a chunk without its end": (login(CHUNKED, body=b"2\r\n{}XX0\r\n\r\n"), NO_HTTP),
    "another coding": (login("Transfer-Encoding: br", body=WHOLE), NO_CODING),
    "another expectation": (login("Expect: 200-ok", "Content-Length: 2", body=b"{}"), NOT_EXPECTED),
    "a body that ends too early": (login(f"Content-Length: {len(WHOLE) + 9}", body=WHOLE), NO_HTTP),
    "chunks that end too early": (login(CHUNKED, body=b"FF\r\n{"), NO_HTTP),
}


@pytest.mark.req("GW-2", "GW-14", "PF-7")
@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_hardly_http_is_explained_too(
    place: Place, databases: Databases, name: str
) -> None:
    sent, expected = REQUESTS[name]
    log = next(p.log for p in place.world.stack.processes if p.name == "gateway")
    read = log.stat().st_size
    with databases.unchanged():
        answer = say(place, sent)
    check_problem(answer, expected)
    assert SECRET not in answer.body.decode()
    assert SECRET not in log.read_bytes()[read:].decode()


def say(place: Place, sent: bytes) -> Answer:
    """Send bytes, close this half of the connection, and return the response."""
    address = ("127.0.0.1", place.world.stack.port)
    with socket.create_connection(address, timeout=60) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, body)
