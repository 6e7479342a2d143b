"""A proxy before a bucket server that spoils answers on purpose."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["truncate", "flip", "503", "stall", "reset", "404", "403", "longer", "html"]


@dataclass
class Faults:
    """What goes wrong: ``plan(name, n)`` is asked at the n-th request (from 1) for an object's content.

    ``read`` counts how often the content of each object was asked for; ``requests`` counts everything.
    """

    plan: Callable[[str, int], Fault | None] = lambda name, n: None
    read: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    before: Callable[[str], None] = lambda name: None
    released: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class FaultyServer:
    """Where the proxy listens, and what it does."""

    url: str
    faults: Faults


@contextmanager
def run_faulty_proxy(upstream: str) -> Iterator[FaultyServer]:
    """Start a proxy before ``upstream``, and stop it again."""
    faults = Faults()
    target = urllib.parse.urlsplit(upstream).netloc

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _forward(self) -> None:
            faults.requests += 1
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            name = _object_read(self.path) if self.command == "GET" else ""
            fault = None
            if name:
                faults.read[name] += 1
                faults.before(name)
                fault = faults.plan(name, faults.read[name])
            if fault in ("503", "404", "403", "html"):
                self._answer_with(fault)
                return
            connection = http.client.HTTPConnection(target, timeout=30)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                self._pass_on(answer, answer.read(), fault)
            finally:
                connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _forward

        def _answer_with(self, fault: Fault) -> None:
            status = 200 if fault == "html" else int(fault)
            content = b"<html>welcome to the hotel</html>"
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _pass_on(self, answer: http.client.HTTPResponse, content: bytes, fault: Fault | None) -> None:
            if fault == "flip" and content:
                middle = len(content) // 2
                content = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
            if fault == "longer":
                content += b"more than was asked for"
            self.send_response(answer.status)
            for header, value in answer.getheaders():
                if header.casefold() not in ("transfer-encoding", "content-length", "connection"):
                    self.send_header(header, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if fault in ("truncate", "stall", "reset"):
                self.wfile.write(content[: len(content) // 2])
                self.wfile.flush()
                if fault == "stall":
                    faults.released.wait(60)
                if fault == "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                with suppress(OSError):
                    self.connection.close()
                self.close_connection = True
                return
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:
            """Nothing: the tests say what happened."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that gives up is what is tested."""

    server = Server(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield FaultyServer(url=f"http://127.0.0.1:{server.server_address[1]}", faults=faults)
    finally:
        faults.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _object_read(path: str) -> str:
    """Name of the object whose content a request asks for; empty when it asks for something else."""
    parts = urllib.parse.urlsplit(path)
    if "alt=media" not in parts.query or "/o/" not in parts.path:
        return ""
    return urllib.parse.unquote(parts.path.partition("/o/")[2])
