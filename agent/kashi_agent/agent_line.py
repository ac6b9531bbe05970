"""The meter's end of the line to the agent: sought again whenever it breaks, never waited for."""

import logging
import socket
from pathlib import Path

from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import (
    AgentMessage,
    MeterMessage,
    decode_agent_message,
    encode_meter_message,
)
from kashi_agent.meter_socket import RECEIVE_BYTES, LineBuffer, connected

logger = logging.getLogger(__name__)


class AgentLine:
    """A connection to the agent, if there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._lines = LineBuffer()
        self._unreachable = ""

    @property
    def socket(self) -> socket.socket | None:
        """For select: readable when the agent asks for something; None while nobody listens."""
        return self._socket

    def connect(self) -> bool:
        """Knock at the agent's door; whether it opened."""
        self._socket = connected(self._path, self._note_unreachable)
        if self._socket is None:
            return False
        self._unreachable = ""
        self._lines = LineBuffer()
        return True

    def send(self, message: MeterMessage) -> None:
        """Send a line; an agent that does not take it is gone. Without an agent, nothing."""
        if self._socket is None:
            return
        try:
            self._socket.sendall(encode_meter_message(message))
        except LinkError:
            logger.exception("a message was too long and is left out")
        except OSError as error:
            self._hang_up(str(error))

    def received(self) -> list[AgentMessage]:
        """What the agent asks for; an agent that says what it must not is hung up on."""
        messages: list[AgentMessage] = []
        if self._socket is None:
            return messages
        try:
            chunk = self._socket.recv(RECEIVE_BYTES)
            if not chunk:
                self._hang_up("it closed the connection")
            self._lines.feed(chunk)
            while (line := self._lines.next_line()) is not None:
                messages.append(decode_agent_message(line))
        except (OSError, LinkError) as error:
            self._hang_up(str(error))
        return messages

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None

    def _hang_up(self, why: str) -> None:
        logger.info("the agent has gone: %s", why)
        self.close()

    def _note_unreachable(self, why: str) -> None:
        """Log that nobody listens, once as long as the reason stays the same."""
        if why != self._unreachable:
            self._unreachable = why
            logger.info("no agent listens at %s", why)
