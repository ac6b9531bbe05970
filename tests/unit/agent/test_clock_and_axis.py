"""The host's clocks as they are read, and what the axis makes of them."""

import time
import uuid
from pathlib import Path

import pytest
from kashi_agent.axis import Axis, booted
from kashi_agent.clock import (
    LOOK_TRIES_MAX,
    ClockLook,
    ClockSync,
    Discipline,
    SystemClock,
    discipline_from,
    look_at,
    read_discipline,
)
from kashi_agent.reading import HostEventKind, Segment

from deploy.demo.manual_clock import ManualClock

SYNCHRONISED = Discipline(sync=ClockSync.SYNCHRONISED, error_us_max=100)


def look(
    boottime_ms: int,
    utc_ms: int,
    monotonic_ms: int | None = None,
    discipline: Discipline = SYNCHRONISED,
) -> ClockLook:
    """A look at a clock, a synchronised one unless said otherwise."""
    return ClockLook(
        boottime_ms=boottime_ms,
        monotonic_ms=boottime_ms if monotonic_ms is None else monotonic_ms,
        utc_ms=utc_ms,
        discipline=discipline,
    )


def test_the_system_clock_reads_this_machine(tmp_path: Path) -> None:
    """Boottime, wall clock and boot id are the kernel's."""
    boot = uuid.uuid4()
    path = tmp_path / "boot_id"
    path.write_text(f"{boot}\n", encoding="ascii")
    clock = SystemClock(path)
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    assert boot.bytes == clock.boot_id()
    assert before <= clock.boottime_ms() <= before + 60_000
    assert clock.monotonic_ms() <= clock.boottime_ms() + 60_000
    assert abs(clock.utc_ms() - time.time_ns() // 1_000_000) < 60_000


def test_the_kernel_answers_or_is_unknown() -> None:
    """adjtimex is asked without privilege; whatever it says is one of three."""
    answer = read_discipline()

    assert answer.sync in ClockSync
    assert (answer.error_us_max is None) == (answer.sync is ClockSync.UNKNOWN)


@pytest.mark.parametrize(
    ("state", "status", "sync"),
    [
        (0, 0x2001, ClockSync.SYNCHRONISED),
        (0, 0x0040, ClockSync.UNSYNCHRONISED),
        (5, 0x2001, ClockSync.UNSYNCHRONISED),
        (5, 0x0040, ClockSync.UNSYNCHRONISED),
        (1, 0x2011, ClockSync.SYNCHRONISED),
    ],
)
def test_adjtimex_is_read_as_documented(state: int, status: int, sync: ClockSync) -> None:
    """TIME_ERROR or STA_UNSYNC: not synchronised; a leap second announced is no fault."""
    assert discipline_from(state, status, 812) == Discipline(sync=sync, error_us_max=812)


class Stuttering(ManualClock):
    """A clock whose reader is preempted between two reads, a few times."""

    def __init__(self, stutters: int) -> None:
        super().__init__(utc=1_790_000_000_000)
        self.stutters = stutters
        self.reads = 0

    def monotonic_ms(self) -> int:
        """Time passes between the reads."""
        self.reads += 1
        if self.reads <= self.stutters:
            self.advance(500)
        return super().monotonic_ms()


def test_a_preempted_look_is_repeated() -> None:
    """Or a scheduler's pause would look like sleep."""
    seen = look_at(Stuttering(stutters=3))

    assert seen.boottime_ms == seen.monotonic_ms


def test_a_look_gives_up_repeating() -> None:
    """A machine that always stutters is still looked at."""
    clock = Stuttering(stutters=1_000)
    look_at(clock)

    assert clock.reads == LOOK_TRIES_MAX


def test_a_first_axis_stands_on_the_wall_clock() -> None:
    """UTC = anchor + boottime, from the boot on."""
    axis = Axis.first(look(5_000, 1_790_000_000_000))

    assert axis.segment == Segment(number=1, anchor_utc_ms=1_789_999_995_000, start_boottime_ms=0)
    assert axis.state.offset_ms == 0


def test_slewing_is_no_step() -> None:
    """500 ppm over ten seconds are 5 ms: no event, no segment, but the offset is known."""
    axis = Axis.first(look(0, 0))
    changes = [axis.observe(look(at, at + at // 2_000)) for at in range(0, 600_000, 10_000)]

    assert [change.events for change in changes] == [()] * 60
    assert axis.state.offset_ms == 295
    assert axis.segment.number == 1


def test_slewing_past_two_seconds_moves_the_axis_after_a_minute() -> None:
    """An oscillator that is 1 % off leaves the 2 s after 200 s; 60 s later the axis follows."""
    axis = Axis.first(look(0, 0))
    began = [
        at for at in range(0, 300_000, 1_000) if axis.observe(look(at, at + at // 100)).segment
    ]

    assert began == [261_000]
    assert axis.segment.anchor_utc_ms == 2_610


@pytest.mark.parametrize("offset_ms", [2_000, -2_000])
def test_two_seconds_are_not_more_than_two_seconds(offset_ms: int) -> None:
    """The axis gives way beyond 2 s only."""
    axis = Axis.first(look(0, 10_000_000))
    for at in range(0, 600_000, 10_000):
        assert axis.observe(look(at, 10_000_000 + at + offset_ms)).segment is None


UNKNOWN = Discipline(sync=ClockSync.UNKNOWN)
FREE = Discipline(sync=ClockSync.UNSYNCHRONISED)


def test_a_wrong_time_at_boot_is_left_where_the_kernel_may_not_be_asked() -> None:
    """A host that boots in 1970 and whose kernel tells nobody of its clock follows the wall clock
    after ten minutes, not never, and says that nobody vouches for it."""
    axis = Axis.first(look(0, 0, discipline=UNKNOWN))
    began = [
        at
        for at in range(1_000, 3_600_000, 1_000)
        if axis.observe(look(at, 10**12 + at, discipline=UNKNOWN)).segment
    ]

    assert began == [601_000]
    assert axis.segment.anchor_utc_ms == 10**12
    assert axis.state.sync is ClockSync.UNKNOWN


def test_a_clock_known_not_to_be_synchronised_is_not_followed() -> None:
    """However long it stays away: its kernel says that it is not to be believed."""
    axis = Axis.first(look(0, 0, discipline=FREE))

    assert not any(
        axis.observe(look(at, 10**12 + at, discipline=FREE)).segment
        for at in range(1_000, 3_600_000, 1_000)
    )


def test_the_patience_with_a_clock_begins_anew_with_the_kernels_word() -> None:
    """Minutes in which nothing was known of the clock do not count for a synchronised one."""
    axis = Axis.first(look(0, 0, discipline=UNKNOWN))
    for at in range(1_000, 300_000, 1_000):
        axis.observe(look(at, 10**12 + at, discipline=UNKNOWN))
    began = [
        at for at in range(300_000, 400_000, 1_000) if axis.observe(look(at, 10**12 + at)).segment
    ]

    assert began == [360_000]


def test_a_clock_that_flaps_moves_nothing() -> None:
    """A step every 50 s starts the minute of patience anew each time."""
    axis = Axis.first(look(0, 10**12))
    for at in range(0, 600_000, 10_000):
        away = 3_600_000 if at // 50_000 % 2 else 7_200_000
        assert axis.observe(look(at, 10**12 + at + away)).segment is None


def test_sleep_is_told_from_the_two_clocks() -> None:
    """Boottime went on, monotonic time stood: the event gives the length, the axis stays (S27)."""
    axis = Axis.first(look(0, 10**12))
    axis.observe(look(1_000, 10**12 + 1_000))
    change = axis.observe(look(28_802_000, 10**12 + 28_802_000, monotonic_ms=2_000))

    assert [(e.kind, e.value) for e in change.events] == [(HostEventKind.SUSPENDED, 28_800_000)]
    assert change.slept_since_boottime_ms == 1_000
    assert change.segment is None


def test_a_clock_just_woken_is_given_time() -> None:
    """Time asleep does not count as having stayed away: the time source has not spoken yet."""
    axis = Axis.first(look(0, 10**12))
    axis.observe(look(1_000, 10**12 + 11_000))
    woken = axis.observe(look(600_000, 10**12 + 610_000, monotonic_ms=2_000))

    assert woken.segment is None


def test_looks_of_two_boots_are_refused() -> None:
    """Boottime never runs back within a boot."""
    axis = Axis.first(look(10_000, 10**12))

    with pytest.raises(ValueError, match="ran back"):
        axis.observe(look(9_999, 10**12))


@pytest.mark.parametrize("utc_ms", [0, 1_790_000_100_000, 3_502_828_800_000])
def test_the_time_between_boots_is_a_label(utc_ms: int) -> None:
    """Whatever the wall clock says after a boot is reported as it is, even backwards."""
    event = booted(bytes(range(16)), 1_790_000_000_000, look(9_000, utc_ms))

    assert (event.boottime_ms, event.kind) == (9_000, HostEventKind.BOOTED)
    assert (event.detail, event.value) == (bytes(range(16)).hex(), utc_ms - 1_790_000_000_000)
