"""A TCP proxy on loopback that can fall silent or reset its connections: the network between us and a server."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

# Closing sends a reset instead of an orderly end.
_RESET = struct.pack("ii", 1, 0)


class LoopbackProxy:
    """Passes connections to 127.0.0.1:`port` on to the unix socket `target`, until told otherwise."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._flows = threading.Event()
        self._flows.set()
        self._resets = False
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        """From now on nothing comes through and nothing is refused: connections hang, new ones too."""
        self._flows.clear()

    def reset(self) -> None:
        """Reset every connection, and every new one."""
        self._resets = True
        self._drop_all()

    def mend(self) -> None:
        """Pass on again. What hung meanwhile is reset, as by a firewall that has forgotten it."""
        self._resets = False
        self._drop_all()
        self._flows.set()

    def close(self) -> None:
        self._listener.close()
        self.mend()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._tracked(client):
            self._flows.wait()
            server = socket.socket(socket.AF_UNIX)
            with self._tracked(server), contextlib.suppress(OSError):
                if self._resets:
                    return
                server.connect(str(self._target))
                back = threading.Thread(target=self._pump, args=(server, client), daemon=True)
                back.start()
                self._pump(client, server)
                back.join()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                self._flows.wait()
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def _tracked(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)
            if self._resets:
                _reset_on_close(connection)
            connection.close()

    def _drop_all(self) -> None:
        with self._lock:
            for connection in self._open:
                _reset_on_close(connection)
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _reset_on_close(connection: socket.socket) -> None:
    if connection.family == socket.AF_INET:
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
