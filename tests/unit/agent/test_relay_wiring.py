"""A relay process: what ends it."""

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kashi_agent.relay import wiring
from kashi_agent.relay.config import RelayConfig
from kashi_agent.relay.forwarding import Forwarder


class Listening:
    """A port that nobody calls."""

    port = 1

    def __init__(self, *_arguments: object) -> None:
        pass

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def kept_signals() -> Iterator[None]:
    """The handlers that the process sets are taken back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("kept_signals")
def test_a_relay_that_passes_nothing_on_any_more_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its forwarding breaks off: the process ends with the error, for the service manager to start
    it anew, instead of taking reports that nobody forwards."""

    def break_off(_self: Forwarder, _wake: threading.Event, _stopping: threading.Event) -> None:
        raise OverflowError("nobody thought of this")

    def identity(*_arguments: object) -> Any:
        return SimpleNamespace(host=lambda: SimpleNamespace(receipt_key=lambda: None))

    monkeypatch.setattr(Forwarder, "run", break_off)

    def watch(_notifier: object, _port: int, stopping: threading.Event) -> None:
        assert stopping.wait(20), "it goes on"

    monkeypatch.setattr(wiring, "_watch", watch)
    monkeypatch.setattr(wiring, "IdentityStore", identity)
    monkeypatch.setattr(wiring, "RelayPort", Listening)
    monkeypatch.setattr(wiring, "real_carrier", lambda *_: SimpleNamespace(close=lambda: None))

    with pytest.raises(OverflowError, match="nobody thought"):
        wiring.run_relay(RelayConfig(state_folder=tmp_path))
