"""Connections to the gateway: who gets one of gunicorn's threads, and for how long (spec PF-13).

A connection gets a thread once the head of a request has arrived, so that silent and slow callers
hold none. An address has a share of the connections and of the threads.
"""

import contextlib
import logging
import selectors
import socket
import time
from collections import Counter, defaultdict, deque
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.http import errors, get_parser
from gunicorn.workers.gthread import TConn, ThreadWorker

from common.resilience.lasting import LastingThread
from common.rpc import request_context
from gateway.settings import Network
from gateway.web import addresses, middleware, problems

MOST = 900
"""Connections of a process: below 1,024, the number of open files that many systems allow."""
_SHARE = 4  # an address has at most one in so many of the connections
_LONGEST_HEAD = 16 * 1024  # bytes after which gunicorn judges a head, complete or not
_TRANSFER = 5  # seconds beyond the deadline, to receive a request and to send its answer
_LINGER = 0.5  # seconds for the caller to read why its request was not parsed
_STATUSES = {
    errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
}
log = logging.getLogger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn ships no types
    """A gthread worker that receives the heads of requests without a thread, shares connections
    and threads among addresses, closes connections that send or read too slowly, and answers
    unparsable requests with a problem document.

    Everything but `handle`, `handle_error`, and the thread `slow` runs in gunicorn's main thread.
    """

    def init_process(self) -> None:
        """Start the thread that ends slow requests, then serve."""
        self._begun: dict[Any, float] = {}
        self._heads: dict[Any, bytes] = {}
        self._open: Counter[str] = Counter()
        self._at_work: Counter[str] = Counter()
        self._held: defaultdict[str, deque[Any]] = defaultdict(deque)
        self._proxies: tuple[Network, ...] = self.app.proxies
        LastingThread("slow", self._end_slow).start()
        super().init_process()

    def accept(self, listener: Any) -> None:
        """Accept a connection, and wait for the head of its request.

        If the process or the caller's address has all its connections, the one that has been
        silent longest is closed first. If all of them are at work, the new one is closed.
        """
        try:
            client, peer = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self._take(client, peer, listener)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Begin or stop to accept connections.

        A process that ends first accepts those that have been made, and answers them; the system
        would reset them. From then on callers are refused, and go elsewhere.
        """
        super().set_accept_enabled(enabled)
        if self.alive:
            return
        for listener in self.sockets:
            listener.setblocking(False)
            for _ in range(MOST):
                try:
                    client, peer = listener.accept()
                except ConnectionAbortedError:
                    continue
                except OSError:  # nobody waits any more
                    break
                self._take(client, peer, listener)
            listener.close()

    def _take(self, client: Any, peer: Any, listener: Any) -> None:
        conn = TConn(self.cfg, client, peer, listener.getsockname())
        conn.address = str(peer[0]) if isinstance(peer, tuple) else ""
        conn.closed = False
        self.nr_conns += 1
        self._open[conn.address] += 1
        if self._has_room_for(conn):
            self._await_head(conn)
        else:
            self._close(conn)

    def on_client_socket_readable(self, conn: Any, client: Any) -> None:
        """Receive the head of the next request on a connection that was kept."""
        if conn.closed:
            return
        self.poller.unregister(client)
        self.keepalived_conns.remove(conn)
        self._await_head(conn)
        self._receive(conn, client)

    def murder_keepalived(self, force: bool = False) -> None:
        """Close the kept connections whose time is over, or all of them."""
        now = time.monotonic()
        while self.keepalived_conns and (force or self.keepalived_conns[0].timeout <= now):
            self._forget(self.keepalived_conns[0])

    def murder_pending(self) -> None:
        """Close the connections on which no head of a request has arrived in time."""
        now = time.monotonic()
        while self.pending_conns and self.pending_conns[0].timeout <= now:
            self._forget(self.pending_conns[0])

    def enqueue_req(self, conn: Any) -> None:
        """Give a connection a thread, once its address has fewer than its share of them."""
        if self._is_limited(conn.address) and self._at_work[conn.address] >= self.cfg.threads // 2:
            self._held[conn.address].append(conn)
            return
        self._at_work[conn.address] += 1
        super().enqueue_req(conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Keep or close a connection after its answer, and go on with its address's next one."""
        self._at_work[conn.address] -= 1
        before = self.nr_conns
        super().finish_request(conn, fs)
        self._open[conn.address] -= before - self.nr_conns
        if self._held[conn.address]:
            self.enqueue_req(self._held[conn.address].popleft())
        else:
            del self._held[conn.address]
        for counter in (self._open, self._at_work):
            if not counter[conn.address]:
                del counter[conn.address]

    def handle(self, conn: Any) -> Any:
        """Handle one request."""
        self._begun[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            del self._begun[conn]

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer with a problem document, and close the connection.

        Neither the answer nor the log quotes the request: its address may be a secret link.
        """
        if isinstance(exc, errors.ParseException):
            status = _STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
            log.warning("could not parse a request: %s", type(exc).__name__)
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            log.error("could not answer a request", exc_info=exc)
        with contextlib.suppress(OSError):
            util.write_nonblock(client, _problem(status))
        util.close_graceful(client, timeout=_LINGER)

    def _await_head(self, conn: Any) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.app.head_seconds
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._receive, conn))

    def _receive(self, conn: Any, client: Any) -> None:
        """Receive more of a head; give the connection a thread when the head is complete."""
        if conn.closed:  # to make room, by an earlier event of the same round
            return
        try:
            chunk = client.recv(_LONGEST_HEAD)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        head = self._heads.get(conn, b"") + chunk
        self._heads[conn] = head
        if chunk and b"\r\n\r\n" not in head and len(head) < _LONGEST_HEAD:
            return
        if not head:
            self._forget(conn)
            return
        self.poller.unregister(client)
        self.pending_conns.remove(conn)
        del self._heads[conn]
        if conn.parser is None:
            conn.parser = get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(head)
        conn.data_ready = True
        self.enqueue_req(conn)

    def _is_limited(self, address: str) -> bool:
        """Return whether the address has a share; our own proxies stand for many callers."""
        return not addresses.is_trusted(address, self._proxies)

    def _has_room_for(self, conn: Any) -> bool:
        """Make room for a new connection if there is none, and return whether there is now."""
        most = self.worker_connections // _SHARE
        if self._is_limited(conn.address) and self._open[conn.address] > most:
            return self._close_silent(conn.address)
        return self.nr_conns < self.worker_connections or self._close_silent(None)

    def _close_silent(self, address: str | None) -> bool:
        """Close the connection that has been silent longest, of one address or of all.

        Return whether there was one.
        """
        for waiting in (self.pending_conns, self.keepalived_conns):
            for conn in waiting:
                if address in (None, conn.address):
                    self._forget(conn)
                    return True
        return False

    def _forget(self, conn: Any) -> None:
        """Close a connection that waits for a head."""
        self.poller.unregister(conn.sock)
        waiting = self.pending_conns if conn in self.pending_conns else self.keepalived_conns
        waiting.remove(conn)
        self._heads.pop(conn, None)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        conn.closed = True
        self.nr_conns -= 1
        self._open[conn.address] -= 1
        if not self._open[conn.address]:
            del self._open[conn.address]
        conn.close()

    def _end_slow(self) -> None:
        while True:
            time.sleep(1)
            late = time.monotonic() - self.app.seconds - _TRANSFER
            for conn, begun in list(self._begun.items()):
                if begun < late:
                    log.warning("closed a connection that received or sent too slowly")
                    with contextlib.suppress(OSError):  # the connection has closed by now
                        conn.sock.shutdown(socket.SHUT_RDWR)


def _problem(status: HTTPStatus) -> bytes:
    """Return a whole HTTP answer with a problem document."""
    request_id = request_context.new_request()
    failed = status == HTTPStatus.INTERNAL_SERVER_ERROR
    reason = "INTERNAL" if failed else problems.reason_of(status)
    body = problems.encode(status, reason, problems.DETAILS.get(status, ""), request_id)
    head = (
        f"HTTP/1.1 {status.value} {problems.title_of(status)}\r\n"
        f"Content-Type: {problems.CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\n"
        f"{middleware.REQUEST_ID}: {request_id}\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
