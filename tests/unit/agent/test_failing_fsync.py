"""A disk whose fsync fails again and again: nothing is called durable, nothing grows, and when the
disk takes writes again nothing is missing."""

import errno
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from driven_host import Driven, driven
from fixtures_spool import SimulatedDisk
from kashi_agent.cli import main
from kashi_agent.clock import SystemClock
from kashi_agent.daemon import UNSEALED
from kashi_agent.doctor.running import look_at_agent
from kashi_agent.errors import AgentError, DiskFullError
from kashi_agent.spool.segments import SegmentLog
from sample_status import a_status

LABEL = b"host one"
KIND = 7
MINUTE_MS = 60_000
FILES_MORE_MAX = 3
"""The file that failed, the one it was written to anew, and the one being written."""

FRAME_BYTES_MAX = 8 << 10
"""More than an hour of two devices takes, whatever it is written in."""

Fail = Callable[[str, str], OSError | None]


def eio() -> OSError:
    """What the kernel says of a medium that refuses."""
    return OSError(errno.EIO, "Input/output error")


def never_durable(log: str) -> Fail:
    """Every file of a log can be begun, and what follows in it never becomes durable: the disk has
    bad places wherever it is written to."""
    synced: dict[str, int] = {}

    def fail(operation: str, name: str) -> OSError | None:
        if operation != "sync" or not name.startswith(log):
            return None
        synced[name] = synced.get(name, 0) + 1
        return eio() if synced[name] > 1 else None

    return fail


def never_removed(log: str) -> Fail:
    """As `never_durable`, and no file can be removed either."""
    sync = never_durable(log)

    def fail(operation: str, name: str) -> OSError | None:
        if operation == "remove" and name.startswith(log):
            return eio()
        return sync(operation, name)

    return fail


def opened(disk: SimulatedDisk) -> tuple[SegmentLog, list[bytes]]:
    """A log on a disk, and the payloads that opening it read."""
    payloads: list[bytes] = []
    log = SegmentLog(disk, "test", LABEL)
    log.open(lambda placed: payloads.append(placed.frame.payload))
    return log, payloads


def logs_files(disk: SimulatedDisk, log: str) -> int:
    """How many files a log has."""
    return sum(name.startswith(log) for name in disk.names())


@pytest.mark.parametrize("failures", range(1, 8))
def test_a_frame_is_durable_when_sync_says_so_however_often_it_failed(failures: int) -> None:
    """No file whose fsync failed is asked again: each try writes to another."""
    disk = SimulatedDisk(Random(failures))
    refuses, left = never_durable("test"), [eio() for _ in range(failures)]
    disk.fail = lambda operation, name: left.pop() if refuses(operation, name) and left else None
    log, _ = opened(disk)
    log.append(KIND, b"precious")
    while True:
        try:
            log.sync()
        except OSError:
            continue
        break
    disk.power_cut()

    assert opened(disk)[1] == [b"precious"]


def test_frames_that_a_kill_left_are_made_durable_before_they_are_counted_on() -> None:
    """A process died between writing and fsync: the next one reads the frame, and after its `sync`
    no power cut takes it."""
    for seed in range(20):
        disk = SimulatedDisk(Random(seed))
        log, _ = opened(disk)
        log.append(KIND, b"precious")
        disk.kill()
        again, read = opened(disk)
        again.sync()
        disk.power_cut()

        assert read == [b"precious"]
        assert opened(disk)[1] == [b"precious"]


def test_a_full_disk_and_a_forgotten_frame_cost_no_other() -> None:
    """What is appended after the disk was full goes on in the file that takes frames, and it stays:
    also where that file is the first and holds nothing durable yet."""
    disk = SimulatedDisk(Random(1))
    log, _ = opened(disk)
    log.begin_segment()
    disk.bytes_max = disk.used
    with pytest.raises(DiskFullError):
        log.append(KIND, b"does not fit")
    log.forget_unsynced()
    disk.bytes_max = None
    log.append(KIND, b"precious")
    log.sync()
    disk.power_cut()

    assert opened(disk)[1] == [b"precious"]


@pytest.mark.parametrize("operation", ["append", "sync", "remove", "sync_folder"])
def test_a_log_that_was_refused_often_takes_frames_again(operation: str) -> None:
    """Whatever the disk refused and however often: when it takes that again, so does the log, what
    was said to be durable is there, and no file but the last few was made."""
    disk = SimulatedDisk(Random(5))
    refuses = never_durable("test")
    log, _ = opened(disk)
    written = []
    for number in range(60):
        refused = 20 <= number < 40
        disk.fail = lambda called, name, refused=refused: (  # type: ignore[misc]  # bound now
            (eio() if called == operation else refuses(called, name)) if refused else None
        )
        try:
            log.append(KIND, b"%d" % number)
            log.sync()
        except OSError:
            log.forget_unsynced()
            continue
        written.append(b"%d" % number)
    disk.power_cut()

    assert written[:20] + written[-20:] == [b"%d" % n for n in [*range(20), *range(40, 60)]]
    assert set(written) <= set(opened(disk)[1])
    assert logs_files(disk, "test") <= 8


@pytest.mark.parametrize("fail", [never_durable, never_removed])
def test_an_hour_of_failing_writes_leaves_memory_and_disk_as_they_were(
    fail: Callable[[str], Fail],
) -> None:
    """Seven hundred writes: no frame is held for the disk beside what waits to be written, the
    journal's files and bytes stay bounded, nothing is called durable, and it is said why."""
    host = driven(segment_bytes=1 << 20)
    host.live(120)
    host.ship()
    files, used = logs_files(host.disk, "journal"), host.disk.used
    flushes = host.agent.recorder.flushes
    host.disk.fail = fail("journal")
    most_files = most_bytes = 0
    for _ in range(720):
        host.clock.advance(5_000)
        host.sample()
        assert not host.agent.record()
        most_files = max(most_files, logs_files(host.disk, "journal") - files)
        most_bytes = max(most_bytes, host.disk.used - used)
        assert not host.agent.spool.journal._log._unsynced

    assert most_files <= FILES_MORE_MAX + 2 * (fail is never_removed)
    assert most_bytes <= (most_files + 1) * FRAME_BYTES_MAX
    assert host.agent.recorder.flushes == flushes
    assert "Input/output error" in host.agent.recorder.last_trouble
    check_everything_arrives(host)


def test_reports_whose_fsync_fails_are_not_copied_without_end() -> None:
    """A hundred tries to seal: the one report is held, in a bounded number of files, and is not
    sent; what is measured meanwhile waits in the journal."""
    host = driven(segment_bytes=1 << 20)
    host.live(120)
    host.ship()
    files, held = logs_files(host.disk, "sealed"), len(host.server.stored)
    host.live(600)
    host.disk.fail = never_durable("sealed")
    for _ in range(100):
        host.live(10)
        try:
            host.agent.ship(host.server)
        except (AgentError, OSError) as error:
            host.agent.shipper.failed(error)
        assert logs_files(host.disk, "sealed") - files <= FILES_MORE_MAX
        assert len(host.agent.spool.sealed._log._unsynced) <= 2

    assert len(host.server.stored) == held
    check_everything_arrives(host)


def test_status_and_doctor_tell_a_disk_that_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither looks for it on the network: the finding is the disk's, with the reason and what not
    to do."""
    host = driven()
    host.disk.fail = lambda operation, _name: eio() if operation == "sync" else None
    host.live(20)
    status = a_status(trouble=host.agent.recorder.last_trouble)
    status.write(tmp_path / "status.json")

    codes = [one.code for one in look_at_agent(status, SystemClock())]
    unsealed = a_status(trouble=f"{UNSEALED}: {eio()}")
    assert main(["status", "--state", str(tmp_path)]) == 1

    assert codes == ["agent_ok", "spool_refuses"]
    assert [one.code for one in look_at_agent(unsealed, SystemClock())] == codes
    said = capsys.readouterr().out
    assert "REFUSES writes" in said
    assert "Input/output error" in said


def check_everything_arrives(host: Driven) -> None:
    """The disk is well again: no millisecond is missing, over a power cut as well."""
    host.disk.fail = lambda _operation, _name: None
    host.live(2)
    assert host.agent.record()
    host.disk.power_cut()
    host.start()
    host.live(600)
    host.ship()

    assert not host.server._forks
    for account in host.server.accounts().values():
        spans = sorted(account.spans)
        assert [end for _, _, end in spans[:-1]] == [start for _, start, _ in spans[1:]]
        assert account.gap_ms <= 12_000
