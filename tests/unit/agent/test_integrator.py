"""Gaps and their reasons, continuity, energy epochs: one claim a test, by hand."""

from dataclasses import replace

import pytest
from kashi_agent.integrator import Integrator
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import (
    Continuity,
    DeviceEventKind,
    DeviceMinutes,
    GapReason,
    Segment,
)
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    DeviceEvent,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)

METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
NOTHING = Absent(AbsentReason.NOT_SUPPORTED)
CARD = Device(vendor=Vendor.NVIDIA, hardware_id="GPU-1", model="Test card", meter=MeterKind.NVML)
SLICE = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="MIG-1",
    parent_hardware_id="GPU-1",
    model="Test card 1g",
    meter=MeterKind.NVML,
    share_numerator=1,
    share_denominator=7,
)
JOB = Holder(HolderKind.SLURM_JOB, "7")


def see(
    utilisation_ppm: int | Absent = 500_000,
    energy_counter_mj: int | Absent = NOTHING,
    power_mw: int | Absent = NOTHING,
    holders: frozenset[Holder] | Absent = NOTHING,
) -> Observation:
    """An observation."""
    return Observation(
        utilisation_ppm=utilisation_ppm,
        energy_counter_mj=energy_counter_mj,
        power_mw=power_mw,
        memory_used_bytes=NOTHING,
        holders=holders,
    )


class Bench:
    """An integrator whose axis has its minutes at whole multiples of 60 000 ms of boottime."""

    def __init__(self, resumed: tuple[DeviceMinutes, ...] = (), start: int = 0) -> None:
        self.integrator = Integrator(
            boot_id=bytes(16),
            segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
            start_boottime_ms=start,
            naming=HolderNaming(bytes(32)),
            resumed=resumed,
        )

    def sample(
        self,
        at: int,
        seen: Observation | Absent,
        *events: DeviceEvent,
        device: Device = CARD,
        driver_epoch: int = 7,
    ) -> None:
        """One device at one instant."""
        self.integrator.observe(
            SampleBatch(
                boottime_ms=at,
                meter=METER,
                samples=(Sample(device=device, seen=seen),),
                events=events,
                driver_epoch=driver_epoch,
            )
        )

    def batch(self, at: int, *events: DeviceEvent) -> None:
        """A batch without samples."""
        self.integrator.observe(SampleBatch(boottime_ms=at, meter=METER, samples=(), events=events))

    def end(self, now: int) -> DeviceMinutes:
        """Everything there is of the one device."""
        (minutes,) = self.integrator.cut(self.integrator.finish(now))
        return minutes


def gaps(minutes: DeviceMinutes) -> list[tuple[int, int, GapReason]]:
    """Gaps in short."""
    return [(g.start_boottime_ms, g.end_boottime_ms, g.reason) for g in minutes.gaps]


def test_samples_at_the_gap_limit_hold_and_one_millisecond_more_do_not() -> None:
    """5 s at 1 Hz: inclusive."""
    bench = Bench()
    for at in (0, 5_000, 10_001, 11_001):
        bench.sample(at, see())
    minutes = bench.end(11_001)

    assert gaps(minutes) == [(5_000, 10_001, GapReason.SAMPLES_MISSING)]
    assert minutes.observed_ms == 6_000


@pytest.mark.parametrize(
    ("absent", "reason"),
    [
        (AbsentReason.NO_PERMISSION, GapReason.NO_PERMISSION),
        (AbsentReason.NOT_RECORDED, GapReason.TRACE_HOLE),
        (AbsentReason.DEVICE_LOST, GapReason.DEVICE_LOST),
        (AbsentReason.NOT_FOUND, GapReason.DEVICE_LOST),
        (AbsentReason.DRIVER_ERROR, GapReason.DEVICE_LOST),
        (AbsentReason.NOT_READY, GapReason.DEVICE_LOST),
        (AbsentReason.NOT_SUPPORTED, GapReason.DEVICE_LOST),
        (AbsentReason.OUT_OF_RANGE, GapReason.DEVICE_LOST),
    ],
)
def test_an_absent_device_is_a_gap_with_its_reason(absent: AbsentReason, reason: GapReason) -> None:
    """From the first sample without it to the first with it again; one gap, not one a sample."""
    bench = Bench()
    bench.sample(0, see())
    for at in (1_000, 2_000, 3_000):
        bench.sample(at, Absent(absent))
    bench.sample(4_000, see())

    assert gaps(bench.end(4_000)) == [(1_000, 4_000, reason)]


def test_a_meter_that_was_down_explains_the_gap_back_to_the_last_sample() -> None:
    """Noticed late, the reason still covers the whole gap; a later reason takes over from there."""
    bench = Bench()
    bench.sample(0, see())
    bench.integrator.interrupt(8_000, GapReason.METER_HUNG)
    bench.integrator.interrupt(20_000, GapReason.METER_DOWN, meter=MeterKind.NVML)
    bench.integrator.interrupt(21_000, GapReason.RELEASED, meter=MeterKind.ASCEND)
    bench.sample(30_000, see())

    assert gaps(bench.end(30_000)) == [
        (0, 20_000, GapReason.METER_HUNG),
        (20_000, 30_000, GapReason.METER_DOWN),
    ]


@pytest.mark.parametrize(
    "reason",
    [GapReason.SUSPENDED, GapReason.RELEASED, GapReason.METER_DOWN, GapReason.METER_HUNG],
)
def test_sleep_release_and_a_meter_that_is_down_are_gaps_however_short(reason: GapReason) -> None:
    """Nobody can have watched."""
    bench = Bench()
    bench.sample(0, see())
    bench.integrator.interrupt(500, reason)
    bench.sample(1_000, see())
    bench.sample(2_000, see())

    assert gaps(bench.end(2_000)) == [(0, 1_000, reason)]


def test_a_sample_from_before_the_sleep_does_not_end_it() -> None:
    """A batch that was on its way when the machine slept does not make the sleep observed."""
    bench = Bench()
    bench.sample(0, see())
    bench.integrator.interrupt(500, GapReason.SUSPENDED, until_boottime_ms=4_600)
    bench.sample(1_000, see())
    bench.sample(4_700, see())

    minutes = bench.end(4_700)

    assert minutes.observed_ms == 0
    assert gaps(minutes) == [
        (0, 1_000, GapReason.SUSPENDED),
        (1_000, 4_700, GapReason.SUSPENDED),
    ]


def test_unknown_is_in_no_sum() -> None:
    """Utilisation, holders and energy each have their own known time."""
    bench = Bench()
    bench.sample(0, see(utilisation_ppm=NOTHING, holders=frozenset({JOB})))
    bench.sample(1_000, see(utilisation_ppm=0, holders=NOTHING))
    bench.sample(3_000, see(utilisation_ppm=1_000_000, holders=frozenset()))
    bench.sample(6_000, see())
    (reading,) = bench.end(6_000).readings

    assert reading.observed_ms == 6_000
    assert (reading.held_known_ms, reading.held_ms) == (4_000, 1_000)
    assert (reading.utilisation_known_ms, reading.active_ms) == (5_000, 3_000)
    assert reading.utilised_ns == 3_000 * 1_000_000
    assert reading.unattributed_ms == 3_000
    assert (reading.energy_known_ms, reading.memory_used_bytes_max) == (0, None)


def test_a_decreasing_counter_is_a_new_epoch_never_a_wrap() -> None:
    """The interval's energy is unknown, though power is known; an event says so."""
    bench = Bench()
    for at, counter in ((0, 1_000_000), (1_000, 1_000_300), (2_000, 50), (3_000, 350)):
        bench.sample(at, see(energy_counter_mj=counter, power_mw=300))
    minutes = bench.end(3_000)
    (reading,) = minutes.readings

    assert (reading.energy_known_ms, reading.energy_mj) == (2_000, 600)
    assert not reading.energy_integrated
    resets = [e for e in minutes.events if e.kind == DeviceEventKind.ENERGY_RESET]
    assert [(event.boottime_ms, event.value) for event in resets] == [(2_000, 1_000_300)]


def test_a_counter_that_leaps_is_dropped_and_told_of() -> None:
    """More than ten kilowatts could use is no energy: unknown on both its sides, though power is
    known, one event, no new epoch, and counted again from the value after it (E10)."""
    bench = Bench()
    for at, counter in (
        (0, 1_000),
        (1_000, 1_300),
        (2_000, 10**15),
        (3_000, 1_900),
        (4_000, 2_200),
    ):
        bench.sample(at, see(energy_counter_mj=counter, power_mw=300))
    minutes = bench.end(4_000)
    (reading,) = minutes.readings
    told = [e for e in minutes.events if e.kind != DeviceEventKind.APPEARED]

    assert (reading.energy_known_ms, reading.energy_mj) == (2_000, 600)
    assert not reading.energy_integrated
    assert [(e.kind, e.boottime_ms, e.value) for e in told] == [
        (DeviceEventKind.VALUE_DROPPED, 2_000, 1)
    ]


@pytest.mark.parametrize(("used_mj", "known_ms"), [(20_000_000, 1_000), (20_000_001, 0)])
def test_ten_kilowatts_are_believed_and_no_more(used_mj: int, known_ms: int) -> None:
    """For the time between two looks and the second that a counter may lag behind."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=0))
    bench.sample(1_000, see(energy_counter_mj=used_mj))
    (reading,) = bench.end(1_000).readings

    assert reading.energy_known_ms == known_ms


def test_a_leap_across_a_gap_is_no_energy_of_it() -> None:
    """Neither is it the gap's, whatever the driver."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=1_000))
    bench.sample(60_000, see(energy_counter_mj=10**15))
    (gap,) = bench.end(60_000).gaps

    assert gap.continuity == Continuity(same_driver=True)


@pytest.mark.parametrize(("after", "known_ms"), [(999, 0), (1_000, 1_000), (1_001, 1_000)])
def test_one_millijoule_less_is_a_new_epoch(after: int, known_ms: int) -> None:
    """Less by one is unknown, equal is a counter that has not moved yet: known to be 0."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=1_000))
    bench.sample(1_000, see(energy_counter_mj=after))
    (reading,) = bench.end(1_000).readings

    assert (reading.energy_known_ms, reading.energy_mj) == (known_ms, max(0, after - 1_000))


def test_power_is_integrated_and_marked_where_there_is_no_counter() -> None:
    """Fractions of a millijoule are carried over the minute's edge, not lost and not rounded up."""
    bench = Bench()
    for at in range(58_000, 63_000, 1_000):
        bench.sample(at, see(power_mw=333_333))
    readings = bench.end(62_000).readings

    assert [reading.energy_mj for reading in readings] == [666_666, 666_666]
    assert all(reading.energy_integrated for reading in readings)
    bench = Bench()
    for at in (0, 1, 2, 3, 4):
        bench.sample(at, see(power_mw=300))
    (reading,) = bench.end(4).readings
    assert reading.energy_mj == 4 * 300 // 1_000


def test_power_is_not_integrated_over_sleep() -> None:
    """Eight hours asleep between two looks at one power are no energy: they are a gap, and power
    before it does not hold in it, though the boot clock went on (L13)."""
    bench = Bench()
    night_ms = 28_800_000
    bench.sample(0, see(power_mw=300_000))
    bench.sample(1_000, see(power_mw=300_000))
    bench.integrator.interrupt(1_000, GapReason.SUSPENDED, until_boottime_ms=night_ms)
    bench.sample(night_ms, see(power_mw=300_000))
    bench.sample(night_ms + 1_000, see(power_mw=300_000))

    minutes = bench.end(night_ms + 1_000)

    assert sum(reading.energy_mj for reading in minutes.readings) == 600_000
    assert gaps(minutes) == [(1_000, night_ms, GapReason.SUSPENDED)]


def test_counted_energy_is_split_at_the_minute_by_the_floor() -> None:
    """7 mJ over 3 s, of which 2 s before the edge: 4 and 3."""
    bench = Bench()
    bench.sample(58_000, see(energy_counter_mj=0))
    bench.sample(61_000, see(energy_counter_mj=7))

    assert [reading.energy_mj for reading in bench.end(61_000).readings] == [4, 3]


def test_counted_energy_over_several_minutes_is_not_the_same_in_each() -> None:
    """7 mJ over 150 s at a slow cadence: floors of the running share, and 7 in all."""
    bench = Bench()
    slow = Meter(kind=MeterKind.NVML, cadence_ms=60_000)
    for at, counter in ((0, 0), (150_000, 7)):
        sample = Sample(device=CARD, seen=see(energy_counter_mj=counter))
        bench.integrator.observe(SampleBatch(boottime_ms=at, meter=slow, samples=(sample,)))

    assert [reading.energy_mj for reading in bench.end(150_000).readings] == [2, 3, 2]


def test_continuity_tells_what_is_known_across_a_gap() -> None:
    """Same holders, counter went on: its difference is the gap's energy, in no reading."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=100, holders=frozenset({JOB})))
    bench.sample(9_000, see(energy_counter_mj=400, holders=frozenset({JOB})))
    bench.sample(19_000, see(energy_counter_mj=10, holders=frozenset()))
    bench.sample(29_000, see())
    minutes = bench.end(29_000)

    assert [gap.continuity for gap in minutes.gaps] == [
        Continuity(same_driver=True, same_holders=True, energy_mj=300),
        Continuity(same_driver=False, same_holders=False),
        Continuity(same_driver=True),
    ]
    assert minutes.readings == ()


@pytest.mark.parametrize(
    ("epochs", "after_mj", "same_driver", "energy_mj"),
    [
        ((7, 7), 5_000_000, True, 4_999_900),
        ((7, 8), 5_000_000, False, None),
        ((7, 7), 99, False, None),
        ((0, 7), 5_000_000, None, None),
        ((7, 0), 5_000_000, None, None),
        ((0, 0), 5_000_000, None, None),
        ((0, 0), 99, False, None),
    ],
)
def test_a_counter_that_rose_does_not_say_that_the_driver_is_the_same(
    epochs: tuple[int, int], after_mj: int, same_driver: bool | None, energy_mj: int | None
) -> None:
    """In an hour a driver can be loaded anew and its counter pass the old one: only the driver's
    epoch says that it is the same; one that fell says that it is not. Else it is unknown."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=100), driver_epoch=epochs[0])
    bench.sample(3_600_000, see(energy_counter_mj=after_mj), driver_epoch=epochs[1])
    (gap,) = bench.end(3_600_000).gaps

    assert gap.continuity == Continuity(same_driver=same_driver, energy_mj=energy_mj)


def test_an_agent_that_comes_back_finds_what_its_last_stretch_saw() -> None:
    """The gap is AGENT_DOWN from the stretch's end, however short, with what is known across it."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=100, holders=frozenset({JOB})))
    bench.sample(1_000, see(energy_counter_mj=130, holders=frozenset({JOB})))
    (last,) = bench.integrator.flush(1_000)
    again = Bench(resumed=(last,), start=1_000)
    again.sample(3_000, see(energy_counter_mj=190, holders=frozenset({JOB})))
    again.sample(4_000, see(energy_counter_mj=220, holders=frozenset({JOB})))
    minutes = again.end(4_000)

    assert gaps(minutes) == [(1_000, 3_000, GapReason.AGENT_DOWN)]
    assert minutes.gaps[0].continuity == Continuity(
        same_driver=True, same_holders=True, energy_mj=60
    )
    assert not [e for e in minutes.events if e.kind == DeviceEventKind.APPEARED]


def test_a_gap_in_progress_is_flushed_with_its_reason() -> None:
    """An agent killed while a device is lost leaves that reason, up to what was surely a gap."""
    bench = Bench()
    bench.sample(0, see())
    bench.sample(1_000, Absent(AbsentReason.DEVICE_LOST))
    (minutes,) = bench.integrator.flush(60_000)

    assert gaps(minutes) == [(1_000, 55_000, GapReason.DEVICE_LOST)]
    assert minutes.observed_ms == 1_000


def test_a_dissolved_partition_ends_without_a_gap() -> None:
    """It was there as long as it was there; a whole card that vanishes is lost."""
    vanished = DeviceEvent(hardware_id="MIG-1", boottime_ms=2_000, kind=DeviceEventKind.VANISHED)
    bench = Bench()
    bench.sample(0, see(), device=SLICE)
    bench.sample(2_000, see(), device=SLICE)
    bench.batch(2_000, vanished)
    bench.batch(120_000)
    assert bench.integrator.cut_point(120_000) == 120_000
    (minutes,) = bench.integrator.cut(120_000)

    assert (minutes.end_boottime_ms, minutes.observed_ms, minutes.gaps) == (2_000, 2_000, ())
    assert bench.integrator.counters() == {}


def look(
    bench: Bench,
    at: int,
    *devices: Device,
    card: Observation | Absent | None = None,
    untold: tuple[str, ...] = (),
) -> None:
    """One batch of the card and partitions of it."""
    shown = (
        Sample(device=CARD, seen=card or see()),
        *(Sample(device=d, seen=see()) for d in devices),
    )
    bench.integrator.observe(SampleBatch(boottime_ms=at, meter=METER, samples=shown, untold=untold))


def test_a_partition_that_its_cards_look_shows_no_longer_has_ended() -> None:
    """Nobody needs to say so: it was observed up to the look that lacks it, no gap follows, and it
    is in no later stretch; the new partition is (L8)."""
    new = replace(SLICE, hardware_id="MIG-2")
    bench = Bench()
    for at in range(0, 121_000, 1_000):
        look(bench, at, SLICE if at < 30_000 else new)

    first = {m.device.hardware_id: m for m in bench.integrator.cut(60_000)}
    second = {m.device.hardware_id for m in bench.integrator.cut(120_000)}

    assert (first["MIG-1"].end_boottime_ms, first["MIG-1"].gaps) == (30_000, ())
    assert first["MIG-2"].start_boottime_ms == 30_000
    assert second == {"GPU-1", "MIG-2"}


def test_a_partition_of_a_lost_card_is_lost_with_it() -> None:
    """A card that does not answer says nothing of its partitions."""
    bench = Bench()
    look(bench, 0, SLICE)
    look(bench, 1_000, card=Absent(AbsentReason.DEVICE_LOST))
    look(bench, 61_000, SLICE)
    minutes = {
        m.device.hardware_id: m for m in bench.integrator.cut(bench.integrator.finish(61_000))
    }

    assert gaps(minutes["MIG-1"]) == [(0, 61_000, GapReason.SAMPLES_MISSING)]


@pytest.mark.parametrize("back", [True, False])
def test_a_partition_that_the_driver_does_not_tell_is_a_gap_until_it_is_told(
    back: bool,  # how it ends
) -> None:
    """A meter that has just begun knows no instances of before, and the driver does not say which
    there are: those are a gap, its own word, and end only where a look that was told lacks them
    (L8)."""
    bench = Bench()
    look(bench, 0, SLICE)
    bench.integrator.interrupt(1_000, GapReason.METER_DOWN)
    for at in range(3_000, 70_000, 1_000):
        look(bench, at, untold=("GPU-0", CARD.hardware_id))
    first = {m.device.hardware_id: m for m in bench.integrator.cut(60_000)}
    look(bench, 70_000, *((SLICE,) if back else ()))
    last = {m.device.hardware_id: m for m in bench.integrator.cut(bench.integrator.finish(70_000))}

    assert gaps(first["MIG-1"]) == [
        (0, 3_000, GapReason.METER_DOWN),
        (3_000, 60_000, GapReason.DEVICE_LOST),
    ]
    rest = last["MIG-1"]
    assert (rest.start_boottime_ms, rest.observed_ms) == (60_000, 0)
    assert rest.end_boottime_ms == (70_000 if back else 69_000)


def test_only_the_card_whose_partitions_are_untold_keeps_them() -> None:
    """Another card's, which its look lacks, have ended; what ended before is not there again."""
    other = replace(CARD, hardware_id="GPU-2")
    theirs = replace(SLICE, hardware_id="MIG-2", parent_hardware_id="GPU-2")
    bench = Bench()
    cards = tuple(Sample(device=one, seen=see()) for one in (CARD, other))
    parts = tuple(Sample(device=one, seen=see()) for one in (SLICE, theirs))

    def both(at: int, shown: tuple[Sample, ...], *untold: str) -> None:
        batch = SampleBatch(boottime_ms=at, meter=METER, samples=shown, untold=untold)
        bench.integrator.observe(batch)

    both(0, (*cards, *parts))
    both(1_000, cards, CARD.hardware_id)
    both(2_000, cards, CARD.hardware_id, other.hardware_id)
    given = bench.integrator.cut(bench.integrator.finish(2_000))

    ends = {m.device.hardware_id: m.end_boottime_ms for m in given}
    assert ends == {"GPU-1": 2_000, "GPU-2": 2_000, "MIG-1": 2_000, "MIG-2": 1_000}


def test_a_partition_dissolved_while_the_devices_were_released_is_no_gap_for_ever() -> None:
    """Nobody watched: it is told of up to its last sample, and what was already given away."""
    bench = Bench()
    for at in range(0, 10_001, 1_000):
        look(bench, at, SLICE)
    bench.integrator.interrupt(10_500, GapReason.RELEASED)
    given = bench.integrator.cut(60_000)
    look(bench, 90_000)
    after = bench.integrator.cut(bench.integrator.finish(90_000))

    assert {m.device.hardware_id for m in given} == {"GPU-1", "MIG-1"}
    assert {m.device.hardware_id for m in after} == {"GPU-1"}


def test_a_partition_dissolved_while_no_agent_ran_is_no_gap_for_ever() -> None:
    """The agent that comes back resumes it and finds it gone."""
    bench = Bench()
    look(bench, 0, SLICE)
    look(bench, 1_000, SLICE)
    last = bench.integrator.flush(1_000)
    again = Bench(resumed=last, start=1_000)
    look(again, 20_000)
    look(again, 21_000)

    (minutes,) = again.integrator.cut(again.integrator.finish(21_000))

    assert minutes.device.hardware_id == "GPU-1"


def test_a_card_that_vanishes_is_lost_until_it_comes_back() -> None:
    """A whole card does not leave a host while it runs."""
    bench = Bench()
    bench.sample(0, see())
    bench.batch(
        1_000, DeviceEvent(hardware_id="GPU-1", boottime_ms=1_000, kind=DeviceEventKind.VANISHED)
    )
    bench.sample(60_000, see())

    assert gaps(bench.end(60_000)) == [(0, 60_000, GapReason.DEVICE_LOST)]


def test_a_partition_that_is_back_at_once_was_lost_in_between() -> None:
    """A list that flickered does not end the device, and does not stop the agent."""
    bench = Bench()
    vanished = DeviceEvent(hardware_id="MIG-1", boottime_ms=1_000, kind=DeviceEventKind.VANISHED)
    bench.sample(0, see(), device=SLICE)
    bench.sample(1_000, see(), vanished, device=SLICE)
    bench.sample(20_000, see(), device=SLICE)

    assert gaps(bench.end(20_000)) == [(1_000, 20_000, GapReason.DEVICE_LOST)]


def test_an_event_at_a_cut_stands_in_one_stretch_only() -> None:
    """What happened at the very end of a stretch is told with it, and not again."""
    bench = Bench()
    bench.sample(0, see())
    xid = DeviceEvent(hardware_id="GPU-1", boottime_ms=60_000, kind=DeviceEventKind.XID, value=79)
    for at in range(1_000, 130_000, 1_000):
        bench.sample(at, see(), *((xid,) if at == 60_000 else ()))
    first = bench.integrator.cut(60_000)
    second = bench.integrator.cut(120_000)

    kinds = [[event.kind for event in m.events] for m in (*first, *second)]
    assert kinds == [[DeviceEventKind.APPEARED, DeviceEventKind.XID], []]


def test_a_sample_older_than_the_last_is_counted_and_dropped() -> None:
    """Time does not run back within a device."""
    bench = Bench()
    bench.sample(5_000, see())
    bench.sample(4_000, see())

    assert bench.integrator.samples_late == 1


def test_spans_and_samples_add_up_to_the_same() -> None:
    """A steady hour as one span and as 3 600 samples: equal readings, to the millijoule."""
    seen = see(power_mw=123_457, holders=frozenset({JOB}))
    spanned, sampled = Bench(start=1_234), Bench(start=1_234)
    spanned.integrator.observe_span(CARD, 1_234, 3_601_234, seen)
    for at in range(1_234, 3_601_235, 1_000):
        sampled.sample(at, seen)

    assert spanned.end(3_601_234).readings == sampled.end(3_601_234).readings


def test_a_span_that_runs_back_is_refused() -> None:
    """A recorded workload cannot use one millisecond twice."""
    bench = Bench()
    bench.integrator.observe_span(CARD, 0, 10_000, see())

    with pytest.raises(ValueError, match="already stands"):
        bench.integrator.observe_span(CARD, 9_999, 11_000, see())


def test_a_segment_that_begins_in_the_past_is_refused() -> None:
    """Time that is settled keeps its labels."""
    bench = Bench()
    bench.sample(0, see())
    bench.sample(4_000, see())

    with pytest.raises(ValueError, match="already stands"):
        bench.integrator.begin_segment(Segment(number=2, anchor_utc_ms=9, start_boottime_ms=3_999))


def test_an_interval_is_split_where_a_segment_begins() -> None:
    """Its two parts carry the labels of two axes, and lose nothing."""
    bench = Bench()
    bench.sample(0, see(energy_counter_mj=0))
    bench.integrator.begin_segment(Segment(number=2, anchor_utc_ms=500, start_boottime_ms=1_000))
    bench.sample(4_000, see(energy_counter_mj=9))
    first = bench.integrator.cut(bench.integrator.finish(4_000))
    second = bench.integrator.cut(bench.integrator.finish(4_000))

    parts = [(m.segment.number, m.start_boottime_ms, m.end_boottime_ms) for m in (*first, *second)]
    assert parts == [(1, 0, 1_000), (2, 1_000, 4_000)]
    assert [m.readings[0].energy_mj for m in (*first, *second)] == [2, 7]


def test_one_holder_too_many_still_counts_as_held() -> None:
    """Beyond 256 holders of a stretch their time is held, only not told apart."""
    bench = Bench()
    for at in range(300):
        bench.sample(at, see(holders=frozenset({Holder(HolderKind.PROCESS, str(at))})))
    bench.sample(300, see())
    minutes = bench.end(300)

    assert minutes.readings[0].held_ms == 300
    assert len(minutes.holders) == len(minutes.readings[0].holder_times) == 256
