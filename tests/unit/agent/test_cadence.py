"""How seldom a meter may look, and what a meter that does not look leaves behind."""

from dataclasses import replace

import pytest
from driven_host import DEVICES, METER, SEEN, driven
from kashi import limits
from kashi_agent.evidence.cadence import CADENCE_MS, cadence_facts
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import Hello, decode_meter_message, encode_message
from kashi_agent.meter_watch import SILENT_MS
from kashi_agent.meterd import main
from kashi_agent.reading import GapReason
from kashi_agent.sample import Meter, MeterKind, Sample, SampleBatch

SLOWEST_MS = limits.LIVE_CADENCE_MS_MAX
LIVE = (MeterKind.NVML, MeterKind.ASCEND)


def batch(boottime_ms: int, meter: Meter) -> SampleBatch:
    """Every device, seen."""
    samples = tuple(Sample(device=device, seen=SEEN) for device in DEVICES)
    return SampleBatch(boottime_ms=boottime_ms, meter=meter, samples=samples)


@pytest.mark.parametrize("reason", [GapReason.METER_DOWN, GapReason.METER_HUNG])
def test_time_without_a_meter_is_never_observed(reason: GapReason) -> None:
    """A meter at the slowest cadence that looks once and is then down, over and over, each time
    for less than its gap limit: nothing of it counts as observed."""
    host = driven()
    slow = replace(METER, cadence_ms=SLOWEST_MS)
    began = host.clock.boottime
    for _ in range(20):
        host.agent.metering.observe(batch(host.clock.boottime, slow))
        host.clock.advance(100)
        host.agent.metering.interrupt(reason)
        host.clock.advance(slow.gap_limit_ms - 100)
    host.agent.metering.observe(batch(host.clock.boottime, slow))

    counted = host.agent.metering.counters()[DEVICES[0].hardware_id]

    assert counted.observed_ms == 0
    assert counted.gap_ms == host.clock.boottime - began


def test_a_meter_that_falls_silent_is_noticed_before_its_silence_counts() -> None:
    """However slow it may be told to be: what the agent waits for reaches beyond the gap limit."""
    slow = Meter(kind=MeterKind.NVML, cadence_ms=SLOWEST_MS)

    assert 3 * SLOWEST_MS <= SILENT_MS
    assert slow.gap_limit_ms < SILENT_MS


@pytest.mark.parametrize("cadence_ms", [0, 99, SLOWEST_MS + 1, 60_000])
def test_a_cadence_that_is_too_slow_is_no_setting(
    cadence_ms: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The meter does not start: status 2, and a sentence in both languages names the bounds."""
    with pytest.raises(SystemExit) as ended:
        main(["--cadence-ms", str(cadence_ms)])

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"{cadence_ms} 毫秒，须为 100 至 {SLOWEST_MS} 毫秒。" in said
    assert f"{cadence_ms} ms; it must be 100 to {SLOWEST_MS} ms" in said


@pytest.mark.parametrize("kind", LIVE)
def test_the_agent_hears_no_meter_that_is_too_slow(kind: MeterKind) -> None:
    """Neither its greeting nor its samples; a meter at the bound is heard."""
    for cadence_ms in (CADENCE_MS, SLOWEST_MS):
        hello = Hello(pid=1, kind=kind, cadence_ms=cadence_ms)
        read = batch(0, Meter(kind=kind, cadence_ms=cadence_ms))
        assert decode_meter_message(encode_message(hello)) == hello
        assert decode_meter_message(encode_message(read)) == read

    for message in (
        Hello(pid=1, kind=kind, cadence_ms=SLOWEST_MS + 1),
        batch(0, Meter(kind=kind, cadence_ms=SLOWEST_MS + 1)),
    ):
        with pytest.raises(LinkError, match=rf"cadence_ms: .*。{SLOWEST_MS + 1} ms is slower"):
            decode_meter_message(encode_message(message))


def test_a_recorded_workload_keeps_its_own_cadence() -> None:
    """Serving clusters were recorded every 57 s; nothing is recorded more rarely than a minute."""
    recorded = batch(0, Meter(kind=MeterKind.REPLAY, cadence_ms=57_000))

    assert decode_meter_message(encode_message(recorded)) == recorded
    for cadence_ms in (0, limits.CADENCE_MS_MAX + 1):
        with pytest.raises(ValueError, match="cadence_ms"):
            Meter(kind=MeterKind.REPLAY, cadence_ms=cadence_ms)


def test_a_meter_that_looks_more_rarely_than_it_need_says_so() -> None:
    """A fact of the host; at the cadence that a meter has unless told there is none."""
    slow = batch(0, Meter(kind=MeterKind.NVML, cadence_ms=SLOWEST_MS))

    assert [fact.detail for fact in cadence_facts(slow)] == [f"cadence={SLOWEST_MS} ms"]
    assert list(cadence_facts(batch(0, Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS)))) == []
