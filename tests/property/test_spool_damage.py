"""A damaged spool never keeps an agent from starting and never makes it tell what was not so."""

from collections.abc import Iterator
from functools import partial

import pytest
from damage import Spoil, after, edges, segment_files, shortened, worn
from fixtures_spool import SimulatedDisk
from kashi_agent.spool.segments import SegmentLog

STOPPED_GAP_MS = 7_500
"""What the stop itself costs."""
FRAME_MS = 70_000
"""What one frame holds: a report of a minute, or a minute and the next flush."""


def test_a_flipped_byte_costs_one_frame() -> None:
    """At heads and checksums of frames, and all over: one minute, said, the original kept."""
    disk = worn().host.disk
    everywhere = [(name, at) for name in segment_files(disk) for at in range(disk.size(name))]
    for name, offset in [*list(edges(disk))[::3], *everywhere[::97]]:
        cost = after(partial(SimulatedDisk.flip, name=name, offset=offset))

        assert cost.gap_ms <= STOPPED_GAP_MS + FRAME_MS, (name, offset)
        assert cost.hole_ms == 0, (name, offset)
        assert cost.recovered_frames == cost.intact_frames > 0, (name, offset)
        assert cost.repaired_bytes > 0
        assert cost.corrupt_files or name == segment_files(disk, name.split("-")[0])[-1]


def test_a_file_cut_anywhere_costs_its_end() -> None:
    """Any length of any file: what stands before the cut is told, what stood after is a gap."""
    disk = worn().host.disk
    for name in disk.names():
        for size in range(0, disk.size(name), 211):
            cost = after(partial(shortened, name=name, size=size))
            assert cost.hole_ms == 0, (name, size)
            assert cost.recovered_frames == cost.intact_frames > 0, (name, size)


def replaced(disk: SimulatedDisk, name: str, content: bytes) -> None:
    """Give a file other content."""
    disk.remove(name)
    disk.append(name, content)
    disk.sync(name)
    disk.sync_folder()


def swapped(disk: SimulatedDisk, log: str) -> None:
    """The first two files of a log change their names."""
    first, second = segment_files(disk, log)[:2]
    content = disk.read(first), disk.read(second)
    replaced(disk, first, content[1])
    replaced(disk, second, content[0])


def foreign(disk: SimulatedDisk, log: str) -> None:
    """A segment of another host among ours."""
    stranger = SegmentLog(disk, log, b"another host")
    stranger.open(lambda _placed: None, repair=False)
    stranger._segments, stranger._size, stranger._file_number = [], None, 500
    stranger.append(2, b"not ours")
    stranger.sync()


def zeroed(disk: SimulatedDisk, name: str) -> None:
    """A file of nothing but zeros."""
    replaced(disk, name, bytes(disk.size(name)))


def zeros_after(disk: SimulatedDisk, name: str) -> None:
    """What a file system leaves of a write that never arrived."""
    disk.append(name, bytes(5_000))


def copied(disk: SimulatedDisk, name: str, log: str) -> None:
    """The same segment once more under a later name."""
    disk.append(f"{log}-00000099.seg", disk.read(name))


def whole_files() -> Iterator[tuple[str, Spoil, bool]]:
    """What can happen to files as a whole; whether it may cost anything."""
    for name in worn().host.disk.names():
        yield f"{name} removed", partial(SimulatedDisk.remove, name=name), True
        yield f"{name} empty", partial(replaced, name=name, content=b""), True
        yield f"{name} zeros", partial(zeroed, name=name), True
        yield f"{name} zeros after", partial(zeros_after, name=name), False
    for log in ("journal", "sealed"):
        for name in segment_files(worn().host.disk, log):
            yield f"{name} copied", partial(copied, name=name, log=log), False
        yield f"{log} swapped", partial(swapped, log=log), False
        yield f"{log} with a stranger's", partial(foreign, log=log), False


@pytest.mark.parametrize(
    ("spoil", "costs"),
    [pytest.param(spoil, costs, id=name) for name, spoil, costs in whole_files()],
)
def test_whole_files_gone_copied_or_strange(spoil: Spoil, *, costs: bool) -> None:
    """Each file removed, emptied, of zeros, with zeros after it, copied, swapped, a stranger's: the
    agent starts, nothing is told twice, and what is readable costs nothing."""
    cost = after(spoil)

    assert cost.hole_ms == 0
    assert cost.recovered_frames == cost.intact_frames > 0
    assert costs or cost.gap_ms == STOPPED_GAP_MS


@pytest.mark.parametrize("logs", [("sealed",), ("sealed", "journal"), ("",)])
def test_a_spool_that_is_gone_opens_an_epoch(logs: tuple[str, ...]) -> None:
    """Without its sealed reports a host cannot know where it stood: the epoch says so."""

    def remove(disk: SimulatedDisk) -> None:
        for name in [name for log in logs for name in disk.names() if name.startswith(log)]:
            disk.remove(name)

    assert after(remove).epochs == 1
