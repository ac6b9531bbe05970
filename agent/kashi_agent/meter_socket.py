"""The agent's Unix sockets: it listens, its meter and the `release` command connect.

One meter at a time: a newer connection replaces the older one, for the older one's process is dead
or hung. Only root and the user the agent runs as may measure; the kernel says who called.
Both ends are blocking sockets with a stated timeout and a `fileno`, for threads and for selectors.
"""

import logging
import os
import socket
import stat
import struct
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Self, TypeVar

from kashi_agent.errors import MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import (
    LINE_BYTES_MAX,
    AgentMessage,
    MeterMessage,
    decode_agent_message,
    decode_meter_message,
    encode_message,
)

Heard = TypeVar("Heard")
Said = TypeVar("Said", bound=MeterMessage | AgentMessage)
Line = TypeVar("Line")

RECEIVE_BYTES = 1 << 16
"""Taken from the kernel at once."""

SEND_SECONDS = 5
"""How long a line may take to leave: a peer that reads nothing for so long is gone."""

REFUSED_SECONDS: Final = 0.1
"""After the system let nobody in; short, for samples come in by the same loop."""

logger = logging.getLogger(__name__)


class LineBuffer:
    """Bytes in, whole lines out; refuses a line that grows past its bound."""

    def __init__(self, bytes_max: int = LINE_BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._begun = bytearray()
        self._lines: deque[bytes] = deque()

    def feed(self, chunk: bytes) -> None:
        """Take what the socket gave. LinkError when a line is too long."""
        *whole, rest = (bytes(self._begun) + chunk).split(b"\n")
        self._begun = bytearray(rest)
        if max(map(len, [*whole, rest])) >= self._bytes_max:
            most = self._bytes_max
            raise LinkError(f"超过 {most} 字节仍未结束。Over {most} bytes without an end", "line")
        self._lines.extend(whole)

    def next_line(self) -> bytes | None:
        """The oldest whole line not yet taken; None when there is none."""
        return self._lines.popleft() if self._lines else None


class Connection(Generic[Heard, Said]):
    """One end of a connection over which whole messages pass."""

    decode: Callable[[bytes], Heard]
    """What the other end may say."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = LineBuffer()

    def fileno(self) -> int:
        """For selectors: readable when `receive` has something new to read."""
        return self._socket.fileno()

    def receive(self, timeout_s: float) -> Heard | None:
        """The next message; None when none came in time.

        MeterError when the other end has gone, LinkError when it says what it must not: in both
        cases the connection is to be closed and the next one awaited.
        """
        while (line := self._buffer.next_line()) is None:
            self._socket.settimeout(timeout_s)
            try:
                chunk = self._socket.recv(RECEIVE_BYTES)
            except (TimeoutError, BlockingIOError):
                return None
            except OSError as error:
                raise MeterError(f"连接中断：{error}。The connection broke: {error}") from error
            if not chunk:
                raise MeterError("对方进程关闭了连接。The other process closed the connection")
            self._buffer.feed(chunk)
        return self.decode(line)

    def send(self, message: Said) -> None:
        """Say something. MeterError when the other end has gone or does not listen."""
        self._socket.settimeout(SEND_SECONDS)
        try:
            self._socket.sendall(encode_message(message))
        except OSError as error:
            raise MeterError(
                f"对方进程不接收：{error}。The other process does not listen: {error}"
            ) from error

    def peer_uid(self) -> int:
        """The user of the process at the other end, as the kernel knows it."""
        return peer_uid(self._socket)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MeterConnection(Connection[MeterMessage, AgentMessage]):
    """The end of whoever asks: the agent towards a meter, a command towards the agent."""

    decode = staticmethod(decode_meter_message)


class AskedConnection(Connection[AgentMessage, MeterMessage]):
    """The end of whoever is asked: a meter towards the agent, the agent towards a command."""

    decode = staticmethod(decode_agent_message)


class Listener(Generic[Line]):
    """The agent's end: the socket file, and who may come in by it.

    `allowed_uids` None: whoever the file's permissions let in, which is the agent's group.
    """

    def __init__(
        self, path: Path, line: Callable[[socket.socket], Line], allowed_uids: frozenset[int] | None
    ) -> None:
        self.path = path
        self._line = line
        self._allowed_uids = allowed_uids
        self._socket = _bound(path)

    def fileno(self) -> int:
        """For selectors: readable when a meter knocks."""
        return self._socket.fileno()

    def accept(self, timeout_s: float) -> Line | None:
        """The next caller that may come in; None when none came in time."""
        self._socket.settimeout(timeout_s)
        try:
            connection, _ = self._socket.accept()
        except (TimeoutError, BlockingIOError):
            return None
        except OSError as error:
            # Who knocks keeps on knocking: without a pause a process that may open nothing more
            # (EMFILE) would do nothing but look.
            said = "%s 无法接入。Nobody can come in: %s"
            logger.warning(said, self.path, error.strerror)
            time.sleep(REFUSED_SECONDS)
            return None
        if self._allowed_uids is None or peer_uid(connection) in self._allowed_uids:
            return self._line(connection)
        connection.close()
        return None

    def close(self) -> None:
        """Stop listening and take the socket file away."""
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MeterListener(Listener[MeterConnection]):
    """Where meters come in: of root and of the user the agent runs as, unless told otherwise."""

    def __init__(self, path: Path, allowed_uids: frozenset[int] | None = None) -> None:
        ours = frozenset({0, os.geteuid()})
        super().__init__(path, MeterConnection, ours if allowed_uids is None else allowed_uids)


class CommandListener(Listener[AskedConnection]):
    """Where commands come in: of root and of the agent's group, by the file's permissions."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, AskedConnection, None)


def connected(path: Path, on_refusal: Callable[[str], None]) -> socket.socket | None:
    """The caller's end: a connection to the agent, or None while nobody listens there."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(os.fspath(path))
    except OSError as error:
        connection.close()
        on_refusal(f"{path}: {error.strerror or error}")
        return None
    connection.settimeout(SEND_SECONDS)
    return connection


def peer_uid(connection: socket.socket) -> int:
    """The user of the process at the other end, as the kernel knows it."""
    credentials = connection.getsockopt(
        socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")
    )
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)


def _bound(path: Path) -> socket.socket:
    """A listening socket at `path`, group-accessible; a dead agent's socket file is replaced."""
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise MeterError(
            f"{path} 不是套接字；请移走，或另选路径。"
            f"{path} is not a socket; move it away or choose another path"
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listening.bind(os.fspath(path))
        path.chmod(0o660)
        listening.listen(2)
    except OSError as error:
        listening.close()
        raise MeterError(
            f"无法在 {path} 监听：{error}。Cannot listen at {path}: {error}"
        ) from error
    return listening
