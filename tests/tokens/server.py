"""A server on this machine's loopback that gives out certificates, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.tokens.mint import Mint


class KeyServer:
    """What it answers, to be changed while it runs; nothing as long as ``answers`` is not set."""

    def __init__(self, url: str, *mints: Mint) -> None:
        self.url = url
        self.requests = 0
        self.status = 200
        self.headers = {"Cache-Control": "public, max-age=19302, must-revalidate, no-transform"}
        self.answers = threading.Event()
        self.answers.set()
        self.give(*mints)

    def give(self, *mints: Mint) -> None:
        """Give out these keys and no others."""
        self.content = json.dumps({mint.key_id: mint.certificate for mint in mints}).encode()


@contextmanager
def run_key_server(*mints: Mint) -> Iterator[KeyServer]:
    """Give out the certificates of these mints for as long as the block lasts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.requests += 1
            keys.answers.wait(30)
            try:
                self._answer()
            except OSError:  # whoever asked has left
                self.close_connection = True

        def _answer(self) -> None:
            self.send_response(keys.status)
            for name, value in keys.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(keys.content)))
            self.end_headers()
            self.wfile.write(keys.content)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    keys = KeyServer(f"http://127.0.0.1:{server.server_port}/certs", *mints)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield keys
    finally:
        keys.answers.set()
        server.shutdown()
        thread.join()
        server.server_close()
