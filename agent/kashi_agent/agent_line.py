"""The meter's end of the line to the agent: sought again whenever it breaks, never waited for."""

import logging
from pathlib import Path

from kashi_agent.errors import MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import AgentMessage, MeterMessage
from kashi_agent.meter_socket import AskedConnection, connected

logger = logging.getLogger(__name__)


class AgentLine:
    """A connection to the agent, if there is one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unreachable = ""
        self.connection: AskedConnection | None = None
        """For select: readable when the agent asks for something; None while nobody listens."""

    def connect(self) -> bool:
        """Knock at the agent's door; whether it opened."""
        opened = connected(self._path, self._note_unreachable)
        if opened is None:
            return False
        self._unreachable = ""
        self.connection = AskedConnection(opened)
        return True

    def send(self, message: MeterMessage) -> None:
        """Send a line; an agent that does not take it is gone. Without an agent, nothing."""
        if self.connection is None:
            return
        try:
            self.connection.send(message)
        except LinkError:
            logger.exception("消息过长，未发送。A message was too long and is left out")
        except MeterError as error:
            self._hang_up(str(error))

    def received(self) -> list[AgentMessage]:
        """What the agent asks for; an agent that says what it must not is hung up on."""
        messages: list[AgentMessage] = []
        try:
            while self.connection is not None and (message := self.connection.receive(0)):
                messages.append(message)
        except (MeterError, LinkError) as error:
            self._hang_up(str(error))
        return messages

    def close(self) -> None:
        """Say nothing more."""
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def _hang_up(self, why: str) -> None:
        logger.info("代理已离开。The agent has gone: %s", why)
        self.close()

    def _note_unreachable(self, why: str) -> None:
        """Log that nobody listens, once as long as the reason stays the same."""
        if why != self._unreachable:
            self._unreachable = why
            logger.info("尚无代理接听，等它启动。The meter waits: no agent listens at %s", why)
