"""What the server tells a service manager, over real datagram sockets."""

import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from secrets import token_hex

import pytest
from kashi_server.notify import Notifier

SECONDS_MAX = 60


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's socket, by the name that it gives in NOTIFY_SOCKET."""
    with (
        tempfile.TemporaryDirectory(prefix="kashi-manager-") as short,
        closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening,
    ):
        name = f"{short}/notify" if request.param == "path" else f"@kashi-{token_hex(8)}"
        listening.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        listening.settimeout(SECONDS_MAX)
        yield name, listening


def test_a_manager_hears_that_it_is_ready_and_that_it_stops(
    manager: tuple[str, socket.socket],
) -> None:
    """One datagram each, with a line for `systemctl status`."""
    name, listening = manager
    notifier = Notifier({"NOTIFY_SOCKET": name})

    notifier.ready({"metering": 7443, "portal": 7445})
    notifier.stopping()

    first, second = (listening.recv(4096).decode().splitlines() for _time in range(2))
    assert first[0] == "READY=1"
    assert first[1].startswith("STATUS=")
    assert first[1].endswith("metering 7443, portal 7445")
    assert second[0] == "STOPPING=1"
    assert len(first) == len(second) == 2


@pytest.mark.parametrize("name", [None, "", "/no/such/socket", "@kashi-no-such-abstract-socket"])
def test_without_a_manager_that_listens_nothing_is_told(name: str | None) -> None:
    """No variable, an empty one, or a socket that nobody reads: no word and no error."""
    notifier = Notifier({} if name is None else {"NOTIFY_SOCKET": name})

    notifier.ready({"metering": 7443})
    notifier.stopping()
