"""What the service manager is told: that every port answers, and that the server stops.

First-party: one datagram of text, as sd_notify(3) describes. Without a service manager nothing is
sent. There is no watchdog: what a timer in the event loop could say is not that calls are served.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

SECONDS_MAX: Final = 2
"""How long a manager that is busy is waited for: one that missed `READY=1` would start anew."""


class Notifier:
    """Speaks to the service manager named in the environment, if there is one."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")

    def ready(self, ports: Mapping[str, int]) -> None:
        """Every port listens; `ports` by family."""
        named = ", ".join(f"{family} {port}" for family, port in ports.items())
        self._tell(f"READY=1\nSTATUS=服务已就绪 serving: {named}")

    def stopping(self) -> None:
        """The server was asked to end and finishes what it took."""
        self._tell("STOPPING=1\nSTATUS=正在停止 stopping: calls in flight are finished")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        # "@" stands for the zero byte of an abstract socket.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notifying:
            notifying.settimeout(SECONDS_MAX)
            with suppress(OSError):  # a manager that does not listen must not stop the serving
                notifying.sendto(text.encode(), address)
