"""A proxy before a server that can stop forwarding, as a network does that is out of reach."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_PIECE: Final = 65_536


class OutageProxy:
    """Forwards connections to a server, as long as it is not told otherwise.

    Attributes
    ----------
    host : str
        Where it listens, as ``127.0.0.1:port``.
    """

    def __init__(self, target: str) -> None:
        address, _, port = target.rpartition(":")
        self._target = (address, int(port))
        self._flows = threading.Event()
        self._flows.set()
        self._is_closed = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = self._listen(0)
        self._port = int(self._listener.getsockname()[1])
        self.host = f"127.0.0.1:{self._port}"

    def stop(self) -> None:
        """Hold every byte, both ways; connections stay, and new ones are taken and held too."""
        self._flows.clear()

    def refuse(self) -> None:
        """Break every connection and take no new one."""
        self._flows.clear()
        _shut(self._listener)
        with self._lock:
            connections, self._open = self._open, set()
        for connection in connections:
            _shut(connection)

    def resume(self) -> None:
        """Forward again, what was held first."""
        if self._listener.fileno() == -1:
            self._listener = self._listen(self._port)
        self._flows.set()

    def close(self) -> None:
        self._is_closed = True
        self.refuse()
        self._flows.set()

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port), backlog=128)
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return listener

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._connect, args=(near,), daemon=True).start()

    def _connect(self, near: socket.socket) -> None:
        with self._lock:
            self._open.add(near)
        self._flows.wait()
        try:
            far = socket.create_connection(self._target, timeout=10)
        except OSError:
            _shut(near)
            return
        far.settimeout(None)
        with self._lock:
            self._open.add(far)
        threading.Thread(target=self._pump, args=(near, far), daemon=True).start()
        self._pump(far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # one of the two is gone
            while piece := source.recv(_PIECE):
                self._flows.wait()
                if self._is_closed:
                    break
                sink.sendall(piece)
        with self._lock:
            self._open -= {source, sink}
        _shut(source)
        _shut(sink)


@contextmanager
def run_outage_proxy(target: str) -> Iterator[OutageProxy]:
    """A proxy before ``host:port``, for as long as the block lasts."""
    proxy = OutageProxy(target)
    try:
        yield proxy
    finally:
        proxy.close()


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it in another thread
    connection.close()
