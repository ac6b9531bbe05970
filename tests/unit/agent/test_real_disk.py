"""The spool's door to the file system: what the tests of durability assume of a simulated disk
holds of the real one, and what it calls durable is what fsync made so."""

import errno
import os
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from cut_files import CutFiles
from fixtures_spool import SimulatedDisk
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_agent.errors import DiskFullError
from kashi_agent.spool.cursor import Cursor, CursorFile
from kashi_agent.spool.disk import Disk, RealDisk
from kashi_agent.spool.segments import SegmentLog

LABEL = b"host one"
KIND = 7
SEGMENT_BYTES = 260
FRAMES = 12
OPERATIONS_MIN, OPERATIONS_MAX = 40, 200

names = st.sampled_from(["a", "b", "c"])
contents = st.binary(max_size=40)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), names, contents),
        st.tuples(st.just("overwrite"), names, st.integers(0, 60), contents.filter(bool)),
        st.tuples(st.just("truncate"), names, st.integers(0, 60)),
        st.tuples(st.just("sync"), names),
        st.tuples(st.just("sync_folder")),
        st.tuples(st.just("rename"), names, names),
        st.tuples(st.just("remove"), names),
        st.tuples(st.just("reserve"), names, st.integers(1, 60)),
    ),
    max_size=25,
)


def sensible(disk: Disk, operation: str, *arguments: object) -> bool:
    """Whether the spool would do this: it cuts, synchronises and renames what is there, cuts
    nothing longer, and makes a reserve where none is."""
    there = disk.names()
    match operation:
        case "sync":
            return arguments[0] in there
        case "rename":
            return arguments[0] in there and arguments[0] != arguments[1]
        case "truncate":
            name, size = arguments
            return name in there and isinstance(size, int) and size <= disk.size(str(name))
        case "reserve":
            return arguments[0] not in there
    return True


@settings(deadline=None)
@given(steps)
def test_the_simulated_disk_is_what_the_real_one_is(script: list[tuple[object, ...]]) -> None:
    """Whatever is done to both, both have the same files of the same bytes."""
    with TemporaryDirectory() as folder:
        real, simulated = RealDisk(Path(folder)), SimulatedDisk(Random(1))
        for operation, *arguments in script:
            if sensible(real, str(operation), *arguments):
                for disk in (real, simulated):
                    getattr(disk, str(operation))(*arguments)
            assert real.names() == simulated.names()
            for name in real.names():
                assert real.size(name) == simulated.size(name)
                assert real.read(name) == simulated.read(name)
                assert real.read(name, 5, 9) == simulated.read(name, 5, 9)
        real.close()


class Writer:
    """Writes a log and a cursor, and notes what was said to be durable before the power went."""

    def __init__(self, folder: Path) -> None:
        self.disk = RealDisk(folder)
        self.frames: list[bytes] = []
        self.sealed = 0

    def run(self) -> None:
        """Segments that fill up, one that is rewritten, and a cursor that moves with them."""
        self.disk.lock()
        log = SegmentLog(self.disk, "test", LABEL, segment_bytes=SEGMENT_BYTES)
        log.open(lambda _placed: None)
        cursor = CursorFile(self.disk)
        cursor.open(create=True)
        written: list[bytes] = []
        for number in range(1, FRAMES + 1):
            written.append(bytes([number]) * 30)
            log.append(KIND, written[-1])
            if number % 3 == 0:
                log.sync()
                self.frames = list(written)
                cursor.write(Cursor(sealed_sequence=number))
                self.sealed = number
        first = log.segments()[0]
        kept = list(log.frames(first))[1:]
        self.frames.remove(written[0])
        log.keep_only(first, kept)


def found(folder: Path) -> tuple[list[bytes], int]:
    """The frames and the cursor that the next process finds."""
    disk = RealDisk(folder)
    payloads: list[bytes] = []
    log = SegmentLog(disk, "test", LABEL, segment_bytes=SEGMENT_BYTES)
    log.open(lambda placed: payloads.append(placed.frame.payload))
    sealed = CursorFile(disk).open(create=False).sealed_sequence
    disk.close()
    return payloads, sealed


def test_what_was_said_to_be_durable_outlives_the_power(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Power goes at any operation on a real folder, the first that makes it among them, and nothing
    remains but what fsync made durable, names and contents alike."""
    for at in range(OPERATIONS_MAX):
        state = tmp_path / f"state-{at}"
        state.mkdir()
        cut, writer = CutFiles(root=state, at=at), Writer(state / "spool")
        with cut.armed(monkeypatch):
            writer.run()
        writer.disk.close()
        cut.lose()

        frames, sealed = found(state / "spool")
        assert [one for one in writer.frames if one not in frames] == [], at
        assert sealed >= writer.sealed, at
        if cut.done < at:
            assert at > OPERATIONS_MIN
            return
    raise AssertionError("a log of so many frames does not come to its end")


def test_a_frame_is_one_write_and_half_of_one_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is killed leaves a frame or none; what a full disk took half of is cut off
    again, and said."""
    disk, write, sizes = RealDisk(tmp_path), os.write, list[int]()

    def counted(descriptor: int, content: bytes) -> int:
        sizes.append(len(content))
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", counted)
    disk.append("a", b"whole")
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    with pytest.raises(DiskFullError, match="a: 3 of 5 bytes fit"):
        disk.append("a", b"whole")
    monkeypatch.setattr(os, "write", write)
    disk.append("a", b"again")

    assert sizes == [5]
    assert disk.read("a") == b"wholeagain"
    disk.close()


def test_a_full_disk_is_told_from_every_other_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room, and no more of a quota, make room; anything else is the disk's own matter."""
    disk = RealDisk(tmp_path)

    def refusing(number: int) -> None:
        def write(_descriptor: int, _content: bytes) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "write", write)

    for full in (errno.ENOSPC, errno.EDQUOT):
        refusing(full)
        with pytest.raises(DiskFullError, match=str(tmp_path / "a")):
            disk.append("a", b"x")
    refusing(errno.EIO)
    with pytest.raises(OSError, match="Input/output") as told:
        disk.append("a", b"x")
    assert not isinstance(told.value, DiskFullError)
    disk.close()
