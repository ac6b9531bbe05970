"""What the service manager is told: ready, alive, and how it goes, over its socket.

First-party: one datagram of text, as sd_notify(3) describes. Without a service manager nothing is
sent. `WATCHDOG=1` is told by the loop that measures, after it wrote what was due or the disk said
why it takes nothing: never by a timer of its own.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

READY_SECONDS_MAX: Final = 2
"""How long a manager that is busy, as at boot, is waited for: whoever it did not hear that is ready
it ends and starts anew. Other words are told again, or change nothing: nobody waits for them."""


class Notifier:
    """Speaks to the service manager named in the environment, if there is one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")

    def ready(self, status: str) -> None:
        """The agent mended its spool and tried its first write; the meter read its settings."""
        self._tell(f"READY=1\nSTATUS={status}", READY_SECONDS_MAX)

    def alive(self, status: str) -> None:
        """What was due was written, or waits in memory for a disk that said why."""
        self._tell(f"WATCHDOG=1\nSTATUS={status}")

    def stopping(self) -> None:
        """The agent was asked to end and drains."""
        self._tell("STOPPING=1\nSTATUS=正在停止，写完余下内容。draining")

    def _tell(self, text: str, seconds_max: float = 0) -> None:
        if not self._address:
            return
        # "@" stands for the zero byte of an abstract socket.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifying:
            notifying.settimeout(seconds_max)
            with suppress(OSError):  # a manager that does not listen must not stop the measuring
                notifying.sendto(text.encode(), address)
