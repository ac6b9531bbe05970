"""When a second process may read beside one whose call hangs, and how the kernel shows the wait."""

import sys
from pathlib import Path

import pytest
from kashi_agent.stand_in import StandIn
from kashi_agent.vendor_thread import state_of

WAITS = [sys.executable, "-c", "import sys; sys.stdin.read(); import time; time.sleep(60)"]


def test_patience_is_counted_while_the_wait_is_safe_and_no_longer() -> None:
    """Half a minute in state S, at work at times; a look at D begins it anew."""
    stand_in = StandIn(WAITS, 30_000)

    looks = [
        (0, "S"),
        (29_000, "S"),
        (29_500, "D"),
        (30_000, "S"),
        (45_000, "R"),
        (59_999, "S"),
        (60_000, "R"),
        (60_500, "S"),
    ]

    assert [stand_in.wanted(at, state) for at, state in looks] == [False] * 7 + [True]


@pytest.mark.parametrize("state", ["D", "R", "T", "Z", ""])
def test_no_other_wait_is_safe(state: str) -> None:
    """A thread that the kernel holds, or that runs, or of which nothing is known."""
    stand_in = StandIn(WAITS, 0)

    assert not any(stand_in.wanted(at, state) for at in range(0, 600_000, 1_000))


def test_one_stands_in_at_a_time_and_goes_when_asked() -> None:
    """Started once a hang; ended by SIGTERM, never by force."""
    stand_in = StandIn(WAITS, 0)
    assert stand_in.wanted(0, "S")
    before = stand_in.runs

    pid = stand_in.start()
    running = stand_in.runs
    again = stand_in.wanted(1, "S")
    stand_in.end()
    started = stand_in._started
    assert started is not None
    code = started.wait(10)

    assert (before, running, again) == (False, True, False)
    assert pid == started.pid
    assert code == -15
    assert not stand_in.runs


def test_a_stand_in_has_none() -> None:
    """Without a command nobody is ever wanted."""
    stand_in = StandIn(None, 0)

    assert not stand_in.wanted(0, "S")
    assert not stand_in.wanted(10, "S")
    stand_in.end()


def test_the_kernels_letter_follows_the_last_parenthesis(tmp_path: Path) -> None:
    """A process may be named like a state; a thread that has gone is in none that is safe."""
    folder = tmp_path / "self" / "task" / "7"
    folder.mkdir(parents=True)
    (folder / "stat").write_text("7 (a) S (b) D 1 7 7 0 -1\n", encoding="ascii")

    assert state_of(7, tmp_path) == "D"
    assert state_of(8, tmp_path) == ""
