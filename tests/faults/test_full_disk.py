"""The real agent, measured by its service manager, on a real disk that runs full; and under the
filter of system calls that its own unit sets."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import unit_filter
from agent_process import AgentProcess
from fakes.nvml.scenario import Device, Scenario
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock, read_discipline
from kashi_agent.reading import GapReason, HostEventKind
from metered_agent import MeteredAgent, events_of, gap_ms, metered_agent

CARD = Device(uuid="GPU-00000000-0000-4000-8000-000000000000")
UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "kashi-agent.service"
WAIT_SECONDS = 60
BLOCK = bytes(1 << 16)


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """The service manager's end of the socket that the agent tells how it is."""
    with (
        tempfile.TemporaryDirectory(prefix="kashi-manager-") as short,
        closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening,
    ):
        listening.bind(f"{short}/notify")
        listening.settimeout(WAIT_SECONDS)
        yield listening


@pytest.fixture
def host(
    shared: KashiServer,
    agents: Callable[[Path], AgentProcess],
    tmp_path: Path,
    manager: socket.socket,
) -> Iterator[MeteredAgent]:
    """A host with its state on a file system of 32 MiB and 256 files, not started."""
    state = tmp_path / "host" / "state"
    state.mkdir(parents=True)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=32m,nr_inodes=256", "kashi-test", str(state)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here: run as root")
    made = metered_agent(
        shared,
        agents,
        tmp_path / "host",
        lambda device: Scenario(devices=(CARD,), opens=(device,)),
        start_boottime_ms=SystemClock().boottime_ms(),
    )
    made.process.environment = {
        **made.process.environment,
        "NOTIFY_SOCKET": str(manager.getsockname()),
    }
    yield made
    made.process.end()
    subprocess.run(["umount", str(state)], check=True)


def told(manager: socket.socket, words: bytes) -> bytes:
    """The next word to the service manager that says this."""
    while words not in (note := manager.recv(4096)):
        continue
    return note


def fill(state: Path, manager: socket.socket, times: int) -> list[bytes]:
    """Take all room there is, also what the agent gives up or frees, until it said so often enough
    that it finds none; its words."""
    said: list[bytes] = []
    manager.setblocking(False)
    with (state / "filler").open("ab", buffering=0) as filler:
        while len(said) < times:
            with suppress(OSError):
                filler.write(BLOCK)
            try:
                note = manager.recv(4096)
            except BlockingIOError:
                continue
            said += [note] if b"takes nothing" in note else []
    manager.settimeout(WAIT_SECONDS)
    return said


def test_a_full_disk_neither_ends_the_agent_nor_loses_a_millisecond(
    host: MeteredAgent, manager: socket.socket
) -> None:
    """It names file and reason to a service manager that goes on hearing that it lives; with
    room again everything measured meanwhile is written, sealed and delivered, without a gap."""
    state = host.process.state
    host.process.start()
    told(manager, b"READY=1")
    host.measuring()
    alive = fill(state, manager, times=2)
    (state / "filler").unlink()
    host.process.until(lambda status: not status.trouble and status.waiting_readings == 0)
    host.process.stop()

    assert all(note.startswith(b"WATCHDOG=1\n") for note in alive)
    assert all(f"takes nothing: {state}/spool/".encode() in note for note in alive)
    stretches = host.sealed()
    assert gap_ms(stretches) == {}
    assert events_of(stretches, HostEventKind.DISK_FULL)


def test_a_disk_without_a_free_inode_neither_ends_the_agent_nor_loses_a_millisecond(
    host: MeteredAgent, manager: socket.socket
) -> None:
    """No file can be made any more: what stands open is written on, and nothing breaks off."""
    state = host.process.state
    host.process.start()
    host.measuring()
    crowd = state / "crowd"
    crowd.mkdir()
    with suppress(OSError):
        for number in range(1_000):
            (crowd / str(number)).touch()
    with pytest.raises(OSError, match="No space left"):
        (crowd / "another").touch()
    told(manager, b"WATCHDOG=1")
    told(manager, b"WATCHDOG=1")
    told(manager, b"WATCHDOG=1")
    shutil.rmtree(crowd)
    host.measuring()
    host.process.stop()

    assert gap_ms(host.sealed()) == {}


def test_the_agent_lives_under_the_filter_of_its_own_unit(host: MeteredAgent) -> None:
    """Every call that it makes from its start over measuring, sealing and delivering to its end is
    one that its unit allows; and its clock tells it what it tells everybody."""
    if shutil.which("systemd-analyze") is None or not unit_filter.usable():
        pytest.skip("systemd-analyze or libseccomp is absent: install systemd")
    host.process.launcher = (sys.executable, unit_filter.__file__, str(UNIT))
    host.process.start()
    host.measuring()
    host.process.until(lambda status: status.last_answer_utc_ms is not None)
    status = host.process.until(lambda status: status.durable_flushes > 1)
    host.process.stop()

    assert status.clock == read_discipline().sync.name.lower()
    assert gap_ms(host.sealed()).keys() <= {GapReason.SAMPLES_MISSING}
