"""Independent consumers of NVML over the fake driver: the fake is right where they agree with it.

`nvitop`, `gpustat`, `nvitop-exporter` and `gpustack-runtime` are other people's programs, each with
habits of its own. What they print of a scenario must be the scenario's truth.
"""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from consumers import SECONDS_MAX, printed, script
from fakes.nvml.exporter import Exporter, running_exporter
from fakes.nvml.library import environment
from fakes.nvml.scenario import Device, Partition, Process, ProcessKind, Scenario, State
from fixtures_meter import boottime_ms

GIB = 1 << 30


@pytest.fixture
def scenario(sleeper: int) -> Scenario:
    """Four cards of two models, differing in everything that is printed."""
    return Scenario(
        devices=tuple(
            Device(
                uuid=f"GPU-{number:08x}-1111-4222-8333-444444444444",
                name=("NVIDIA H100 80GB HBM3", "NVIDIA L40S")[number % 2],
                serial=f"165052200{number:04d}",
                pci=f"00000000:{0x41 + number:02X}:00.0",
                minor=number,
                memory_bytes=(80, 48)[number % 2] * GIB,
                architecture=(9, 8)[number % 2],
                power_limit_mw=(700, 350)[number % 2] * 1_000,
                temperature=40 + number,
                states=(
                    State(
                        from_ms=0,
                        gpu_percent=17 * number,
                        memory_percent=5 * number,
                        used_bytes=(21 + 7 * number) * GIB,
                        power_mw=(100 + 50 * number) * 1_000,
                    ),
                ),
                processes=(
                    Process(
                        pid=sleeper,
                        kind=(ProcessKind.COMPUTE, ProcessKind.GRAPHICS)[number // 2],
                        used_bytes=(2 + number) * GIB,
                        sm_percent=11,
                    ),
                )
                if number
                else (),
            )
            for number in range(4)
        )
    )


@pytest.fixture
def environ(fake_nvml: Path, scenario: Scenario, tmp_path: Path) -> dict[str, str]:
    """The environment in which a consumer meets the scenario, in a wide plain terminal."""
    path = scenario.write(tmp_path / "scenario", start_boottime_ms=boottime_ms())
    base = {**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "80", "NO_COLOR": "1"}
    return environment(fake_nvml, path, base)


def collected(exporter: Exporter, last_uuid: str) -> str:
    """Metrics of the first whole collection: it serves before it has collected anything."""
    deadline = time.monotonic() + SECONDS_MAX
    while last_uuid not in exporter.scrape():
        assert time.monotonic() < deadline, "nothing was collected"
        time.sleep(0.1)  # nothing to wait on: it collects once a second
    time.sleep(1)  # so that the collection that was under way is whole
    return exporter.scrape()


def test_gpustat_prints_the_scenario(
    scenario: Scenario, environ: dict[str, str], sleeper: int
) -> None:
    """gpustat tells names, ids, memory, utilisation, power and processes as the scenario does."""
    told = json.loads(printed(environ, script("gpustat"), "--json"))

    assert told["driver_version"] == scenario.driver
    assert len(told["gpus"]) == len(scenario.devices)
    for number, (gpu, device) in enumerate(zip(told["gpus"], scenario.devices, strict=True)):
        state = device.states[0]
        assert gpu["index"] == number
        assert gpu["uuid"] == device.uuid
        assert gpu["name"] == device.name
        assert gpu["temperature.gpu"] == device.temperature
        assert gpu["utilization.gpu"] == state.gpu_percent
        assert gpu["power.draw"] == state.power_mw // 1_000
        assert gpu["enforced.power.limit"] == device.power_limit_mw // 1_000
        assert gpu["memory.used"] == state.used_bytes >> 20
        assert gpu["memory.total"] == device.memory_bytes >> 20
        assert [(one["pid"], one["gpu_memory_usage"]) for one in gpu["processes"]] == [
            (sleeper, (process.used_bytes or 0) >> 20) for process in device.processes
        ]


def test_nvitop_prints_the_scenario(
    scenario: Scenario, environ: dict[str, str], sleeper: int
) -> None:
    """nvitop's one page shows every device's figures and every process with its memory."""
    page = printed(environ, script("nvitop"), "--once", "--ascii")

    assert f"Driver Version: {scenario.driver}" in page
    for device in scenario.devices:
        state = device.states[0]
        assert device.pci in page
        assert device.name.removeprefix("NVIDIA ") in page
        assert f"{state.power_mw // 1_000}W / {device.power_limit_mw // 1_000}W" in page
        assert f"{state.used_bytes / GIB:.2f}GiB / {device.memory_bytes / GIB:.2f}GiB" in page
        assert f"{state.gpu_percent}%      Default" in page
        for process in device.processes:
            kind = "C" if process.kind is ProcessKind.COMPUTE else "G"
            line = next(
                line
                for line in page.splitlines()
                if f"{sleeper} {kind}" in line and f" {(process.used_bytes or 0) >> 20}MiB" in line
            )
            assert str(process.sm_percent) in line.split()


LIST_PARTITIONS = """
import json
from nvitop import Device
print(json.dumps([
    [part.uuid(), part.memory_total(), part.gpu_instance_id(), part.compute_instance_id(),
     part.memory_used(), sorted(part.processes())]
    for device in Device.all() for part in device.mig_devices()
]))
print(json.dumps([device.gpu_utilization() for device in Device.all()]))
"""


def test_nvitop_lists_the_partitions(fake_nvml: Path, sleeper: int, tmp_path: Path) -> None:
    """nvitop's library finds every MIG instance, its size and ids and whose process it has, and no
    utilisation of the whole card."""
    parts = tuple(
        Partition(
            slot=slot,
            uuid=f"MIG-{slot:08x}-0000-5000-8000-000000000000",
            gpu_instance=slot + 3,
            memory_mib=(slot + 1) * 9_856,
        )
        for slot in range(3)
    )
    held = Process(pid=sleeper, gpu_instance=4, used_bytes=GIB)
    scenario = Scenario(
        devices=(Device(uuid="GPU-1", mig=True, partitions=parts, processes=(held,)),)
    )
    path = scenario.write(tmp_path / "scenario", start_boottime_ms=boottime_ms())
    pytest.importorskip("nvitop", reason="no nvitop: pip install nvitop")

    text = printed(environment(fake_nvml, path, os.environ), sys.executable, "-c", LIST_PARTITIONS)

    found, utilisation = map(json.loads, text.splitlines())
    assert found == [
        [
            part.uuid,
            part.memory_mib << 20,
            part.gpu_instance,
            0,
            GIB if part.gpu_instance == 4 else 0,
            [sleeper] if part.gpu_instance == 4 else [],
        ]
        for part in parts
    ]
    assert utilisation == ["N/A"]


def test_gpustack_runtime_finds_the_scenario(scenario: Scenario, environ: dict[str, str]) -> None:
    """gpustack-runtime's names, ids, places, memory, utilisation, temperature and power are the
    scenario's."""
    environ["GPUSTACK_RUNTIME_DETECT_NO_PCI_CHECK"] = "1"
    text = printed(environ, script("gpustack-runtime"), "detect", "--format", "json")

    found = json.loads(text[text.index("[\n") :])  # it clears the terminal before

    assert len(found) == len(scenario.devices)
    for device, card in zip(found, scenario.devices, strict=True):
        (state,) = card.states
        assert device["uuid"] == card.uuid
        assert device["name"] == card.name
        assert device["driver_version"] == scenario.driver
        assert device["memory"] == card.memory_bytes >> 20
        assert device["memory_used"] == state.used_bytes >> 20
        assert device["cores_utilization"] == state.gpu_percent
        assert device["temperature"] == card.temperature
        assert device["power_used"] == state.power_mw // 1_000
        assert device["appendix"]["bdf"] == card.pci.removeprefix("0000").lower()
        assert device["appendix"]["minor_number"] == card.minor


def test_nvitop_exporter_serves_the_scenario(
    scenario: Scenario, environ: dict[str, str], sleeper: int
) -> None:
    """nvitop-exporter's metrics of every device are the scenario's."""
    with running_exporter(script("nvitop-exporter"), environ) as exporter:
        metrics = collected(exporter, scenario.devices[-1].uuid)

    for device in scenario.devices:
        state = device.states[0]
        told = {
            line.split("{")[0]: float(line.rsplit(" ", 1)[1])
            for line in metrics.splitlines()
            if device.uuid in line and "pid=" not in line
        }
        assert told["gpu_utilization_Percentage"] == state.gpu_percent
        assert told["gpu_memory_used_MiB"] == state.used_bytes >> 20
        assert told["gpu_power_usage_W"] == state.power_mw / 1_000
    assert f'pid="{sleeper}"' in metrics
