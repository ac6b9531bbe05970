"""The thread that calls into vendors' libraries."""

import socket
import threading
from collections.abc import Iterator

import pytest
from kashi_agent.vendor_thread import VendorThread


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends that wake the main loop."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        yield ours, theirs


def test_an_answer_wakes_and_is_fetched_once(pair: tuple[socket.socket, socket.socket]) -> None:
    """The main loop is woken by a byte and then finds the value."""
    ours, theirs = pair
    thread = VendorThread(theirs)
    thread.ask(lambda: 42)

    assert ours.recv(1)
    answer = thread.answer()
    assert answer is not None
    assert (answer.value, answer.error) == (42, None)
    assert thread.answer() is None
    thread.end()


def test_an_error_is_an_answer(pair: tuple[socket.socket, socket.socket]) -> None:
    """What a call raises reaches whoever asked, and the thread goes on."""
    ours, theirs = pair
    thread = VendorThread(theirs)
    thread.ask(lambda: 1 // 0)

    assert ours.recv(1)
    answer = thread.answer()
    assert answer is not None
    assert isinstance(answer.error, ZeroDivisionError)
    thread.ask(lambda: "still here")
    assert thread.answer(10) is not None
    thread.end()


def test_a_call_under_way_is_waited_for_by_nobody(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """While a call hangs, looking for its answer returns at once, and a second is refused."""
    _, theirs = pair
    thread = VendorThread(theirs)
    entered, leave = threading.Event(), threading.Event()

    def stuck() -> None:
        entered.set()
        leave.wait()

    thread.ask(stuck)
    entered.wait(10)

    assert thread.busy
    assert thread.answer() is None
    assert thread.answer(0.01) is None
    with pytest.raises(ValueError, match="one call"):
        thread.ask(stuck)
    leave.set()
    assert thread.answer(10) is not None
    assert not thread.busy
    thread.end()
