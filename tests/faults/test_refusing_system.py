"""A system that refuses: no file can be opened any more (EMFILE), or the file system under the
spool went read-only, as one does that met an error. Nothing measured is lost, the agent says so,
and it goes on by itself when it can.
"""

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from driven_host import Driven, driven
from kashi_agent.agent import Agent
from kashi_agent.meter_socket import MeterListener, connected
from kashi_agent.reading import HostEventKind
from kashi_agent.unsealing import unseal
from metered_agent import events_of, gap_ms
from simulated_days import LongHost

READING = frozenset({"read", "names", "size"})
MINUTES = 7


@contextmanager
def no_file_can_be_opened() -> Iterator[None]:
    """This process has all files open that it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    probe = os.open(os.devnull, os.O_RDONLY)
    os.close(probe)
    resource.setrlimit(resource.RLIMIT_NOFILE, (probe, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def says_so_and_loses_nothing(agent: Agent) -> None:
    """Every device's time is observed without a gap, and the reason of the delay is on record."""
    stretches = [
        unseal(agent.spool.sealed.read(entry).wire) for entry in agent.spool.sealed.entries()
    ]
    assert gap_ms(stretches) == {}
    (told,) = events_of(stretches, HostEventKind.DISK_FULL)
    assert told.detail.startswith("缓存写不进内容。The spool takes nothing: ")


def test_an_agent_that_may_open_no_file_measures_on(tmp_path: Path) -> None:
    """Real files, a real limit: writes, seals and calls fail, and are made up for."""
    host = LongHost(tmp_path)
    recorder = host.agent.recorder
    durable = []
    with no_file_can_be_opened():
        for _ in range(MINUTES):
            host.observe_a_minute()
            durable.append(host.agent.record())
            host.ship()
        assert "Too many open files" in recorder.last_trouble
    assert not any(durable)
    for _ in range(MINUTES):
        host.observe_a_minute()
        assert host.agent.record()
        host.ship()
    host.agent.finish()
    host.ship()

    assert host.agent.spool.sealed.unacknowledged == 0
    says_so_and_loses_nothing(host.agent)
    host.agent.close()


def read_only(host: Driven) -> None:
    """Whatever writes is refused from now on."""

    def refuse(operation: str, _name: str) -> OSError | None:
        return None if operation in READING else OSError(errno.EROFS, os.strerror(errno.EROFS))

    host.disk.fail = refuse


def test_a_file_system_that_went_read_only_loses_nothing() -> None:
    """It is mounted for writing again, and everything is there."""
    host = driven()
    host.live(400)
    host.ship()
    read_only(host)
    host.live(400)
    assert "Read-only file system" in host.agent.recorder.last_trouble
    host.disk.fail = lambda _operation, _name: None
    host.live(400)
    host.agent.finish()
    host.ship()

    assert host.agent.spool.sealed.unacknowledged == 0
    says_so_and_loses_nothing(host.agent)


def test_hours_on_a_small_disk_lose_nothing() -> None:
    """A quota that the frames of three hours exceed many times over: coarsened, and all there."""
    host = driven()
    host.live(60)
    host.disk.bytes_max = host.disk.used + 40_000
    for _ in range(3 * 3_600 // 16):
        for _ in range(4):
            host.clock.advance(4_000)
            host.sample()
        host.agent.record()
    host.disk.bytes_max = None
    host.live(600)
    host.ship()

    for account in host.server.accounts().values():
        assert account.gap_ms == 0
        assert len(account.spans) > 3


def test_who_knocks_while_no_file_can_be_opened_comes_in_later(tmp_path: Path) -> None:
    """The agent lives on, and does not spin: the meter waits at the door."""
    path = tmp_path / "m.sock"
    with MeterListener(path) as listener:
        knocking = connected(path, pytest.fail)
        assert knocking is not None
        with knocking:
            with no_file_can_be_opened():
                assert listener.accept(0) is None
            line = listener.accept(1)
            assert line is not None
            line.close()
