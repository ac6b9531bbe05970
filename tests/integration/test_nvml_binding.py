"""What NVIDIA's own binding makes of a driver, and what the meter makes of the same driver."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.nvml.library import NVML, built_library
from fakes.nvml.scenario import Control, Device, Error, Process, Scenario, State
from fixtures_meter import BUILD, Meter, Meters, seen_of
from kashi_agent.metering import Metering
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import DeviceMinutes, GapReason
from kashi_agent.sample import HolderWork, SampleBatch

from deploy.demo.manual_clock import ManualClock

OLDER_WORK = "nvmlDeviceGetProcessUtilization"
NEWER_WORK = "nvmlDeviceGetProcessesUtilizationInfo"
COMPUTE = "nvmlDeviceGetComputeRunningProcesses_v3"
ENERGY = "nvmlDeviceGetTotalEnergyConsumption"
NIGHT_MS = 8 * 3_600_000
CARD = Device(uuid="GPU-1")

ASKED = """
import sys, pynvml
pynvml.nvmlInit()
handle = pynvml.nvmlDeviceGetHandleByIndex(0)
try:
    getattr(pynvml, sys.argv[1])(handle, *map(int, sys.argv[2:]))
except Exception as error:
    print(type(error).__name__, getattr(error, "value", ""))
"""


def binding(scenario: Scenario, folder: Path, without: frozenset[str], *call: str) -> str:
    """What the binding raises at a call, in a process of its own."""
    with Control(folder / "clock") as control:
        path = scenario.write_controlled(folder / "scenario", control.path)
        environ = NVML.environment(built_library(BUILD, without), path, os.environ)
        done = subprocess.run(
            [sys.executable, "-c", ASKED, *call],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
    return done.stdout.strip()


@pytest.mark.parametrize("without", [frozenset({NEWER_WORK}), frozenset[str]()])
def test_an_empty_list_is_nobodys_work_where_the_binding_raises_success(
    meters: Meters, tmp_path: Path, without: frozenset[str]
) -> None:
    """Of a driver that answers an empty list with success the binding raises an error called so;
    the meter, by either call, reads that none of the holders did anything (U9)."""
    processes = (Process(pid=4_000_001), Process(pid=4_000_002))
    scenario = Scenario(devices=(replace(CARD, processes=processes, empty_succeeds=True),))
    raised = binding(scenario, tmp_path, without, OLDER_WORK, "0")
    meter = meters.start(scenario, without=without)
    meter.next(SampleBatch)

    seen = seen_of(meter.next(SampleBatch).samples[0])

    assert raised == "NVMLError 0"
    assert isinstance(seen.holders, frozenset)
    assert seen.work == frozenset(HolderWork(holder, 0) for holder in seen.holders)
    assert len(seen.holders) == 2


def test_an_older_drivers_list_is_read_where_the_binding_gives_up(
    meters: Meters, tmp_path: Path
) -> None:
    """Of a driver without the newest list the binding raises an error that is none of NVML's; the
    meter reads the older list (L11)."""
    without = frozenset({COMPUTE})
    scenario = Scenario(devices=(replace(CARD, processes=(Process(pid=4_000_001),)),))
    call = "nvmlDeviceGetComputeRunningProcesses"
    raised = binding(scenario, tmp_path, without, call)

    seen = seen_of(meters.start(scenario, without=without).next(SampleBatch).samples[0])

    assert raised == "NVMLLibraryMismatchError"
    assert isinstance(seen.holders, frozenset)
    assert [holder.name for holder in seen.holders] == ["4000001@ended"]


def metered(meter: Meter, clock: ManualClock, metering: Metering, at_ms: range) -> None:
    """What the driver shows at these instants of the scenario, a second apart on the host's."""
    for now_ms in at_ms:
        batch = meter.at(now_ms)
        metering.observe(replace(batch, boottime_ms=clock.boottime, events=()))
        clock.advance(1_000)


def minutes_of(metering: Metering) -> DeviceMinutes:
    """Everything of the one device."""
    (minutes,) = metering.flush().devices
    return minutes


def test_power_over_a_night_asleep_and_a_step_of_the_clock_is_no_energy(meters: Meters) -> None:
    """Power is integrated over the time in which the machine ran: not over the boot clock's night,
    nor the hour by which the wall clock was set (L13)."""
    states = (State(from_ms=0, power_mw=300_000),)
    refused = Error(call=ENERGY, code=3)
    meter = meters.start(Scenario(devices=(replace(CARD, states=states),), errors=(refused,)))
    clock = ManualClock(boottime=0, monotonic=0, utc=1_700_000_040_000)
    metering = Metering(clock, HolderNaming(bytes(32)))

    metered(meter, clock, metering, range(1_000, 6_000, 1_000))
    clock.suspend(NIGHT_MS)
    clock.step(3_600_000)
    metered(meter, clock, metering, range(6_000, 11_000, 1_000))
    minutes = minutes_of(metering)

    known_ms = sum(reading.energy_known_ms for reading in minutes.readings)
    energy_mj = sum(reading.energy_mj for reading in minutes.readings)
    assert 7_000 <= known_ms <= 9_000
    assert energy_mj == 300 * known_ms
    asleep = [gap.span_ms for gap in minutes.gaps if gap.reason is GapReason.SUSPENDED]
    assert sum(asleep) >= NIGHT_MS


@pytest.mark.parametrize(
    ("power_mean_ms", "power_mw"), [(1_000, 280_000), (0, 700_000)], ids=["mean", "instant"]
)
def test_power_of_a_mean_and_of_an_instant_are_told_apart(
    meters: Meters, power_mean_ms: int, power_mw: int
) -> None:
    """Bursts of 300 ms a second at 700 W over 100 W: where the driver tells the mean of a second
    the integral is the truth, 280 W; where it tells an instant, it is that instant's (E5)."""
    states = tuple(
        State(from_ms=second * 1_000 + offset, power_mw=drawn)
        for second in range(12)
        for offset, drawn in ((0, 700_000), (300, 100_000))
    )
    refused = Error(call=ENERGY, code=3)
    device = replace(CARD, states=states, power_mean_ms=power_mean_ms)
    meter = meters.start(Scenario(devices=(device,), errors=(refused,)))
    clock = ManualClock(boottime=0, monotonic=0, utc=1_700_000_040_000)
    metering = Metering(clock, HolderNaming(bytes(32)))

    metered(meter, clock, metering, range(1_000, 11_000, 1_000))
    (reading,) = minutes_of(metering).readings

    assert reading.energy_integrated
    assert reading.energy_mj == power_mw * reading.energy_known_ms // 1_000
    assert reading.energy_known_ms == 9_000
