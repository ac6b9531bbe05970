"""Traces and their replay: what stands in the trace is what is counted, nothing else."""

from collections.abc import Iterable

import pytest
from kashi_agent.metering import Metering
from kashi_agent.meters.replay import ReplayMeter
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import DeviceMinutes, GapReason
from kashi_agent.sample import Absent, AbsentReason, Device, MeterKind, Observation, Vendor
from kashi_agent.stretch import Stretch
from kashi_agent.tiling import joined
from kashi_agent.trace import Entry, Hole, Origin, Span, Trace, TraceError, read_trace

from deploy.demo.manual_clock import ManualClock
from deploy.demo.playing import played, replay_clock
from deploy.demo.trace_writing import write_trace
from deploy.demo.workload import DAY_MS, NOTE, Group, Profile, generated_workload

NAMING = HolderNaming(bytes(32))
START_UTC_MS = 1_790_784_000_000
HEAD = (
    '{"format":"kashi/v1/trace","origin":"recorded","note":"by hand","start_utc_ms":1790784000000,'
    '"span_ms":300000,"cadence_ms":1000,"devices":['
    '{"vendor":"NVIDIA","hardware_id":"GPU-1","model":"Card","memory_bytes":1024},'
    '{"vendor":"HUAWEI","hardware_id":"NPU-1","model":"910B"}]}'
)
LINES = [
    HEAD,
    '{"device":0,"start_ms":0,"end_ms":90000,"utilisation_ppm":500000,"holders":[["POD","a"]]}',
    '{"device":1,"start_ms":10000,"end_ms":20000,"utilisation_ppm":0,"holders":[],"power_mw":90000}',
    '{"device":0,"start_ms":90000,"end_ms":100000,"gap":"NO_PERMISSION"}',
    '{"device":0,"start_ms":120000,"end_ms":130000}',
    '{"device":1,"at_ms":150000,"gone":true}',
]


def devices_of(stretches: Iterable[Stretch]) -> dict[str, DeviceMinutes]:
    """All that was played, device by device."""
    parts: dict[str, list[DeviceMinutes]] = {}
    for stretch in stretches:
        for minutes in stretch.devices:
            parts.setdefault(minutes.device.hardware_id, []).append(minutes)
    return {key: joined(part) for key, part in parts.items()}


def play(trace: Trace, step_ms: int) -> dict[str, DeviceMinutes]:
    """A whole trace."""
    clock = replay_clock(trace, bytes(16))
    return devices_of(played(trace, clock, NAMING, step_ms=step_ms))


def gaps(minutes: DeviceMinutes) -> list[tuple[int, int, GapReason]]:
    """Gaps in short."""
    return [(g.start_boottime_ms, g.end_boottime_ms, g.reason) for g in minutes.gaps]


@pytest.mark.parametrize("step_ms", [300_000, 60_000, 7_001, 1_000])
def test_a_trace_is_counted_as_it_stands(step_ms: int) -> None:
    """Spans are observed, gaps keep their reason, the rest is a hole, however it is stepped."""
    found = play(read_trace(LINES), step_ms)
    card, npu = found["GPU-1"], found["NPU-1"]

    assert gaps(card) == [
        (90_000, 100_000, GapReason.NO_PERMISSION),
        (100_000, 120_000, GapReason.TRACE_HOLE),
        (130_000, 300_000, GapReason.TRACE_HOLE),
    ]
    assert sum(r.held_ms for r in card.readings) == 90_000
    assert sum(r.utilised_ns for r in card.readings) == 90_000 * 500_000
    assert sum(r.held_known_ms for r in card.readings) == 90_000
    assert (npu.start_boottime_ms, npu.end_boottime_ms) == (10_000, 150_000)
    assert sum(r.energy_mj for r in npu.readings) == 900_000
    assert npu.device.vendor is Vendor.HUAWEI
    assert npu.device.meter is MeterKind.REPLAY


def test_samples_of_a_trace_follow_the_gap_limit() -> None:
    """At a cadence of 57 s the limit is 142.5 s: the earlier sample holds, longer is a hole."""
    head = HEAD.replace('"cadence_ms":1000', '"cadence_ms":57000').replace("300000", "600000")
    samples = [
        f'{{"device":0,"at_ms":{at},"utilisation_ppm":{ppm}}}'
        for at, ppm in ((0, 250_000), (57_000, 750_000), (199_500, 0), (342_001, 1), (400_000, 0))
    ]
    (card,) = play(read_trace([head, *samples]), 60_000).values()

    assert gaps(card)[0] == (199_500, 342_001, GapReason.TRACE_HOLE)
    assert sum(r.utilised_ns for r in card.readings) == (
        57_000 * 250_000 + 142_500 * 750_000 + 57_999
    )


def test_a_trace_survives_writing() -> None:
    """read(write(read(x))) is the same, entry by entry."""
    first = read_trace(LINES)
    entries = list(first.entries)
    again = read_trace(write_trace(Trace(first.head, iter(entries))))

    assert again.head == first.head
    assert list(again.entries) == entries


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("nonsense", "Line 2"),
        ("[]", "Line 2: .*JSON [] is not an object"),
        ('{"device":0,"start_ms":5,"end_ms":5}', "Start_ms 5 is not before end_ms 5"),
        ('{"device":2,"start_ms":0,"end_ms":5}', "device 2 is not in the head"),
        ('{"device":0,"start_ms":0,"end_ms":300001}', "leaves the trace"),
        ('{"device":0,"start_ms":0.5,"end_ms":5}', "start_ms 0.5 is not an integer"),
        ('{"device":0,"start_ms":0,"end_ms":5,"gap":"WEATHER"}', "'WEATHER' is missing or unknown"),
        ('{"device":0,"start_ms":0,"end_ms":5,"utilization":1}', "'utilization' is missing"),
        ('{"device":0,"start_ms":0,"end_ms":5,"utilisation_ppm":1000001}', "1000001 ppm"),
        ('{"device":0,"start_ms":0,"end_ms":5,"holders":[["GOD","x"]]}', "'GOD'"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str) -> None:
    """Line and field stand in the error."""
    with pytest.raises(TraceError, match=message.replace("[", r"\[")):
        list(read_trace([HEAD, line]).entries)


def test_entries_out_of_order_are_refused() -> None:
    """Neither overlapping on a device nor starting before an earlier line."""
    with pytest.raises(TraceError, match=r"Line 3: .* overlaps"):
        list(read_trace([HEAD, LINES[1], LINES[1]]).entries)
    with pytest.raises(TraceError, match="Line 3: 0 ms stands after 10000 ms"):
        list(read_trace([HEAD, LINES[2], LINES[1]]).entries)


def test_a_trace_is_read_lazily() -> None:
    """A wrong line far down is only met when it is reached."""
    lines = iter([*LINES[:3], "nonsense"])
    entries = read_trace(lines).entries

    assert isinstance(next(entries), Span)
    assert isinstance(next(entries), Span)
    with pytest.raises(TraceError, match="Line 4"):
        next(entries)


def test_an_empty_trace_is_refused() -> None:
    """Its head is missing."""
    with pytest.raises(TraceError, match="empty"):
        read_trace([])


def test_a_live_replay_shows_what_the_trace_has_now() -> None:
    """Read at its own pace, a device is seen, lost or not recorded as the trace says."""
    clock = ManualClock(boottime=500, utc=START_UTC_MS)
    meter = ReplayMeter(read_trace(LINES), clock.boottime_ms, start_boottime_ms=500)
    seen: dict[int, list[Observation | Absent]] = {}
    for at in (0, 15_000, 95_000, 110_000, 160_000):
        clock.boottime = 500 + at
        seen[at] = [sample.seen for sample in meter.read().samples]

    assert len(seen[0]) == 1
    assert isinstance(seen[15_000][1], Observation)
    assert seen[95_000][0] == Absent(AbsentReason.NO_PERMISSION)
    assert seen[110_000] == [Absent(AbsentReason.NOT_RECORDED)] * 2
    assert len(seen[160_000]) == 1
    assert meter.meter.kind is MeterKind.REPLAY
    assert meter.meter.driver_version == "recorded"
    meter.close()


def test_a_live_replay_counts_what_a_fast_one_counts() -> None:
    """Sampled every second, a trace with edges on whole seconds gives the same held time."""
    clock = ManualClock(utc=START_UTC_MS)
    meter = ReplayMeter(read_trace(LINES), clock.boottime_ms, start_boottime_ms=0)
    metering = Metering(clock, NAMING)
    stretches = []
    metering.observe(meter.read())
    for _ in range(140):
        clock.advance(1_000)
        metering.observe(meter.read())
    while (stretch := metering.finish()) is not None:
        stretches.append(stretch)
    live, fast = devices_of(stretches), play(read_trace(LINES), 60_000)

    for key in ("GPU-1", "NPU-1"):
        for name in ("held_ms", "utilised_ns", "energy_mj", "observed_ms"):
            assert sum(getattr(r, name) for r in live[key].readings) == sum(
                getattr(r, name) for r in fast[key].readings
            )


def card(number: int) -> Device:
    """A replayed card."""
    return Device(
        vendor=Vendor.NVIDIA,
        hardware_id=f"GPU-{number}",
        model="Card",
        meter=MeterKind.REPLAY,
        memory_bytes=1 << 30,
    )


def workload(seed: str, *, faults: bool = True, days: int = 3) -> Trace:
    """Three groups of two cards."""
    groups = [
        Group(name=profile, profile=profile, devices=(card(2 * n), card(2 * n + 1)))
        for n, profile in enumerate(Profile)
    ]
    return generated_workload(
        groups, seed=seed, start_utc_ms=START_UTC_MS, span_ms=days * DAY_MS, faults=faults
    )


def test_a_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    """A generated workload can be made again by anybody."""
    one, same, other = (list(write_trace(workload(seed))) for seed in ("a", "a", "b"))

    assert one == same
    assert one != other


def test_a_generated_workload_says_so() -> None:
    """In its head, in both languages, with its seed."""
    head = workload("a").head

    assert head.origin is Origin.GENERATED
    assert NOTE in head.note
    assert "seed a" in head.note


def test_a_generated_workload_covers_every_millisecond() -> None:
    """Entries of a device follow each other without hole or overlap, and can be read back."""
    trace = read_trace(write_trace(workload("a")))
    reached = [0] * 6
    for entry in trace.entries:
        assert isinstance(entry, Span | Hole)
        assert reached[entry.device] == entry.start_ms
        reached[entry.device] = entry.end_ms

    assert reached == [3 * DAY_MS] * 6


def truth_of(entries: Iterable[Entry]) -> dict[int, tuple[int, int, int, int]]:
    """Observed, gap, held and utilised time of each device by arithmetic over the entries."""
    sums: dict[int, tuple[int, int, int, int]] = {}
    for entry in entries:
        observed, gap, held, utilised = sums.get(entry.device, (0, 0, 0, 0))
        if isinstance(entry, Hole):
            gap += entry.end_ms - entry.start_ms
        elif isinstance(entry, Span):
            span_ms = entry.end_ms - entry.start_ms
            seen = entry.seen
            assert isinstance(seen.utilisation_ppm, int)
            observed += span_ms
            held += span_ms if seen.holders else 0
            utilised += span_ms * seen.utilisation_ppm
        sums[entry.device] = (observed, gap, held, utilised)
    return sums


def test_a_replayed_workload_is_its_own_arithmetic() -> None:
    """Three days of six devices, played an hour at a time: every sum equals the entries'."""
    truth = truth_of(workload("a").entries)
    found = play(workload("a"), 3_600_000)

    for number in range(6):
        minutes = found[f"GPU-{number}"]
        assert truth[number] == (
            minutes.observed_ms,
            minutes.gap_ms,
            sum(r.held_ms for r in minutes.readings),
            sum(r.utilised_ns for r in minutes.readings),
        )


def test_every_kind_of_use_and_fault_occurs() -> None:
    """A month has training, idle holds, free time, unattributed work, outages and losses."""
    entries = list(workload("a", days=30).entries)
    reasons = {entry.reason for entry in entries if isinstance(entry, Hole)}
    uses = {
        (bool(entry.seen.holders), entry.seen.utilisation_ppm != 0)
        for entry in entries
        if isinstance(entry, Span)
    }

    assert reasons == {GapReason.AGENT_DOWN, GapReason.DEVICE_LOST}
    assert uses == {(False, False), (False, True), (True, False), (True, True)}
    assert not [e for e in workload("a", faults=False).entries if isinstance(e, Hole)]
