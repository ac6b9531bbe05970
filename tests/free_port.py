"""A port that stays free while whoever had it is down."""

import socket
from random import SystemRandom

PORTS_FIRST = 20_000
PORTS_LAST = 32_000
"""Below what Linux hands out by itself: nobody is given these while the server is down."""


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    while True:
        port = SystemRandom().randrange(PORTS_FIRST, PORTS_LAST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
