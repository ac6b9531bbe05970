"""Independent consumers of DCMI over the fake driver: the fake is right where they agree with it.

`gpustack-runtime`, `ascendtop` and `ascend-nputop` are other people's programs, each with a binding
of its own. What they tell of a scenario must be the scenario's truth.
"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from consumers import printed, script
from fakes.dcmi.library import DCMI
from fakes.dcmi.scenario import (
    Chip,
    Process,
    Scenario,
    State,
    ascend_310p,
    ascend_910a,
    ascend_910b,
    ascend_950,
    ascend_a3,
)
from fakes.driver.library import compiler
from fixtures_meter import BUILD, boottime_ms

READ_BY_NPUTOP = """
import json, sys
from nputop.api.libdcmi import DcmiBackend
backend = DcmiBackend.load()
json.dump([
    {
        "name": backend.name(index),
        "bus": backend.bus_id(index),
        "memory": list(backend.memory_info(index)),
        "power_mw": backend.power_usage(index),
        "card_power_mw": backend.mcu_power_usage(index),
        "overall": backend.utilization_rates(index).npu,
        "processes": [list(process) for process in backend.process_info(index)],
        "ids": backend.device_ids(index),
    }
    for index in range(backend.count())
], sys.stdout)
"""


def chips_of_every_kind(pid: int) -> tuple[Chip, ...]:
    """Seven chips of four generations, differing in everything that is told."""
    made = (
        ascend_910a(0),
        ascend_910b(1),
        ascend_910b(2, model="910B4", physical=7),
        ascend_a3(6),
        ascend_a3(7),
        ascend_310p(10),
        ascend_310p(11),
    )
    return tuple(
        replace(
            chip,
            temperature=40 + number,
            states=tuple(
                replace(
                    state,
                    aicore_percent=11 * number,
                    overall_percent=12 * number,
                    used_mb=3_000 + number,
                )
                for state in chip.states
            ),
            processes=(Process(pid=pid, bytes=(1 + number) << 30),) if number else (),
        )
        for number, chip in enumerate(made)
    )


@pytest.fixture
def scenario(sleeper: int) -> Scenario:
    """All of them on one host, and the power of the card that tells it by its controller."""
    return Scenario(chips=chips_of_every_kind(sleeper), card_power_dw=((9, 0, 715),))


def environ(scenario: Scenario, folder: Path) -> dict[str, str]:
    """The environment in which a consumer meets the scenario, in a wide plain terminal."""
    if compiler() is None:
        pytest.skip("no C compiler: install gcc")
    library = DCMI.built(BUILD)
    path = scenario.write(folder / "scenario", start_boottime_ms=boottime_ms())
    # One of them looks for the library below the driver's home, as an installation has it.
    home = folder / "driver"
    (home / "lib64" / "driver").mkdir(parents=True)
    (home / "lib64" / "driver" / DCMI.soname).symlink_to(library / DCMI.soname)
    base = {
        **os.environ,
        "COLUMNS": "180",
        "LINES": "80",
        "NO_COLOR": "1",
        "ASCEND_DRIVER_HOME": str(home),
        "GPUSTACK_RUNTIME_DETECT": "ascend",
        "GPUSTACK_RUNTIME_DETECT_NO_PCI_CHECK": "1",
    }
    return DCMI.environment(library, path, base)


def detected(environ: dict[str, str]) -> list[dict[str, Any]]:
    """What gpustack-runtime finds; it clears the terminal before."""
    text = printed(environ, script("gpustack-runtime"), "detect", "--format", "json")
    found: list[dict[str, Any]] = json.loads(text[text.index("[\n") :])
    return found


def unpadded(chip: Chip) -> str:
    """A die id as gpustack-runtime writes it."""
    return " ".join(f"{word:X}" for word in chip.die)


def test_gpustack_runtime_finds_the_scenario(scenario: Scenario, tmp_path: Path) -> None:
    """Names, ids, places, memory, utilisation, temperature and power are the scenario's."""
    found = detected(environ(scenario, tmp_path))

    assert len(found) == len(scenario.chips)
    for device, chip in zip(found, scenario.chips, strict=True):
        (state,) = chip.states
        assert device["uuid"] == unpadded(chip)
        assert device["index"] == chip.logic
        assert device["name"] == chip.name
        assert device["driver_version"] == scenario.driver
        assert device["cores"] == chip.aicores
        assert device["cores_utilization"] == state.aicore_percent
        assert device["memory"] == chip.memory_mb
        assert device["memory_used"] == state.used_mb
        assert device["temperature"] == chip.temperature
        told = None if state.power_dw is None else state.power_dw / 10
        assert device["power_used"] == told
        place = device["appendix"]
        assert (place["card_id"], place["device_id"]) == (chip.card, chip.place)
        assert place["physical_id"] == chip.physical
        assert place["bdf"] == chip.pci


def test_gpustack_runtime_reads_the_newer_entry_points(tmp_path: Path) -> None:
    """Over a driver that refuses every older function it finds the same truth by the newer ones."""
    shown = (State(from_ms=0, aicore_percent=33, used_mb=9_000, power_dw=4_321),)
    chips = tuple(ascend_950(number, states=shown) for number in range(3))

    found = detected(environ(Scenario(chips=chips, api=2), tmp_path))

    assert [device["uuid"] for device in found] == [unpadded(chip) for chip in chips]
    for device in found:
        assert device["cores_utilization"] == 33
        assert device["memory_used"] == 9_000
        assert device["power_used"] == 432.1
        assert device["appendix"]["dcmi_version"] == "25.5.1.b080"


def test_ascendtop_prints_the_scenario(scenario: Scenario, sleeper: int, tmp_path: Path) -> None:
    """Its one page shows each chip's place, utilisation and memory, and each process."""
    page = printed(environ(scenario, tmp_path), script("ascendtop"), "--once", "--no-color")
    lines = page.splitlines()

    for chip in scenario.chips:
        (state,) = chip.states
        place = next(n for n, line in enumerate(lines) if chip.pci in line)
        assert f" {chip.logic} " in lines[place]
        assert chip.name in lines[place]
        figures = lines[place + 1]
        assert f" {chip.temperature}C " in figures
        if not chip.ddr:  # it knows memory on the chip only
            assert f" {state.used_mb}MiB / {chip.memory_mb >> 10}.00GiB " in figures
        if state.power_dw is not None:
            assert f" {state.power_dw // 10}W " in figures
        assert f" {state.aicore_percent}% " in figures
        for process in chip.processes:
            assert any(line.split()[1:3] == [str(chip.logic), str(process.pid)] for line in lines)


def test_nputop_reads_the_scenario(scenario: Scenario, sleeper: int, tmp_path: Path) -> None:
    """Its binding reads names, places, memory, power by chip and by card, and processes with their
    memory as the scenario has them."""
    if find_spec("nputop") is None:
        pytest.skip("no ascend-nputop: pip install ascend-nputop")

    told = json.loads(printed(environ(scenario, tmp_path), sys.executable, "-c", READ_BY_NPUTOP))

    assert len(told) == len(scenario.chips)
    cards = {card: power for card, _, power in scenario.card_power_dw}
    for device, chip in zip(told, scenario.chips, strict=True):
        (state,) = chip.states
        assert device["name"] == chip.name
        assert device["bus"].lower() == chip.pci
        total, free, used = device["memory"]
        assert (total >> 20, used >> 20) == (chip.memory_mb, state.used_mb)
        assert total - used == free
        told_mw = "N/A" if state.power_dw is None else state.power_dw * 100
        assert device["power_mw"] == told_mw
        card_dw = cards.get(chip.card)
        assert device["card_power_mw"] == ("N/A" if card_dw is None else card_dw * 100)
        assert device["overall"] == (state.overall_percent if 13 in chip.rates else "N/A")
        assert device["processes"] == [[one.pid, one.bytes] for one in chip.processes]
        assert device["ids"]["logical_id"] == chip.logic
        assert device["ids"]["chip_physical_id"] == chip.physical


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("start_boottime_ms 0\nchop 0 name X\n", 2, "no such word"),
        ("start_boottime_ms 0\nchip 0 colour red\n", 2, "no such field"),
        ("start_boottime_ms 0\nchip 0 die 1 2 3\n", 2, "five words"),
        ("start_boottime_ms 0\nchip 0 pci there\n", 2, "DOMAIN:BUS"),
        ("start_boottime_ms 0\nchip 64 name X\n", 2, "out of range"),
        ("start_boottime_ms 0\nstate 0 0 0 0\n", 2, "state N FROM"),
        (
            "start_boottime_ms 0\nstate 0 5 0 0 0 0 - 0\nstate 0 5 0 0 0 0 - 0\n",
            3,
            "order of time",
        ),
        ("start_boottime_ms 0\nprocess 0 1\n", 2, "process N PID"),
        ("start_boottime_ms 0\ncode 0 xyz 0 -\n", 2, "code N HEX"),
        ("start_boottime_ms 0\ncard_power 0\n", 2, "card_power CARD"),
        ("start_boottime_ms 0\nvnpu 0 100\n", 2, "vnpu N ID"),
        ("driver 1\n", 1, "neither start_boottime_ms nor control"),
    ],
)
def test_a_mistake_in_a_scenario_is_told_by_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    """A scenario with a mistake ends the program that loads it, and says where it is."""
    if compiler() is None:
        pytest.skip("no C compiler: install gcc")
    path = tmp_path / "scenario"
    path.write_text(text)

    done = subprocess.run(
        [sys.executable, "-c", "import ctypes; ctypes.CDLL('libdcmi.so')"],
        env=DCMI.environment(DCMI.built(BUILD), path, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 70
    assert f"{path}:{line}: " in done.stderr
    assert words in done.stderr
