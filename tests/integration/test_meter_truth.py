"""From the fake driver to device minutes: what is measured against what the scenario says."""

import os
from dataclasses import replace

import pytest
from fakes.nvml.scenario import Device, Lost, Process, Scenario, State, Truth
from fixtures_meter import CADENCE_MS, Meter, Meters, boottime_ms, seen_of
from kashi_agent.integrator import Integrator
from kashi_agent.naming import SALT_BYTES, HolderNaming
from kashi_agent.reading import DeviceMinutes, GapReason, Segment
from kashi_agent.sample import SampleBatch

SPAN_MS = 8_000
EDGE_MS_MAX = CADENCE_MS + 60
"""An edge is seen at the tick after it: one cadence, and what a busy machine adds."""


def truth_of(scenario: Scenario, minutes: DeviceMinutes, start_ms: int, device: int) -> Truth:
    """The scenario's truth over just what was observed."""
    return scenario.truth(
        device, minutes.start_boottime_ms - start_ms, minutes.end_boottime_ms - start_ms
    )


@pytest.mark.usefixtures("fake_nvml")  # it is compiled before the scenario begins
def test_measured_time_is_the_scenarios_to_one_cadence_an_edge(meters: Meters) -> None:
    """Observed time is exact; held, active and utilised time err by one cadence at each edge."""
    states = (
        State(from_ms=0, power_mw=70_000),
        State(from_ms=1_050, gpu_percent=40, power_mw=300_000),
        State(from_ms=3_050, power_mw=70_000),
        State(from_ms=4_050, gpu_percent=80, power_mw=650_000),
        State(from_ms=7_050, power_mw=70_000),
    )
    held = (Process(pid=os.getpid(), from_ms=2_050, to_ms=6_050),)
    scenario = Scenario(
        devices=(
            Device(uuid="GPU-1", states=states, processes=held),
            Device(uuid="GPU-2", pci="00000000:18:00.0"),
        ),
        losses=(Lost(device=1, from_ms=2_050, to_ms=5_050),),
    )
    start_ms = (boottime_ms() // CADENCE_MS + 5) * CADENCE_MS
    meter = meters.start(scenario, start_boottime_ms=start_ms)
    integrator = Integrator(
        boot_id=bytes(16),
        segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
        start_boottime_ms=start_ms,
        naming=HolderNaming(bytes(SALT_BYTES)),
    )

    last = meter.next(SampleBatch)
    while last.boottime_ms < start_ms:
        last = meter.next(SampleBatch)
    while last.boottime_ms < start_ms + SPAN_MS:
        integrator.observe(last)
        last = meter.next(SampleBatch)
    integrator.observe(last)
    first, second = integrator.flush(last.boottime_ms)

    truth = truth_of(scenario, first, start_ms, 0)
    readings = first.readings
    assert first.observed_ms == truth.span_ms == first.elapsed_ms
    assert abs(sum(r.held_ms for r in readings) - truth.held_ms) <= EDGE_MS_MAX
    assert abs(sum(r.active_ms for r in readings) - truth.active_ms) <= 2 * EDGE_MS_MAX
    utilised_error_ns = abs(sum(r.utilised_ns for r in readings) - truth.utilised_ns)
    assert utilised_error_ns <= 2 * EDGE_MS_MAX * 800_000
    energy_error_mj = abs(sum(r.energy_mj for r in readings) - truth.energy_uj // 1_000)
    assert energy_error_mj <= 650 * EDGE_MS_MAX
    gap_ms = sum(gap.span_ms for gap in second.gaps)
    assert second.observed_ms + gap_ms == second.elapsed_ms
    assert abs(gap_ms - 3_000) <= EDGE_MS_MAX
    assert {gap.reason for gap in second.gaps} == {GapReason.DEVICE_LOST}


BURSTS_MS = 12_000


def stepped(meter: Meter, now_ms: int) -> SampleBatch:
    """What the meter tells of a look at an instant of the scenario, labelled with that instant.

    A look may begin before the clock is set and end after it: what it and the next ones remember of
    the past follows each other.
    """
    meter.control.now_ms = now_ms
    looks = [meter.next(SampleBatch) for _ in range(3)]
    seen = [seen_of(look.samples[0]) for look in looks]
    past = tuple(use for one in seen for use in one.past)
    sample = replace(looks[-1].samples[0], seen=replace(seen[-1], past=past))
    return replace(looks[-1], boottime_ms=now_ms, samples=(sample,), events=())


@pytest.mark.parametrize("period_ms", [200, 0], ids=["buffer", "polled"])
def test_bursts_between_two_looks_are_counted_from_the_drivers_buffer(
    meters: Meters, period_ms: int
) -> None:
    """Bursts of 400 ms, one a second, always between two looks: read from the driver's buffer they
    are counted to the millisecond; a poll a second, as every gauge is, sees none of them. So it is
    with what utilisation is: a share of the driver's last sample period (U1)."""
    bursts = tuple(
        State(from_ms=second + offset, gpu_percent=percent)
        for second in range(0, BURSTS_MS, 1_000)
        for offset, percent in ((0, 0), (400, 100), (800, 0))
    )
    scenario = Scenario(devices=(Device(uuid="GPU-1", states=bursts, sample_period_ms=period_ms),))
    meter = meters.start(scenario, now_ms=1_000)
    integrator = Integrator(
        boot_id=bytes(16),
        segment=Segment(number=1, anchor_utc_ms=0, start_boottime_ms=0),
        start_boottime_ms=1_000,
        naming=HolderNaming(bytes(SALT_BYTES)),
    )

    for now_ms in range(1_000, BURSTS_MS + 1, 1_000):
        integrator.observe(stepped(meter, now_ms))
    (minutes,) = integrator.flush(BURSTS_MS)

    truth = scenario.truth(0, 1_000, BURSTS_MS)
    utilised_ns = sum(reading.utilised_ns for reading in minutes.readings)
    active_ms = sum(reading.active_ms for reading in minutes.readings)
    assert minutes.observed_ms == truth.span_ms == 11_000
    assert (truth.utilised_ns, truth.active_ms) == (4_400_000_000, 4_400)
    told = (truth.utilised_ns, truth.active_ms) if period_ms else (0, 0)
    assert (utilised_ns, active_ms) == told
