"""An HTTP proxy that knows CONNECT alone, as companies have at their edge."""

import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field

PIECE_BYTES = 65_536


@dataclass(slots=True)
class ConnectProxy:
    """Listens on loopback; `targets` are the places it was asked for."""

    targets: list[str] = field(default_factory=list)
    listener: socket.socket = field(init=False)
    _open: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self) -> None:
        """Hang up on everybody."""
        self.listener.close()
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self._open.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(PIECE_BYTES)
            if not piece:
                return
            head += piece
        method, target, _ = head.split(b" ", 2)
        assert method == b"CONNECT", head
        self.targets.append(target.decode())
        host, _, port = target.decode().rpartition(":")
        server = socket.create_connection((host, int(port)))
        self._open.append(server)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=_pump, args=(client, server), daemon=True).start()
        _pump(server, client)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(PIECE_BYTES):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
