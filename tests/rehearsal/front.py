"""What stands before the instances of a service: gives each request to the next of them, as front ends of clouds do."""

from __future__ import annotations

import http.client
import itertools
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

_HOP_BY_HOP: Final = {"connection", "keep-alive", "transfer-encoding", "date", "server"}
_PATIENCE: Final = 600.0
_PIECE: Final = 65_536


class Front:
    """Where it listens, whom it asks, and who answered how often: ``answers[host, status]``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.hosts: list[str] = []
        self.answers: Counter[tuple[str, int]] = Counter()
        self._turn = itertools.count()
        self._lock = threading.Lock()

    def next_hosts(self) -> list[str]:
        """All of them, the one whose turn it is first; the others are asked when it cannot be reached."""
        first = next(self._turn) % len(self.hosts)
        return self.hosts[first:] + self.hosts[:first]

    def count(self, host: str, status: int) -> None:
        with self._lock:
            self.answers[host, status] += 1


@contextmanager
def run_front() -> Iterator[Front]:
    """Listen for as long as the block lasts; instances are added to ``hosts``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            for host in front.next_hosts():
                backend = http.client.HTTPConnection(host, timeout=_PATIENCE)
                try:
                    backend.connect()
                except OSError:  # it is down: the next one, as nothing was sent
                    continue
                try:
                    backend.request(self.command, self.path, body=body or None, headers=kept)
                    self._answer(host, backend.getresponse())
                except (OSError, http.client.HTTPException):  # one of the two is gone
                    self.close_connection = True
                finally:
                    backend.close()
                return
            self.send_error(503)

        def _answer(self, host: str, answer: http.client.HTTPResponse) -> None:
            front.count(host, answer.status)
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            has_end = answer.length is not None
            if not has_end:
                self.close_connection = True
                self.send_header("Connection", "close")
            self.end_headers()
            while piece := answer.read1(_PIECE):
                self.wfile.write(piece)
                self.wfile.flush()

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _forward

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    front = Front(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield front
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
