"""The socket between the processes: who may come in, and how lines are cut."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from kashi_agent.errors import MeterError
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import Hello, Resume, encode_message
from kashi_agent.meter_socket import LineBuffer, MeterListener, connected
from kashi_agent.sample import MeterKind

HELLO = Hello(pid=1, kind=MeterKind.NVML, cadence_ms=1_000)


@pytest.fixture
def path() -> Iterator[Path]:
    """A socket's path, short enough for the kernel."""
    with tempfile.TemporaryDirectory(prefix="kashi-") as folder:
        yield Path(folder) / "meter.sock"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_come_out_whole_however_the_bytes_came_in(size: int) -> None:
    """Chunks of any size give the same lines, in order, once each."""
    stream = b"first\n\nthird line\nfourth"
    buffer = LineBuffer()
    lines = []
    for begin in range(0, len(stream), size):
        buffer.feed(stream[begin : begin + size])
        while (line := buffer.next_line()) is not None:
            lines.append(line)

    assert lines == [b"first", b"", b"third line"]


def test_a_line_without_end_is_refused_at_its_bound() -> None:
    """A peer that never ends its line cannot fill the memory."""
    buffer = LineBuffer(bytes_max=100)
    buffer.feed(b"x" * 99)

    with pytest.raises(LinkError, match="100 bytes"):
        buffer.feed(b"x")


def test_messages_pass_both_ways(path: Path) -> None:
    """What the meter sends the agent receives, and the other way round."""
    with MeterListener(path) as listener:
        meter = connected(path, pytest.fail)
        assert meter is not None
        agent = listener.accept(5)
        assert agent is not None
        with meter, agent:
            meter.sendall(encode_message(HELLO) * 2)
            agent.send(Resume())

            assert [agent.receive(5), agent.receive(5), agent.receive(0)] == [HELLO, HELLO, None]
            assert meter.recv(100) == encode_message(Resume())


def test_a_meter_that_went_is_an_error_not_silence(path: Path) -> None:
    """Nothing in time is None; a closed connection raises."""
    with MeterListener(path) as listener:
        meter = connected(path, pytest.fail)
        assert meter is not None
        agent = listener.accept(5)
        assert agent is not None
        with agent:
            assert agent.receive(0.01) is None
            meter.close()

            with pytest.raises(MeterError, match="closed"):
                agent.receive(5)


def test_users_who_are_not_allowed_are_turned_away(path: Path) -> None:
    """The kernel says who knocks; others than root and the agent's user hear nothing."""
    with MeterListener(path, allowed_uids=frozenset({os.geteuid() + 1})) as listener:
        meter = connected(path, pytest.fail)
        assert meter is not None
        with meter:
            assert listener.accept(5) is None
            assert meter.recv(1) == b""


def test_the_socket_of_a_dead_agent_is_replaced(path: Path) -> None:
    """An agent that was killed leaves its socket file; the next one listens all the same."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(os.fspath(path))

    with MeterListener(path) as listener:
        meter = connected(path, pytest.fail)
        assert meter is not None
        with meter:
            agent = listener.accept(5)
            assert agent is not None
            agent.close()
    assert not path.exists()


def test_a_file_in_the_sockets_place_is_left_alone(path: Path) -> None:
    """What is not a socket is not taken away; the error names the path."""
    path.write_text("mine")

    with pytest.raises(MeterError, match="is not a socket"):
        MeterListener(path)
    assert path.read_text() == "mine"


def test_a_path_that_cannot_be_bound_is_told(path: Path) -> None:
    """A missing folder is an error that names the path."""
    with pytest.raises(MeterError, match=r"Cannot listen .*nowhere"):
        MeterListener(path.parent / "nowhere" / "meter.sock")


def test_while_no_agent_listens_there_is_no_connection(path: Path) -> None:
    """The meter learns why and tries again later."""
    why: list[str] = []

    assert connected(path, why.append) is None
    assert why == [f"{path}: No such file or directory"]
