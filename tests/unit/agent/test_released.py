"""The release that stands: over restarts, not over reboots, and never without an end."""

from pathlib import Path

import pytest
from kashi_agent.cli import main
from kashi_agent.released import ReleaseBook

from deploy.demo.manual_clock import ManualClock

BOOT = bytes(range(16))


def a_clock(boot: bytes = BOOT) -> ManualClock:
    """An hour after boot."""
    return ManualClock(boottime=3_600_000, monotonic=3_600_000, utc=1_800_000_000_000, boot=boot)


def test_a_release_stands_until_it_is_ended(tmp_path: Path) -> None:
    """Time runs down to nothing; that it is over is for the agent to act on."""
    clock = a_clock()
    book = ReleaseBook(tmp_path / "release.json", clock)
    never = (book.stands, book.left_ms)

    book.begin(600_000)
    clock.advance(599_999)
    nearly = (book.stands, book.left_ms)
    clock.advance(5_000)
    over = (book.stands, book.left_ms)
    book.end()

    assert never == (False, 0)
    assert nearly == (True, 1)
    assert over == (True, 0)
    assert not book.stands
    assert not (tmp_path / "release.json").exists()


def test_it_outlives_the_agent_and_not_the_boot(tmp_path: Path) -> None:
    """The next agent of this boot finds what is left; after a reboot nothing is released."""
    clock = a_clock()
    ReleaseBook(tmp_path / "release.json", clock).begin(600_000)
    clock.advance(60_000)

    again = ReleaseBook(tmp_path / "release.json", clock)
    rebooted = ReleaseBook(tmp_path / "release.json", a_clock(bytes(16)))

    assert (again.stands, again.left_ms) == (True, 540_000)
    assert not rebooted.stands


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"boot_id": 5}', b"null"])
def test_a_damaged_file_releases_nothing(tmp_path: Path, content: bytes) -> None:
    """Nothing is left unmeasured because of a file that is broken."""
    path = tmp_path / "release.json"
    path.write_bytes(content)

    assert not ReleaseBook(path, a_clock()).stands


@pytest.mark.parametrize(
    "until", ["90000001", "1e400", "-Infinity", "NaN", "true", '"90000000"', "1"]
)
def test_a_file_releases_for_no_longer_than_a_command_can(tmp_path: Path, until: str) -> None:
    """At most 24 hours from now are left of any release, and what is over is over: whatever a file
    says, measuring goes on by itself."""
    path = tmp_path / "release.json"
    path.write_text(f'{{"boot_id": "{BOOT.hex()}", "until_boottime_ms": {until}}}')

    assert ReleaseBook(path, a_clock()).left_ms == 0


def test_a_disk_that_takes_nothing_does_not_hinder_a_release(tmp_path: Path) -> None:
    """It holds as long as the agent lives."""
    book = ReleaseBook(tmp_path / "nowhere" / "release.json", a_clock())

    book.begin(1_000)
    stood = book.stands
    book.end()

    assert stood
    assert not book.stands


@pytest.mark.parametrize("text", ["10", "0s", "25h", "-5m", "1.5h", "9999999999s", "m", ""])
def test_a_time_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Exit code 2, and the option that is wrong."""
    with pytest.raises(SystemExit) as ended:
        main(["release", f"--for={text}"])

    assert ended.value.code == 2
    assert "--for" in capsys.readouterr().err


def test_release_says_a_length_or_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Both at once mean nothing."""
    with pytest.raises(SystemExit) as ended:
        main(["release", "--end", "--for", "5m"])

    assert ended.value.code == 2
    assert "not allowed with" in capsys.readouterr().err
