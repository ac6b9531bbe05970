"""The kernel's log: what is an error event in it, and which events are told."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.kernel_log import KernelLog, KernelXid, place_of
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    DeviceEvent,
    Meter,
    MeterKind,
    Sample,
    SampleBatch,
    Vendor,
)
from kashi_agent.xids import TOGETHER_MS, XidWatch

PLACES = {"GPU-1": "0000:17:00", "GPU-2": "0001:a3:00"}
SOURCES = st.sampled_from(["library", "kernel"])


def batch(at_ms: int, library: list[tuple[str, int]]) -> SampleBatch:
    """A batch of both devices with the library's error events."""
    return SampleBatch(
        boottime_ms=at_ms,
        meter=Meter(kind=MeterKind.NVML, cadence_ms=1_000),
        samples=tuple(
            Sample(
                device=Device(
                    vendor=Vendor.NVIDIA,
                    hardware_id=hardware_id,
                    model="H100",
                    meter=MeterKind.NVML,
                    pci_bus_id=f"0000{place.upper()}.0",
                ),
                seen=Absent(AbsentReason.DEVICE_LOST),
            )
            for hardware_id, place in PLACES.items()
        ),
        events=tuple(
            DeviceEvent(
                hardware_id=hardware_id,
                boottime_ms=at_ms,
                kind=DeviceEventKind.XID,
                detail=f"XID {number}",
                value=number,
            )
            for hardware_id, number in library
        ),
    )


@pytest.mark.parametrize(
    ("line", "xid"),
    [
        ("NVRM: Xid (PCI:0000:17:00): 79, pid=1, GPU has fallen", KernelXid("0:17:00", 79)),
        ("4,1,2,-;NVRM: Xid (PCI:0000:c1:00.0): 119, pid=1", KernelXid("0:c1:00", 119)),
        ("NVRM: Xid (PCI:0001:A3:00): 31, Ch 00000010", KernelXid("1:a3:00", 31)),
        ("NVRM: Xid (PCI:00010000:0a:00): 13", KernelXid("10000:0a:00", 13)),
        ("NVRM: GPU at PCI:0000:17:00: GPU-1", None),
        ("NVRM: Xid (PCI:0000:17): 79", None),
        ("a user's words: Xid (PCI:0000:17:00): 79", None),
    ],
)
def test_error_events_are_told_by_their_words(
    tmp_path: Path, line: str, xid: KernelXid | None
) -> None:
    """The driver's words in every form it has had, and nothing else's."""
    path = tmp_path / "log"
    path.touch()
    log = KernelLog(path)

    path.write_text(line + "\n")

    assert list(log.xids()) == ([] if xid is None else [xid])


def test_a_record_is_read_when_it_is_whole(tmp_path: Path) -> None:
    """A line that is still being written is not taken for less than it is."""
    path = tmp_path / "log"
    path.touch()
    log = KernelLog(path)

    with path.open("a") as kernel:
        kernel.write("NVRM: Xid (PCI:0000:17:00): 7")
        kernel.flush()
        half = list(log.xids())
        kernel.write("9, pid=1\n")
    whole = list(log.xids())

    assert (half, whole) == ([], [KernelXid("0:17:00", 79)])


def test_what_was_there_before_is_not_told(tmp_path: Path) -> None:
    """The log is read from its end on: what happened before the meter began is not its matter."""
    path = tmp_path / "log"
    path.write_text("NVRM: Xid (PCI:0000:17:00): 79\n")

    assert list(KernelLog(path).xids()) == []


def numbered(*numbers: int) -> str:
    """Records as /dev/kmsg gives them; each error has its record's number."""
    return "".join(f"4,{n},1,-;NVRM: Xid (PCI:0000:17:00): {n}, pid=1\n PID=1\n" for n in numbers)


@pytest.mark.parametrize(
    ("after", "told"), [(0, [7]), (3, [4, 5, 6, 7]), (5, [6, 7]), (6, [7]), (7, [7]), (2_000, [7])]
)
def test_a_log_is_read_on_behind_a_record(tmp_path: Path, after: int, told: list[int]) -> None:
    """Nothing twice, nothing left out that is there still; a number that never was changes
    nothing."""
    path = tmp_path / "log"
    path.write_text(numbered(4, 5, 6))
    log = KernelLog(path)
    assert log.sequence == 6

    log.resume(after)
    with path.open("a") as kernel:
        kernel.write(numbered(7))

    assert [xid.number for xid in log.xids()] == told
    assert log.sequence == 7


def test_a_new_agent_is_told_up_to_where_the_log_was_read(tmp_path: Path) -> None:
    """With the first batch, and when it has moved; an agent that lost a batch has it again."""
    path = tmp_path / "log"
    path.write_text(numbered(4))
    watch = XidWatch(KernelLog(path))
    told = []
    for agent, written in ((0, ()), (None, (5,)), (None, ()), (4, ())):
        if agent is not None:
            watch.resume(agent)
        with path.open("a") as kernel:
            kernel.write(numbered(*written))
        found = watch.added(batch(0, []))
        told.append((found.kernel_sequence, [event.value for event in found.events]))

    assert told == [(4, []), (5, [5]), (0, []), (5, [5])]


def test_what_the_kernel_says_before_the_first_batch_waits_for_it(tmp_path: Path) -> None:
    """Whose place it is cannot be known before; it is not thrown away."""
    path = tmp_path / "log"
    path.write_text(numbered(4))
    watch = XidWatch(KernelLog(path))
    with path.open("a") as kernel:
        kernel.write(numbered(5))

    assert watch.alone(0) is None
    assert [event.value for event in watch.added(batch(0, [])).events] == [5]


@pytest.mark.parametrize("path", [Path("/nowhere/kmsg"), Path("/proc/self/mem")])
def test_a_log_that_cannot_be_read_is_empty(path: Path) -> None:
    """No log, and one that refuses: nothing is told, nothing is raised, again and again."""
    log = KernelLog(path)

    assert [list(log.xids()) for _ in range(3)] == [[], [], []]


@pytest.mark.parametrize("bus_id", ["", "17:00.0", "0000:17:00.0.0", "GPU-1"])
def test_what_is_no_place_is_none(bus_id: str) -> None:
    """Devices that do not tell their place meet no line of the log."""
    assert place_of(bus_id) == ""


@given(
    st.lists(
        st.tuples(SOURCES, st.sampled_from(sorted(PLACES)), st.sampled_from([31, 79])), max_size=20
    )
)
def test_as_many_are_told_as_the_better_source_has(events: list[tuple[str, str, int]]) -> None:
    """Within a while: for each device and number, the larger of the two sources' counts."""
    log = _Written()
    watch = XidWatch(log)
    told: Counter[tuple[str, int]] = Counter()
    watch.added(batch(0, []))

    for place, (source, hardware_id, number) in enumerate(events):
        library = [(hardware_id, number)] if source == "library" else []
        if source == "kernel":
            log.waiting.append(KernelXid(place_of(PLACES[hardware_id]), number))
        for event in watch.added(batch(place, library)).events:
            told[event.hardware_id, event.value] += 1

    had = {source: Counter(e[1:] for e in events if e[0] == source) for source in SOURCES_ALL}
    assert told == had["library"] | had["kernel"]


def test_long_after_an_event_the_next_is_another(tmp_path: Path) -> None:
    """What the other source has a while later is another event, not the same one late."""
    log = _Written()
    watch = XidWatch(log)

    first = watch.added(batch(0, [("GPU-1", 79)]))
    log.waiting.append(KernelXid("0:17:00", 79))
    later = watch.added(batch(TOGETHER_MS + 1, []))

    assert [len(first.events), len(later.events)] == [1, 1]


SOURCES_ALL = ("library", "kernel")


class _Written(KernelLog):
    """A log that a test fills."""

    def __init__(self) -> None:
        super().__init__(Path("/dev/null"))
        self.waiting: list[KernelXid] = []

    def xids(self) -> Iterator[KernelXid]:
        """What was filled in since."""
        waiting, self.waiting = self.waiting, []
        yield from waiting
