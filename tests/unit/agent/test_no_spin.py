"""Whatever clocks do, no loop spins: its turns are counted on clocks that the test moves."""

import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from driven_host import driven
from kashi_agent import meter_loop
from kashi_agent.daemon import TICK_SECONDS, Daemon, Pace
from kashi_agent.meter_loop import MeterLoop, MeterSettings, Outcome
from kashi_agent.meter_watch import MeterView, MeterWatch
from kashi_agent.notify import Notifier
from kashi_agent.sample import MeterKind

CADENCE_MS = 1_000
HOUR_MS = 3_600_000


class SteppingClock:
    """CLOCK_BOOTTIME that moves as long as one waits, and leaps at some waits."""

    def __init__(self, leaps: dict[int, int]) -> None:
        self.now_ms = 123_456
        self.waits: list[int] = []
        self._leaps = leaps

    def __call__(self) -> int:
        """Milliseconds."""
        return self.now_ms

    def wait(self, seconds: float) -> None:
        """Time passes, and more where the machine slept meanwhile."""
        self.waits.append(round(seconds * 1_000))
        self.now_ms += self.waits[-1] + self._leaps.get(len(self.waits), 0)


def still_loop(clock: SteppingClock, path: Path, wake: socket.socket) -> MeterLoop:
    """A meter's loop whose agent is not there; nothing of a driver is ever touched."""
    nobody = SimpleNamespace(busy=False, answer=lambda: None, end=lambda: None)
    alone = SimpleNamespace(runs=False, wanted=lambda *_: False)
    return MeterLoop(
        MeterSettings(
            kind=MeterKind.NVML,
            socket_path=path,
            cadence_ms=CADENCE_MS,
            retry_ms=1_000,
            hung_ms=1_000,
            pid=1,
        ),
        lambda: pytest.fail("nobody asked for a reading"),
        clock,
        wake,
        cast("Any", nobody),
        cast("Any", alone),
        lambda: None,
        cast("Any", None),
    )


@pytest.mark.parametrize("leaps", [{}, {5: HOUR_MS}, {5: 7, 9: 24 * HOUR_MS, 10: 999}])
def test_a_meter_waits_once_a_tick_whatever_its_clock_does(
    leaps: dict[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sleep and leaps of the clock are made up for by no tick and no wait of nothing: each wait is
    up to the next whole second, 60 of them a minute awake."""
    clock = SteppingClock(leaps)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        loop = still_loop(clock, tmp_path / "nobody.sock", ours)

        def select(*arguments: Any) -> tuple[list[object], list[object], list[object]]:
            clock.wait(arguments[3])
            if len(clock.waits) == 60:
                loop.stop()
            assert len(clock.waits) < 100, "it waits and waits"
            return [], [], []

        monkeypatch.setattr(meter_loop, "select", SimpleNamespace(select=select))
        outcome = loop.run()

    assert outcome is Outcome.STOPPED
    assert len(clock.waits) == 60
    assert min(clock.waits) > 0
    assert all(span_ms == CADENCE_MS for span_ms in quiet(clock.waits, leaps))


def quiet(waits: list[int], leaps: dict[int, int]) -> Iterable[int]:
    """Waits that begin on a whole second: neither the first nor one after a leap."""
    return (span for number, span in enumerate(waits, 1) if number > 1 and number - 1 not in leaps)


class CountingSelector:
    """Returns at once, as if nothing had come within the time it was given."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        self.given: list[float] = []
        self._passes = passes

    def select(self, timeout: float) -> list[object]:
        """Nothing."""
        self.given.append(timeout)
        self._passes(timeout)
        return []


def test_the_agent_turns_once_a_second_whatever_its_clocks_do() -> None:
    """An hour forth and back on the wall clock, a night asleep: each turn waits its second, writes
    come no oftener than they are due, and the server is called no oftener."""
    host = driven()
    moves = {
        20: lambda: host.clock.step(HOUR_MS),
        40: lambda: host.clock.step(-2 * HOUR_MS),
        60: lambda: host.clock.suspend(8 * HOUR_MS),
        80: lambda: host.clock.step(HOUR_MS),
    }
    calls: list[int] = []

    def submit(wires: object) -> object:
        calls.append(host.clock.boottime)
        return host.server.submit(cast("Any", wires))

    watch = SimpleNamespace(turn=lambda: None, view=MeterView())
    daemon = Daemon(
        agent=host.agent,
        watch=cast("MeterWatch", watch),
        wire=cast("Any", SimpleNamespace(submit=submit)),
        notifier=Notifier({}),
        publish=lambda _view: cast("Any", SimpleNamespace(line="")),
        pace=Pace(interval_ms=300_000, random=Random(1)),
    )
    selector = CountingSelector(lambda seconds: host.clock.advance(int(seconds * 1_000)))
    for turn in range(200):
        moves.get(turn, lambda: None)()
        daemon._turn(cast("Any", selector))
        if daemon._flying is not None:
            daemon._flying[1].result(timeout=30)

    assert selector.given == [TICK_SECONDS] * 200
    assert host.agent.recorder.flushes <= 200 // 8 + len(moves) + 1
    assert len(calls) <= 200 // 10
    daemon._network.shutdown()
    daemon._wake.close()
    daemon._woken.close()
