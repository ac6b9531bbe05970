"""What NVIDIA's drivers do to a meter, played by the fake driver: see docs/meter-faults.md.

Tests name the rows of that page. The scenario's clock is stepped by hand; the meter ticks every
100 ms of real time.
"""

import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from fakes.nvml.library import NVML
from fakes.nvml.scenario import (
    Crowd,
    Device,
    Error,
    Hang,
    Lost,
    Partition,
    Process,
    ProcessKind,
    Row,
    Scenario,
    Stamps,
    State,
    Value,
)
from fixtures_meter import Meter, Meters, seen_of
from kashi_agent.integrator import Integrator
from kashi_agent.meter_link import NoticeKind, Release, Resume
from kashi_agent.naming import SALT_BYTES, HolderNaming
from kashi_agent.reading import DeviceEventKind, DeviceMinutes, GapReason, Segment
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    DeviceEvent,
    Holder,
    HolderKind,
    Observation,
    Sample,
    SampleBatch,
)

NOT_SUPPORTED = Absent(AbsentReason.NOT_SUPPORTED)
OUT_OF_RANGE = Absent(AbsentReason.OUT_OF_RANGE)
GARBAGE = 4_294_967_295
BATCHES_MAX = 100

NEWER_WORK = "nvmlDeviceGetProcessesUtilizationInfo"
OLDER_WORK = "nvmlDeviceGetProcessUtilization"
ENERGY = "nvmlDeviceGetTotalEnergyConsumption"


def card(number: int, **fields: object) -> Device:
    """A device of its own id and place; minor numbers run against the order of the places."""
    return Device(
        uuid=f"GPU-{number:08x}-0000-4000-8000-000000000000",
        pci=f"00000000:{0x17 + number:02X}:00.0",
        minor=7 - number,
        **fields,  # type: ignore[arg-type]  # passed on as they are
    )


def ended(pid: int) -> Holder:
    """The holder of a process that /proc does not know."""
    return Holder(HolderKind.PROCESS, f"{pid}@ended")


def told(batches: Iterable[SampleBatch]) -> list[DeviceEvent]:
    """Events of devices, without what is told of the host and its library."""
    kinds = DeviceEventKind
    return [event for batch in batches for event in batch.events if event.kind != kinds.FACT]


def read_until(meter: Meter, wanted: Callable[[SampleBatch], bool]) -> list[SampleBatch]:
    """Batches up to the first that is wanted, it included."""
    batches: list[SampleBatch] = []
    while not batches or not wanted(batches[-1]):
        assert len(batches) < BATCHES_MAX, batches[-1]
        batches.append(meter.next(SampleBatch))
    return batches


def by_id(batch: SampleBatch) -> dict[str, Sample]:
    """Samples by their device."""
    return {sample.device.hardware_id: sample for sample in batch.samples}


def integrated(batches: Iterable[SampleBatch]) -> DeviceMinutes:
    """What the first device's samples add up to."""
    return minutes_of(batches)[0]


def minutes_of(batches: Iterable[SampleBatch]) -> tuple[DeviceMinutes, ...]:
    """What every device's samples add up to."""
    first, *_ = batches = list(batches)
    integrator = Integrator(
        boot_id=bytes(16),
        segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
        start_boottime_ms=first.boottime_ms,
        naming=HolderNaming(bytes(SALT_BYTES)),
    )
    for batch in batches:
        integrator.observe(batch)
    return integrator.flush(batches[-1].boottime_ms)


# Utilisation.


def test_garbage_in_the_drivers_buffer_is_unknown_and_counted(meters: Meters) -> None:
    """A sample of 4294967295 % makes just its own 200 ms unknown, and an event counts it (U5)."""
    states = (
        State(from_ms=0, gpu_percent=40),
        State(from_ms=1_400, gpu_percent=GARBAGE),
        State(from_ms=1_600, gpu_percent=40),
    )
    meter = meters.start(Scenario(devices=(card(0, sample_period_ms=200, states=states),)))
    meter.at(1_000)
    meter.control.now_ms = 2_000

    batches = read_until(meter, lambda batch: bool(seen_of(batch.samples[0]).past))

    past = seen_of(batches[-1].samples[0]).past
    assert [(use.span_ms, use.utilisation_ppm) for use in past] == [
        (400, 400_000),
        (200, OUT_OF_RANGE),
        (400, 400_000),
    ]
    assert [(event.kind, event.value) for event in told(batches)] == [
        (DeviceEventKind.VALUE_DROPPED, 1)
    ]


@pytest.mark.parametrize("stamps", [Stamps(clock="unix"), Stamps(clock="boot")])
def test_stamps_of_any_clock_are_cursors(meters: Meters, stamps: Stamps) -> None:
    """Whether samples are stamped since 1970 or since boot, the past is the same (U11, S11)."""
    states = (State(from_ms=0), State(from_ms=1_600, gpu_percent=100))
    device = card(0, sample_period_ms=200, states=states)
    meter = meters.start(Scenario(devices=(device,), stamps=stamps))
    meter.at(1_000)
    meter.control.now_ms = 2_000

    batches = read_until(meter, lambda batch: bool(seen_of(batch.samples[0]).past))

    past = seen_of(batches[-1].samples[0]).past
    assert [(use.span_ms, use.utilisation_ppm) for use in past] == [(600, 0), (400, 1_000_000)]
    assert seen_of(batches[-1].samples[0]).utilisation_ppm == 1_000_000


@pytest.mark.parametrize(("jump_ms", "past_ms"), [(3_600_000, 1_000), (-3_600_000, 0)])
def test_a_step_of_the_drivers_clock_makes_up_no_time(
    meters: Meters, jump_ms: int, past_ms: int
) -> None:
    """Set forward by an hour, one sample stands for a second at most; set back, the newest sample
    is asked for until the buffer is begun anew (U11)."""
    states = (State(from_ms=0, gpu_percent=30),)
    stamps = Stamps(jump_ms=jump_ms, jump_at_ms=1_100)
    device = card(0, sample_period_ms=200, states=states)
    meter = meters.start(Scenario(devices=(device,), stamps=stamps))
    meter.at(1_000)

    meter.control.now_ms = 1_200
    batches = [meter.next(SampleBatch) for _ in range(5)]

    seen = [seen_of(batch.samples[0]) for batch in batches]
    assert {one.utilisation_ppm for one in seen} == {300_000}
    assert sum(use.span_ms for one in seen for use in one.past) == past_ms


def test_activity_of_instances_is_read_where_it_is_told(meters: Meters) -> None:
    """On Hopper an instance has a utilisation of its own, before it none; where two compute
    instances share a GPU instance it belongs to neither (U4)."""
    alone = Partition(slot=0, uuid="MIG-alone", gpu_instance=1, compute_slices=3)
    shared = tuple(
        Partition(slot=slot, uuid=f"MIG-shared-{slot}", gpu_instance=2, compute_instance=slot)
        for slot in (2, 3)
    )
    older = Partition(slot=0, uuid="MIG-older", gpu_instance=1)
    busy = tuple(
        Process(pid=4_000_000 + instance, gpu_instance=instance, sm_percent=60, from_ms=1_500)
        for instance in (1, 2)
    )
    scenario = Scenario(
        devices=(
            card(0, mig=True, activity=True, partitions=(alone, *shared), processes=busy),
            card(1, mig=True, architecture=7, partitions=(older,), processes=busy),
        )
    )
    meter = meters.start(scenario)
    meter.at(1_000)
    meter.control.now_ms = 2_000

    def half_of_60(batch: SampleBatch) -> bool:
        return seen_of(by_id(batch)["MIG-alone.3of7"]).utilisation_ppm == 300_000

    batch = read_until(meter, half_of_60)[-1]

    seen = seen_of(by_id(batch)["MIG-alone.3of7"])
    assert [use.utilisation_ppm for use in seen.past] == [300_000]
    parts = ("MIG-shared-2.1of7", "MIG-shared-3.1of7", "MIG-older.1of7")
    for other in (*parts, card(0).uuid, card(1).uuid):
        assert seen_of(by_id(batch)[other]).utilisation_ppm == NOT_SUPPORTED
        assert seen_of(by_id(batch)[other]).past == ()


def test_the_mean_of_two_looks_is_not_told_as_that_of_one(meters: Meters) -> None:
    """After a look that failed the driver's next answer covers both: it is left out, and the one
    after it is that of its own second."""
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1)
    failed = Error(call="nvmlGpmMigSampleGet", code=999, from_ms=2_000, to_ms=3_000)
    busy = (Process(pid=4_000_001, gpu_instance=1, sm_percent=60, from_ms=1_000, to_ms=2_000),)
    device = card(0, mig=True, activity=True, partitions=(part,), processes=busy)
    meter = meters.start(Scenario(devices=(device,), errors=(failed,)))

    def shown(batch: SampleBatch) -> int | Absent:
        return seen_of(by_id(batch)["MIG-1.1of7"]).utilisation_ppm

    meter.at(1_000)
    meter.control.now_ms = 2_000
    read_until(meter, lambda batch: isinstance(shown(batch), Absent))
    meter.control.now_ms = 3_000
    first = read_until(meter, lambda batch: shown(batch) != Absent(AbsentReason.DRIVER_ERROR))[-1]

    assert shown(first) == Absent(AbsentReason.NOT_READY)


def test_activity_above_the_whole_is_dropped(meters: Meters) -> None:
    """An instance that is said to be 137 % active is of unknown activity, and that counts (U6)."""
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1)
    values = (Value(call="nvmlGpmMetricsGet", value=137),)
    device = card(0, mig=True, activity=True, partitions=(part,), values=values)
    meter = meters.start(Scenario(devices=(device,)))

    first, second = meter.next(SampleBatch), meter.next(SampleBatch)

    assert seen_of(by_id(first)["MIG-1.1of7"]).utilisation_ppm == Absent(AbsentReason.NOT_READY)
    assert seen_of(by_id(second)["MIG-1.1of7"]).utilisation_ppm == OUT_OF_RANGE
    assert [(event.hardware_id, event.kind) for event in told([first, second])] == [
        ("MIG-1.1of7", DeviceEventKind.VALUE_DROPPED)
    ]


# Whatever a call answers.

CODES = (2, 3, 4, 6, 7, 10, 12, 13, 15, 16, 17, 19, 25, 27, 28, 999)
UNSUPPORTED = (3, 13, 25)
"""Those of them after which asking again is of no use."""
"""Every code that a driver gives for one device alone."""


def calls_of(meters: Meters, folder: Path) -> list[str]:
    """The calls on a device that the meter makes, by the driver's own account."""
    calls = folder / "calls"
    device = card(0, processes=SHARED, sample_period_ms=200)
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1)
    parted = card(1, mig=True, activity=True, partitions=(part,))
    refused = Error(call=ENERGY, code=3, device=1)
    scenario = Scenario(devices=(device, parted), calls=calls, errors=(refused,))
    meter = meters.start(scenario, now_ms=1_000)
    for now_ms in (1_000, 2_000, 3_000):
        meter.at(now_ms)
    meter.end()
    made = [line.split() for line in calls.read_text().splitlines()]
    return sorted({call for call, device in made if device != "-1"})


def test_no_answer_to_any_call_stops_another_device(meters: Meters, tmp_path: Path) -> None:
    """Each call that the meter makes on a device, refused with each code that a driver may give for
    one device: the device is read as far as it answers or told of as missing, and the devices
    beside it are read whole, tick by tick (L2)."""
    cases = [(call, code) for call in calls_of(meters, tmp_path) for code in CODES]
    part = Partition(slot=0, uuid="MIG-{}", gpu_instance=1)

    for first in range(0, len(cases), 62):
        some = cases[first : first + 62]
        devices = [card(0), *(card(place) for place, _ in enumerate(some, 1))]
        devices[1::2] = [
            replace(
                device,
                mig=True,
                activity=True,
                partitions=(replace(part, uuid=part.uuid.format(device.uuid)),),
            )
            for device in devices[1::2]
        ]
        errors = tuple(
            Error(call=call, code=code, device=place) for place, (call, code) in enumerate(some, 1)
        )
        scenario = Scenario(devices=tuple(devices), errors=errors)
        meter = meters.start(scenario, "--hung-ms", "10000")  # so many devices take their time

        batches = [meter.next(SampleBatch) for _ in range(12)]

        for batch in batches:
            whole = seen_of(by_id(batch)[card(0).uuid])
            assert isinstance(whole.utilisation_ppm, int)
            assert isinstance(whole.energy_counter_mj, int)
            assert whole.holders == frozenset()
        missing = len(devices) - sum(not key.startswith("MIG") for key in by_id(batches[-1]))
        mute = ("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID")
        unnamed = [("nvmlDeviceGetName", code) for code in CODES if code not in UNSUPPORTED]
        assert missing == sum(call in mute or (call, code) in unnamed for call, code in some)
        meter.end()


def test_a_name_refused_at_first_is_waited_for(meters: Meters) -> None:
    """A device is described once, with its name: one that is refused its name at first is missing
    with the reason, and is there as soon as the name is told (L2)."""
    late = Error(call="nvmlDeviceGetName", code=19, device=1, to_ms=8_000)
    meter = meters.start(Scenario(devices=(card(0), card(1)), errors=(late,)), now_ms=1_000)

    unnamed = [meter.at(now_ms) for now_ms in (1_000, 2_000)]
    named = [meter.at(now_ms) for now_ms in range(9_000, 90_000, 9_000)]

    assert all(card(1).uuid not in by_id(batch) for batch in unnamed)
    assert {by_id(batch)[card(0).uuid].device.model for batch in unnamed} == {card(0).name}
    told = [by_id(batch)[card(1).uuid] for batch in named if card(1).uuid in by_id(batch)]
    assert told
    assert {sample.device.model for sample in told} == {card(1).name}
    meter.end()


# Processes.

SHARED = (
    Process(pid=4_000_001, sm_percent=60, to_ms=2_500),
    Process(pid=4_000_001, from_ms=2_500),
    Process(pid=4_000_002, sm_percent=20, to_ms=2_500),
    Process(pid=4_000_002, from_ms=2_500),
    Process(pid=4_000_003, sm_percent=90, to_ms=900),
)


def work_of(batch: SampleBatch) -> dict[Holder, int] | Absent:
    """What each holder of the first device did."""
    work = seen_of(batch.samples[0]).work
    return work if isinstance(work, Absent) else {one.holder: one.sm_ppm for one in work}


@pytest.mark.parametrize(
    ("without", "errors"),
    [
        (frozenset(), ()),
        (frozenset({NEWER_WORK}), ()),
        (frozenset({OLDER_WORK}), ()),
        (frozenset(), (Error(call=NEWER_WORK, code=3),)),
        (frozenset(), (Error(call=OLDER_WORK, code=3),)),
    ],
    ids=["both", "older", "newer", "newer-refused", "older-refused"],
)
def test_work_of_processes_is_read_by_either_call(
    meters: Meters, without: frozenset[str], errors: tuple[Error, ...]
) -> None:
    """Whichever of the two calls a driver has, what processes did since the last look is told; the
    first answer averages the buffer, with a process that is gone, and is not used; who did nothing
    since has no row and did nothing (U7, U10, S8, S9, S17)."""
    scenario = Scenario(devices=(card(0, processes=SHARED),), errors=errors)
    meter = meters.start(scenario, without=without, now_ms=1_000)
    first = meter.next(SampleBatch)

    meter.control.now_ms = 2_000
    worked = read_until(meter, lambda batch: any(dict(work_of(batch)).values()))  # type: ignore[arg-type]  # known from the second look on
    meter.control.now_ms = 3_000
    meter.at(3_000)
    idle = meter.next(SampleBatch)

    one, two = ended(4_000_001), ended(4_000_002)
    assert work_of(first) == Absent(AbsentReason.NOT_READY)
    assert work_of(worked[-1]) == {one: 600_000, two: 200_000}
    assert work_of(idle) == {one: 0, two: 0}


def test_work_is_unknown_where_no_call_tells_it(meters: Meters) -> None:
    """Without either call nobody's work is known; holders are (S17)."""
    missing = frozenset({NEWER_WORK, OLDER_WORK})
    meter = meters.start(Scenario(devices=(card(0, processes=SHARED),)), without=missing)

    batch = meter.at(1_000)

    assert work_of(batch) == NOT_SUPPORTED
    assert seen_of(batch.samples[0]).holders == frozenset({ended(4_000_001), ended(4_000_002)})


def test_a_library_of_the_barest_kind_is_read(meters: Meters) -> None:
    """A library that has nothing but identity, utilisation and one list is read as far as it goes;
    all the rest is unsupported, not zero (S17)."""
    source = NVML.sources[0].read_text(encoding="utf-8")
    exported = set(re.findall(r"^(?:NVML|SILENT)\((\w+)\)", source, re.MULTILINE))
    bare = {
        *("nvmlInitWithFlags", "nvmlShutdown", "nvmlDeviceGetCount_v2", "nvmlDeviceGetUUID"),
        *("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUtilizationRates"),
        "nvmlDeviceGetComputeRunningProcesses_v3",
    }
    assert bare < exported
    states = (State(from_ms=0, gpu_percent=70, used_bytes=1 << 30),)
    device = card(0, processes=SHARED, states=states)

    meter = meters.start(Scenario(devices=(device,)), without=frozenset(exported - bare))
    meter.next(SampleBatch)
    batch = meter.next(SampleBatch)

    (sample,) = batch.samples
    seen = seen_of(sample)
    assert (sample.device.hardware_id, sample.device.model) == (card(0).uuid, "")
    assert seen.utilisation_ppm == 700_000
    assert seen.holders == frozenset({ended(pid) for pid in (4_000_001, 4_000_002, 4_000_003)})
    assert seen.energy_counter_mj == seen.power_mw == seen.work == NOT_SUPPORTED
    assert told([batch]) == []


def test_garbage_rows_of_zombies_are_dropped_and_counted(meters: Meters) -> None:
    """Rows at 37100 % and rows of long ago are no work, and they count; rows of zeros are nothing
    at all, and rows of processes that are not listed (any more) are nobody's (U8, S10)."""
    rows = (
        *(Row(pid=50_554, sm_percent=37_100, from_ms=1_500) for _ in range(60)),
        *(Row(pid=0, sm_percent=0, stamp_us=0, from_ms=1_500) for _ in range(38)),
        Row(pid=4_000_002, sm_percent=100, stamp_us=1, from_ms=1_500),
        Row(pid=4_000_009, sm_percent=70, from_ms=1_500),
    )
    meter = meters.start(Scenario(devices=(card(0, processes=SHARED, rows=rows),)), now_ms=1_000)
    meter.at(1_000)
    meter.control.now_ms = 2_000

    batches = read_until(meter, lambda batch: bool(told([batch])))

    one, two = ended(4_000_001), ended(4_000_002)
    assert work_of(batches[-1]) in ({one: 600_000, two: 200_000}, {one: 0, two: 0})
    (event,) = told(batches)
    assert (event.kind, event.value) == (DeviceEventKind.VALUE_DROPPED, 61)


def test_what_is_dropped_every_second_is_told_once_with_its_count(meters: Meters) -> None:
    """Garbage at every look is one event at once, and another with the count a minute of looks
    later: it does not crowd out the other events of a report (U5)."""
    states = (State(from_ms=0, gpu_percent=GARBAGE),)
    meter = meters.start(Scenario(devices=(card(0, states=states),)))

    batches = [meter.next(SampleBatch) for _ in range(62)]

    assert [event.value for event in told(batches)] == [1, 60]


def test_untold_memory_and_instance_change_nothing(meters: Meters) -> None:
    """A process of unknown memory and instance holds its device all the same (P3, S7)."""
    processes = (Process(pid=4_000_001, used_bytes=None, gpu_instance=None),)
    states = (State(from_ms=0, used_bytes=7 << 30),)
    device = card(0, processes=processes, states=states)
    meter = meters.start(Scenario(devices=(device,)))

    seen = seen_of(meter.next(SampleBatch).samples[0])

    assert seen.holders == frozenset({ended(4_000_001)})
    assert seen.memory_used_bytes == 7 << 30


def test_a_list_that_grows_while_it_is_read_is_read_whole(meters: Meters) -> None:
    """However many come between two calls, the list is read whole: nobody is left out (P4, S6)."""
    processes = (Process(pid=4_000_001),)
    meter = meters.start(Scenario(devices=(card(0, processes=processes, crowd=Crowd(count=45)),)))

    counts = [
        len(holders)
        for batch in [meter.next(SampleBatch) for _ in range(4)]
        if isinstance(holders := seen_of(batch.samples[0]).holders, frozenset)
    ]

    # A call whose room was too small has been made again, and found 45 more.
    assert len(counts) == 4
    assert all((count - 1) % 45 == 0 for count in counts)
    assert sorted(set(counts)) == counts
    assert counts[-1] > 180


def test_a_zombie_keeps_its_name_and_its_device(meters: Meters) -> None:
    """A process that ended and stays listed is the holder it was; its device may go on at 100 %,
    shown as the driver tells it (P5)."""
    process = subprocess.Popen(["sleep", "1000"])
    try:
        states = (State(from_ms=0, gpu_percent=100),)
        device = card(0, processes=(Process(pid=process.pid, sm_percent=100),), states=states)
        meter = meters.start(Scenario(devices=(device,)))
        alive = seen_of(meter.at(1_000).samples[0])
    finally:
        process.kill()
        process.wait()

    gone = seen_of(meter.at(2_000).samples[0])

    assert gone.holders == alive.holders
    assert gone.utilisation_ppm == 1_000_000


def test_a_process_of_two_lists_counts_once(meters: Meters) -> None:
    """Clients of MPS stand in a list of their own and may stand in the compute list too: each is
    one holder (U13)."""
    processes = (
        Process(pid=4_000_001),
        Process(pid=4_000_001, kind=ProcessKind.MPS),
        Process(pid=4_000_002, kind=ProcessKind.MPS),
    )
    meter = meters.start(Scenario(devices=(card(0, processes=processes),)))

    holders = seen_of(meter.next(SampleBatch).samples[0]).holders

    assert holders == frozenset({ended(4_000_001), ended(4_000_002)})


@pytest.mark.parametrize("pid", [0, 4_194_305, 4_294_967_295])
def test_a_pid_that_none_can_have_is_nobodys_name(meters: Meters, pid: int) -> None:
    """0, -1 and what exceeds the kernel's own limit: dropped and counted. Alone on a device it
    makes holders unknown, for somebody is there; beside others it takes nothing from them (P10)."""
    alone, beside = (Process(pid=pid),), (Process(pid=pid), Process(pid=4_000_001))
    scenario = Scenario(devices=(card(0, processes=alone), card(1, processes=beside)))
    batch = meters.start(scenario).next(SampleBatch)

    first, second = (seen_of(sample).holders for sample in batch.samples)

    assert first == OUT_OF_RANGE
    assert second == frozenset({ended(4_000_001)})
    dropped = [(e.kind, e.detail, e.value) for e in told([batch])]
    assert dropped == [(DeviceEventKind.VALUE_DROPPED, f"pid: {pid}", 1)] * 2


@pytest.mark.parametrize("kind", [ProcessKind.MPS, ProcessKind.GRAPHICS])
def test_another_list_names_a_holder_where_one_is_refused(
    meters: Meters, kind: ProcessKind
) -> None:
    """The list of compute processes as well: who stands in another one holds the device, and where
    nobody does, nobody knows."""
    refused = Error(call="nvmlDeviceGetComputeRunningProcesses_v3", code=4)
    devices = (card(0, processes=(Process(pid=4_000_001, kind=kind),)), card(1))
    batch = meters.start(Scenario(devices=devices, errors=(refused,))).next(SampleBatch)

    held, unknown = (seen_of(sample).holders for sample in batch.samples)

    assert held == frozenset({ended(4_000_001)})
    assert unknown == Absent(AbsentReason.NO_PERMISSION)


def test_devices_are_known_by_uuid_alone(meters: Meters) -> None:
    """Another order of places, in the next run and in the middle of one, and minor numbers that run
    the other way: every value stays with its device (P8, S18)."""
    devices = tuple(
        card(number, states=(State(from_ms=0, gpu_percent=10 * number),)) for number in range(4)
    )
    before = meters.start(Scenario(devices=devices))
    after = meters.start(Scenario(devices=devices, order=(2, 0, 3, 1), order_ms=0))
    during = meters.start(
        Scenario(devices=devices, order=(3, 2, 1, 0), order_ms=1_000),
    )
    turned = [*during.since(1_000), *(during.next(SampleBatch) for _ in range(62))]

    truth = {card(number).uuid: 100_000 * number for number in range(4)}
    for batch in (before.next(SampleBatch), after.next(SampleBatch), turned[-1]):
        shown = {key: seen_of(sample).utilisation_ppm for key, sample in by_id(batch).items()}
        assert shown == truth
    assert told(turned) == []


# Energy and power.


def test_a_counter_that_goes_down_begins_a_new_epoch(meters: Meters) -> None:
    """A decrease is an event and time of unknown energy, never a wrap and never less than nothing;
    what is counted after it counts again (E1, E8)."""
    values = (Value(call=ENERGY, value=5, from_ms=2_000, to_ms=3_000),)
    meter = meters.start(Scenario(devices=(card(0, values=values),)))

    minutes = integrated([meter.at(now_ms) for now_ms in (0, 1_000, 2_000, 3_000, 4_000)])

    reset = [event for event in minutes.events if event.kind == DeviceEventKind.ENERGY_RESET]
    (reading,) = minutes.readings
    assert [event.value for event in reset] == [70_000]
    # 0 to 1 s; the unknown decrease; from 5 mJ up to what 3 s of 70 W are; 3 to 4 s.
    assert reading.energy_mj == 70_000 + (210_000 - 5) + 70_000
    assert reading.energy_known_ms < reading.observed_ms


def test_a_counter_that_moves_in_steps_adds_up(meters: Meters) -> None:
    """A counter that moves every 20 ms only: the differences add up to what it counted (E3)."""
    states = (State(from_ms=0, power_mw=333_333),)
    scenario = Scenario(devices=(card(0, energy_step_ms=20, states=states),))
    meter = meters.start(scenario)

    batches = [meter.at(now_ms) for now_ms in range(7, 3_000, 333)]
    (reading,) = integrated(batches).readings

    first, last = (seen_of(batches[place].samples[0]).energy_counter_mj for place in (0, -1))
    assert isinstance(first, int)
    assert isinstance(last, int)
    assert last == 333_333 * 2_660 // 1_000
    assert reading.energy_mj == last - first


def test_counter_and_power_are_never_mixed(meters: Meters, tmp_path: Path) -> None:
    """Where the counter counts half of what power adds up to, the counter stands and power is not
    even asked for; power is read for its own sake only once in ten seconds, as evidence (E4)."""
    states = (State(from_ms=0, power_mw=400_000),)
    device = card(0, energy_percent=50, states=states)
    meter = meters.start(Scenario(devices=(device,)))

    batches = [meter.at(now_ms) for now_ms in (0, 1_000, 2_000)]
    (reading,) = integrated(batches).readings

    assert (reading.energy_mj, reading.energy_integrated) == (400_000, False)
    assert {seen_of(batch.samples[0]).power_mw for batch in batches} == {
        Absent(AbsentReason.NOT_RECORDED)
    }


def test_integrated_power_is_marked(meters: Meters) -> None:
    """Energy from power is exact for the power told, and marked as integrated (E2)."""
    states = (State(from_ms=0, power_mw=54_321),)
    refused = Error(call=ENERGY, code=3)
    meter = meters.start(Scenario(devices=(card(0, states=states),), errors=(refused,)))

    batches = [meter.next(SampleBatch) for _ in range(5)]
    (reading,) = integrated(batches).readings

    assert reading.energy_integrated
    assert reading.energy_mj == 54_321 * reading.energy_known_ms // 1_000
    assert reading.energy_known_ms == batches[-1].boottime_ms - batches[0].boottime_ms


def test_a_module_is_not_charged_to_its_accelerator(meters: Meters) -> None:
    """Where counter and power cover a processor too, the accelerator's own power is taken (E6)."""
    states = (State(from_ms=0, power_mw=500_000),)
    device = card(0, name="NVIDIA GH200 480GB", module_mw=300_000, states=states)
    meter = meters.start(Scenario(devices=(device,)))

    seen = seen_of(meter.at(10_000).samples[0])

    assert seen.energy_counter_mj == NOT_SUPPORTED
    assert seen.power_mw == 500_000


def test_a_module_that_does_not_say_so_yet_is_charged_nothing(meters: Meters) -> None:
    """While the driver is not ready to tell whether a processor shares the board, the counter may
    be both's: it is taken for nobody's (E6)."""
    states = (State(from_ms=0, power_mw=500_000),)
    device = card(0, name="NVIDIA GH200 480GB", module_mw=300_000, states=states)
    waiting = Error(call="nvmlDeviceGetFieldValues", code=27, to_ms=2_000)
    meter = meters.start(Scenario(devices=(device,), errors=(waiting,)))

    before, after = (seen_of(meter.at(now_ms).samples[0]) for now_ms in (1_000, 10_000))

    assert before.energy_counter_mj == Absent(AbsentReason.NOT_READY)
    assert (after.energy_counter_mj, after.power_mw) == (NOT_SUPPORTED, 500_000)


def test_a_counter_that_is_not_ready_is_absent(meters: Meters) -> None:
    """In confidential mode the counter waits for the machine; nothing stands in for it (E9)."""
    waiting = Error(call=ENERGY, code=27, to_ms=2_000)
    meter = meters.start(Scenario(devices=(card(0),), errors=(waiting,)))

    before, after = (seen_of(meter.at(now_ms).samples[0]) for now_ms in (1_000, 2_000))

    assert before.energy_counter_mj == Absent(AbsentReason.NOT_READY)
    assert before.power_mw == Absent(AbsentReason.NOT_RECORDED)
    assert after.energy_counter_mj == 140_000


def test_sentinels_are_dropped_and_counted(meters: Meters) -> None:
    """The driver's "not known" of 63, 64 and 32 bits is no energy, no memory and no power (L14)."""
    values = (
        Value(call=ENERGY, value=0x7FFF_FFFF_FFFF_FFF2),
        Value(call="nvmlDeviceGetMemoryInfo", value=0xFFFF_FFFF_FFFF_FFFF),
        Value(call="nvmlDeviceGetPowerUsage", value=GARBAGE),
    )
    refused = Error(call=ENERGY, code=3, device=1)
    devices = (card(0, values=values), card(1, values=values))
    meter = meters.start(Scenario(devices=devices, errors=(refused,)))

    batch = meter.next(SampleBatch)

    counted, powered = map(seen_of, batch.samples)
    assert counted.energy_counter_mj == powered.power_mw == OUT_OF_RANGE
    assert counted.memory_used_bytes == powered.memory_used_bytes == OUT_OF_RANGE
    assert len(told([batch])) == 4
    assert {event.kind for event in told([batch])} == {DeviceEventKind.VALUE_DROPPED}


# Errors, from the library and from the kernel's log.


NUMBERS = count(1_432)
"""The kernel numbers the records of its log."""


def xid_line(device: Device, number: int) -> str:
    """A record of the kernel's log as the driver writes it, and as /dev/kmsg gives it."""
    place = device.pci.removeprefix("0000").removesuffix(".0").lower()
    text = f"NVRM: Xid (PCI:{place}): {number}, pid='<unknown>', name=<unknown>, and more"
    return f"3,{next(NUMBERS)},98765432,-;{text}\n SUBSYSTEM=pci\n"


def test_an_error_of_both_sources_is_told_once(meters: Meters, tmp_path: Path) -> None:
    """What library and kernel both tell is one event; what only the kernel tells, and what was told
    before the meter began, is one and none; a repetition counts again (L3)."""
    log = tmp_path / "kmsg"
    devices = (card(0), card(1, xids={1_000: 79, 2_000: 79}))
    log.write_text(xid_line(devices[0], 31))
    meter = meters.start(Scenario(devices=devices), "--kernel-log", str(log))
    meter.at(500)

    with log.open("a") as kernel:
        kernel.write(f"6,{next(NUMBERS)},98765430,-;usb 1-1: new device\n")
        kernel.write(xid_line(devices[1], 79))
        kernel.write(xid_line(devices[0], 62))
        kernel.flush()
        batches = [meter.next(SampleBatch), meter.next(SampleBatch), *meter.since(1_000)]
        batches += meter.since(2_000)
        kernel.write(xid_line(devices[1], 79))
    batches += [*meter.since(3_000), *(meter.next(SampleBatch) for _ in range(3))]

    xids = [event for event in told(batches) if event.kind == DeviceEventKind.XID]
    assert sorted((event.hardware_id, event.value) for event in xids) == [
        (devices[0].uuid, 62),
        (devices[1].uuid, 79),
        (devices[1].uuid, 79),
    ]


def test_the_kernel_speaks_while_the_driver_hangs(meters: Meters, tmp_path: Path) -> None:
    """XID 119 and a call that does not return: the error is told at once, beside the hang (S15)."""
    log = tmp_path / "kmsg"
    log.touch()
    device = card(0)
    hang = Hang(call=ENERGY, from_ms=1_000, to_ms=120_000)
    meter = meters.start(Scenario(devices=(device,), hangs=(hang,)), "--kernel-log", str(log))
    meter.at(500)

    meter.control.now_ms = 1_000
    hung = meter.notice(NoticeKind.HUNG)
    log.write_text(xid_line(device, 119))
    batch = meter.next(SampleBatch)
    meter.control.now_ms = 120_000
    meter.notice(NoticeKind.ANSWERED)

    assert hung.detail == ENERGY
    assert batch.samples == ()
    assert [(event.hardware_id, event.value) for event in batch.events] == [(device.uuid, 119)]


def test_what_the_kernel_says_while_the_meter_begins_anew_is_told_once(
    meters: Meters, tmp_path: Path
) -> None:
    """A new process reads on where the one before it stopped: the agent remembers (L3)."""
    log = tmp_path / "kmsg"
    device = card(0)
    log.write_text(xid_line(device, 31))
    meter = meters.start(Scenario(devices=(device,)), "--kernel-log", str(log))
    while not (began := meter.next(SampleBatch)).kernel_sequence:
        pass
    with log.open("a") as kernel:
        kernel.write(xid_line(device, 62))
    while not (before := meter.next(SampleBatch)).events:
        pass

    meter.ask(Release(duration_ms=60_000))
    meter.gone()
    with log.open("a") as kernel:
        kernel.write(xid_line(device, 79))
    meter.met()
    meter.ask(Resume(kernel_sequence=before.kernel_sequence))
    batches = [meter.next(SampleBatch) for _ in range(4)]

    assert before.kernel_sequence == began.kernel_sequence + 1
    assert [event.value for event in before.events] == [62]
    xids = [event for event in told(batches) if event.kind == DeviceEventKind.XID]
    assert [(event.hardware_id, event.value) for event in xids] == [(device.uuid, 79)]
    assert max(batch.kernel_sequence for batch in batches) == before.kernel_sequence + 1


def test_a_kernel_log_that_may_not_be_read_stops_nothing(meters: Meters, tmp_path: Path) -> None:
    """Without the right to read it, errors come from the library alone (L3)."""
    absent = ("--kernel-log", str(tmp_path / "none"))
    meter = meters.start(Scenario(devices=(card(0, xids={1_000: 79}),)), *absent)
    meter.at(500)
    meter.control.now_ms = 1_000

    batches = read_until(meter, lambda batch: bool(told([batch])))

    assert [event.value for event in told(batches)] == [79]


# Life cycle.


def test_a_session_that_still_works_is_kept(meters: Meters) -> None:
    """An exchanged driver may refuse new sessions only: the one there is reads on (L1)."""
    refusal = Error(call="nvmlInitWithFlags", code=18, from_ms=1_000)
    meter = meters.start(Scenario(devices=(card(0),), errors=(refusal,)))
    meter.at(500)

    batches = [meter.at(now_ms) for now_ms in (1_000, 2_000, 3_000)]

    assert [seen_of(batch.samples[0]).energy_counter_mj for batch in batches] == [
        70_000,
        140_000,
        210_000,
    ]


def test_a_place_without_a_device_is_looked_at_again(meters: Meters) -> None:
    """A device that gives no handle at the start is told of, and read ten looks after it does; the
    other three never wait for it (L2, S13)."""
    missing = Error(call="nvmlDeviceGetHandleByIndex_v2", code=15, device=1, to_ms=1_000)
    devices = tuple(card(number) for number in range(4))
    meter = meters.start(Scenario(devices=devices, errors=(missing,)))

    first = meter.next(SampleBatch)
    notice = meter.notice(NoticeKind.UNIDENTIFIED)
    meter.control.now_ms = 1_000
    later = read_until(meter, lambda batch: len(batch.samples) == 4)
    resolved = meter.notice(NoticeKind.UNIDENTIFIED)

    assert [sample.device.hardware_id for sample in first.samples] == [
        card(number).uuid for number in (0, 2, 3)
    ]
    assert notice.detail == "设备 1：设备失联。device 1: device_lost"
    assert resolved.detail == ""
    assert len(later) <= 12


def test_a_device_vanishes_without_an_error_event(meters: Meters) -> None:
    """A device can fall off the bus without a word: lost all the same, and its first utilisation
    after it is back is left out as after any start (L3, U2)."""
    states = (State(from_ms=0, gpu_percent=100),)
    scenario = Scenario(
        devices=(card(0), card(1, states=states)),
        losses=(Lost(device=1, from_ms=1_000, to_ms=2_000),),
    )
    meter = meters.start(scenario)
    meter.at(500)

    lost = meter.since(1_000)
    meter.control.now_ms = 2_000
    back = read_until(meter, lambda batch: isinstance(batch.samples[1].seen, Observation))
    again = meter.next(SampleBatch)

    assert lost[-1].samples[1].seen == Absent(AbsentReason.DEVICE_LOST)
    assert told([*lost, *back, again]) == []
    assert seen_of(back[-1].samples[1]).utilisation_ppm == Absent(AbsentReason.NOT_READY)
    assert seen_of(again.samples[1]).utilisation_ppm == 1_000_000


def test_a_device_that_wants_a_reset_is_told_of(meters: Meters) -> None:
    """Healthy by every other value, yet the driver asks for a reset: an event says so once, and
    another that it does not any more (L4)."""
    values = (Value(call="field.230", value=1, from_ms=0, to_ms=1_000),)
    meter = meters.start(Scenario(devices=(card(0), card(1, values=values))))

    batches = [meter.next(SampleBatch)]
    meter.control.now_ms = 1_000
    batches += read_until(meter, lambda batch: bool(told([batch])))

    assert [(event.hardware_id, event.kind, event.value) for event in told(batches)] == [
        (card(1).uuid, DeviceEventKind.HEALTH, 1),
        (card(1).uuid, DeviceEventKind.HEALTH, 0),
    ]


def test_one_session_serves_every_look(meters: Meters, tmp_path: Path) -> None:
    """However often the meter looks, it opens the driver once and closes it once, holds the same
    files, leaves accounting mode as it found it, and says whether the driver stays loaded without
    clients (L6, L9, L10)."""
    calls = tmp_path / "calls"
    scenario = Scenario(devices=(card(0, persistence=False), card(1)), calls=calls)
    meter = meters.start(scenario)
    first = meter.next(SampleBatch)
    files = Path(f"/proc/{meter.process.pid}/fd")
    before = len(list(files.iterdir()))

    for _ in range(70):
        meter.next(SampleBatch)
    after = len(list(files.iterdir()))
    meter.end()

    made = [line.split()[0] for line in calls.read_text().splitlines()]
    assert made.count("nvmlInitWithFlags") == made.count("nvmlShutdown") == 1
    assert made.count("nvmlDeviceGetTotalEnergyConsumption") >= 140
    assert made.count("nvmlDeviceGetName") == made.count("nvmlEventSetCreate") * 2 == 2
    assert before == after
    facts = {event.hardware_id: event.detail for event in first.events if event.hardware_id}
    assert facts == {card(0).uuid: "persistence=off", card(1).uuid: "persistence=on"}
    assert not [call for call in made if "Accounting" in call]


def test_a_reused_handle_is_seen_through(meters: Meters) -> None:
    """Another instance behind an old handle: not one sample of the old instance shows what the new
    one does; the new one begins within a look, the old one ends, an event tells (L8, S5)."""
    parts = (
        Partition(slot=0, uuid="MIG-old", gpu_instance=1, to_ms=1_000),
        Partition(slot=0, uuid="MIG-new", gpu_instance=2, compute_slices=2, from_ms=1_000),
    )
    processes = (
        Process(pid=4_000_001, gpu_instance=1, to_ms=1_000),
        Process(pid=4_000_002, gpu_instance=2, from_ms=1_000),
    )
    device = card(0, mig=True, partitions=parts, processes=processes)
    meter = meters.start(Scenario(devices=(device,)))
    meter.at(500)

    meter.control.now_ms = 1_000
    batches = read_until(meter, lambda batch: "MIG-new.2of7" in by_id(batch))

    new = by_id(batches[-1])["MIG-new.2of7"]
    assert seen_of(new).holders == frozenset({ended(4_000_002)})
    assert (new.device.share_numerator, new.device.share_denominator) == (2, 7)
    for batch in batches:
        old = by_id(batch).get("MIG-old.1of7")
        if old is not None and isinstance(old.seen, Observation):
            assert old.seen.holders == frozenset({ended(4_000_001)})
    assert "MIG-old.1of7" not in by_id(batches[-1])
    assert [event.kind for event in told(batches)] == [DeviceEventKind.PARTITIONED]
    assert len(batches) <= 4


def test_a_partition_of_the_same_uuid_and_other_slices_is_another_device(meters: Meters) -> None:
    """The driver gives a UUID again to an instance of the same numbers and another profile: from
    then on nothing is told at the old share. The old one ends at the look that shows the new one,
    no gap follows, and no stretch has both (L8)."""
    parts = (
        Partition(slot=0, uuid="MIG-5d", gpu_instance=1, compute_slices=4, to_ms=1_000),
        Partition(slot=0, uuid="MIG-5d", gpu_instance=1, compute_slices=1, from_ms=1_000),
    )
    meter = meters.start(Scenario(devices=(card(0, mig=True, partitions=parts),)))
    meter.at(500)
    meter.control.now_ms = 1_000

    batches = read_until(meter, lambda batch: "MIG-5d.1of7" in by_id(batch))
    *before, last = batches
    later = replace(last, boottime_ms=last.boottime_ms + 3_000, events=())
    given = {one.device.hardware_id: one for one in minutes_of([*batches, later])}

    for batch in before:
        assert "MIG-5d.4of7" in by_id(batch)
    assert "MIG-5d.4of7" not in by_id(last)
    old, new = given["MIG-5d.4of7"], given["MIG-5d.1of7"]
    assert (old.device.share, new.device.share) == ((4, 7), (1, 7))
    assert (old.end_boottime_ms, old.gap_ms) == (last.boottime_ms, 0)
    assert (new.start_boottime_ms, new.gap_ms) == (last.boottime_ms, 0)
    assert [event.kind for event in told(batches)] == [DeviceEventKind.PARTITIONED]


@pytest.mark.parametrize("call", ["nvmlDeviceGetMigMode", "nvmlDeviceGetMigDeviceHandleByIndex"])
def test_a_call_that_fails_once_takes_no_partition_away(meters: Meters, call: str) -> None:
    """Which instances there are is unknown until the driver says so again: a gap with the driver's
    error, at once asked again, and no other device is affected (L8)."""
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1)
    failed = Error(call=call, code=999, device=0, from_ms=1_000, to_ms=2_000)
    device = card(0, mig=True, partitions=(part,))
    meter = meters.start(Scenario(devices=(device, card(1)), errors=(failed,)))
    meter.at(500)
    absent = Absent(AbsentReason.DRIVER_ERROR)

    meter.control.now_ms = 1_000
    failing = read_until(meter, lambda batch: by_id(batch)["MIG-1.1of7"].seen == absent)
    notice = meter.notice(NoticeKind.UNIDENTIFIED)
    meter.control.now_ms = 2_000
    after = read_until(meter, lambda batch: by_id(batch)["MIG-1.1of7"].seen != absent)

    name = card(0).uuid
    assert notice.detail == f"{name} 的分区：驱动出错。partitions of {name}: driver_error"
    assert isinstance(by_id(after[-1])["MIG-1.1of7"].seen, Observation)
    for batch in (*failing, *after):
        assert isinstance(by_id(batch)[card(1).uuid].seen, Observation)
    assert told([*failing, *after]) == []


def test_partitions_untold_after_the_meter_began_anew_are_a_gap(meters: Meters) -> None:
    """A new process knows no instance, and the driver refuses to list them: what was there before
    is a gap until a look tells of it, ends there without one if it is gone, and no other device is
    affected (L8)."""
    parts = (
        Partition(slot=0, uuid="MIG-1", gpu_instance=1),
        Partition(slot=1, uuid="MIG-2", gpu_instance=2, to_ms=1_000),
    )
    failed = Error(call="nvmlDeviceGetMigMode", code=999, device=0, from_ms=1_000, to_ms=2_000)
    device = card(0, mig=True, partitions=parts)
    meter = meters.start(Scenario(devices=(device, card(1)), errors=(failed,)))
    batches = [meter.next(SampleBatch)]

    meter.ask(Release(duration_ms=60_000))
    meter.gone()
    meter.control.now_ms = 1_000
    meter.reconnected()
    untold = [meter.next(SampleBatch) for _ in range(3)]
    meter.control.now_ms = 2_000
    after = read_until(meter, lambda batch: "MIG-1.1of7" in by_id(batch))
    last = meter.next(SampleBatch)
    batches = [*batches, *untold, *after, last]
    given = {one.device.hardware_id: one for one in minutes_of(batches)}

    for batch in untold:
        assert list(by_id(batch)) == [card(0).uuid, card(1).uuid]
        assert batch.untold == (card(0).uuid,)
    assert (after[-1].untold, last.untold) == ((), ())
    assert len(after) <= 12
    meanwhile = {one.device.hardware_id: one for one in minutes_of([*batches[:1], *untold])}
    for part in ("MIG-1.1of7", "MIG-2.1of7"):
        assert meanwhile[part].end_boottime_ms == untold[-1].boottime_ms
    kept, gone = given["MIG-1.1of7"], given["MIG-2.1of7"]
    begun, told_again = untold[0].boottime_ms, after[-1].boottime_ms
    assert [(g.start_boottime_ms, g.end_boottime_ms, g.reason) for g in kept.gaps] == [
        (begun, told_again, GapReason.DEVICE_LOST)
    ]
    assert kept.end_boottime_ms == last.boottime_ms
    assert kept.observed_ms + kept.gap_ms == kept.elapsed_ms
    assert begun <= gone.end_boottime_ms < told_again
    assert given[card(1).uuid].gap_ms == 0


def test_a_partition_without_a_share_is_told_of(meters: Meters) -> None:
    """An instance said to have nine of seven slices, or none, cannot be counted: it is told of in
    words, and every other instance and device is read (L8)."""
    parts = tuple(
        Partition(slot=slot, uuid=f"MIG-{slot}", gpu_instance=slot, compute_slices=slices)
        for slot, slices in enumerate((9, 2, 0))
    )
    meter = meters.start(Scenario(devices=(card(0, mig=True, partitions=parts), card(1))))

    batch = meter.next(SampleBatch)
    notice = meter.notice(NoticeKind.UNIDENTIFIED)

    assert list(by_id(batch)) == [card(0).uuid, card(1).uuid, "MIG-1.2of7"]
    assert notice.detail == (
        "分区 MIG-0：份额为 9/7；分区 MIG-2：份额为 0/7。"
        "partition MIG-0: a share of 9/7; partition MIG-2: a share of 0/7"
    )


def test_partitioning_is_noticed_at_once(meters: Meters) -> None:
    """A device that has its utilisation no longer is looked at for partitions at the next look,
    not a minute later (L8)."""
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1, from_ms=1_000)
    off = Value(call="nvmlDeviceGetMigMode", value=0, to_ms=1_000)
    meter = meters.start(Scenario(devices=(card(0, mig=True, partitions=(part,), values=(off,)),)))
    meter.at(500)

    meter.control.now_ms = 1_000
    batches = read_until(meter, lambda batch: "MIG-1.1of7" in by_id(batch))

    assert len(batches) <= 4


def test_a_device_that_sleeps_hides_no_other(meters: Meters, tmp_path: Path) -> None:
    """The others are looked at for partitions, and for a wish to be reset, as ever; the one that
    sleeps is asked nothing (L12)."""
    power = tmp_path / "sys/bus/pci/devices/0000:17:00.0/power"
    power.mkdir(parents=True)
    (power / "control").write_text("auto\n")
    (power / "runtime_status").write_text("active\n")
    calls = tmp_path / "calls"
    part = Partition(slot=0, uuid="MIG-1", gpu_instance=1, from_ms=1_000)
    scenario = Scenario(devices=(card(0), card(1, mig=True, partitions=(part,))), calls=calls)
    meter = meters.start(scenario, "--sys", str(tmp_path / "sys"))
    meter.next(SampleBatch)

    (power / "runtime_status").write_text("suspended\n")
    read_until(meter, lambda batch: seen_of(batch.samples[0]).utilisation_ppm == 0)
    calls.write_bytes(b"")
    meter.control.now_ms = 1_000
    batch = read_until(meter, lambda batch: "MIG-1.1of7" in by_id(batch))[-1]
    made = [line.split() for line in calls.read_text().splitlines()]

    assert [call for call, device in made if device == "0"] == []
    assert not isinstance(by_id(batch)[card(0).uuid].seen, Absent)


def test_a_device_that_sleeps_is_not_woken(meters: Meters, tmp_path: Path) -> None:
    """A device the kernel has put to sleep is idle without being asked; awake it is read (L12)."""
    power = tmp_path / "sys/bus/pci/devices/0000:17:00.0/power"
    power.mkdir(parents=True)
    (power / "control").write_text("auto\n")
    (power / "runtime_status").write_text("active\n")
    calls = tmp_path / "calls"
    states = (State(from_ms=0, gpu_percent=5),)
    scenario = Scenario(devices=(card(0, states=states), card(1)), calls=calls)
    meter = meters.start(scenario, "--sys", str(tmp_path / "sys"))
    awake = meter.next(SampleBatch)

    (power / "runtime_status").write_text("suspended\n")
    asleep = read_until(meter, lambda batch: seen_of(batch.samples[0]).utilisation_ppm == 0)[-1]
    calls.write_bytes(b"")
    for _ in range(70):
        meter.next(SampleBatch)
    made = [line.split() for line in calls.read_text().splitlines()]

    assert seen_of(awake.samples[0]).utilisation_ppm == 50_000
    assert seen_of(asleep.samples[0]).holders == Absent(AbsentReason.NOT_RECORDED)
    assert [call for call, device in made if device == "0"] == []
    assert [call for call, device in made if device == "1"] != []
