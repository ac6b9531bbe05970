"""The whole way of an Ascend host: fake driver, meter, agent, wire, server; and commands on the
host."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_process import AgentProcess
from fakes.dcmi.library import DCMI
from fakes.dcmi.scenario import (
    Chip,
    Process,
    Scenario,
    State,
    Vnpu,
    ascend_310p,
    ascend_910b,
    ascend_a3,
)
from fakes.driver.library import compiler
from fakes.driver.scenario import Control, Lost
from fixtures_identity import PARTY
from fixtures_meter import BUILD
from fixtures_server import KashiServer
from kashi_agent.doctor.running import look_at_meter
from kashi_agent.enrolment import EnrolmentToken, enrol, host_facts
from kashi_agent.meters.dcmi_library import DcmiLibrary, DriverGone
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import MeterKind, Vendor
from kashi_server.bootstrap import opened
from kashi_server.domain.usage import QUANTITY_NAMES
from kashi_server.storage.hour_reading import device_hours
from kashi_server.storage.tables import facts as tables
from sqlalchemy import Row, select

WAIT_SECONDS = 60
DROP_AT_MS = 10_000
DROPPED = 0x40F8_4E00


def chips() -> tuple[Chip, ...]:
    """A 910B2 held by this process, the two dies of a 910C, and a 310P with a partition."""
    return (
        ascend_910b(
            0,
            states=(State(from_ms=0, overall_percent=40, power_dw=3_000),),
            processes=(Process(pid=os.getpid()),),
        ),
        ascend_a3(2, states=(State(from_ms=0, overall_percent=30, power_dw=9_000),)),
        ascend_a3(3, states=(State(from_ms=0, overall_percent=70, power_dw=9_000),)),
        ascend_310p(8, vnpus=(Vnpu(number=100, percent=60, container=0xABCDEF012345),)),
    )


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    """The scenario's clock."""
    with Control(tmp_path / "clock") as made:
        yield made


@pytest.fixture
def surroundings(control: Control, tmp_path: Path) -> dict[str, str]:
    """An environment with these chips, of which the 910B2 drops out at an instant."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    scenario = Scenario(
        chips=chips(),
        card_power_dw=((8, 0, 700),),
        losses=(Lost(device=0, from_ms=DROP_AT_MS),),
    )
    path = scenario.write_controlled(tmp_path / "scenario", control.path)
    return DCMI.environment(DCMI.built(BUILD), path, os.environ)


@pytest.fixture
def running(
    server_home: KashiServer, surroundings: dict[str, str], tmp_path: Path
) -> Iterator[AgentProcess]:
    """An enrolled host whose agent starts a meter of Ascend chips, at a server that counts only
    what is measured."""
    server_home.init("--organisation", "Test", "--address", "localhost")
    server_home.start()
    with tempfile.TemporaryDirectory(prefix="kashi-") as folder:
        agent = AgentProcess(
            folder=tmp_path,
            socket_path=Path(folder) / "meter.sock",
            meter=("--meter", "ascend"),
            environment=surroundings,
        )
        token = EnrolmentToken.parse(server_home.token(PARTY))
        enrol(agent.identity, server_home.address("enrolment"), token, host_facts())
        agent.start()
        yield agent
        agent.end()


def agent(environ: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the agent."""
    return subprocess.run(
        [sys.executable, "-m", "kashi_agent.cli", *arguments],
        env={**environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def stored(server: KashiServer) -> tuple[list[Row[Any]], Counter[str], list[Row[Any]]]:
    """What the server has: devices, observed milliseconds by device, events."""
    with opened(server.directory) as inside, inside.work.engine.connect() as connection:
        devices = list(connection.execute(select(tables.devices)))
        observed = Counter[str]()
        for hour in device_hours(connection, None, 0, 2**31):
            observed[hour.hardware_id] += sum(hour.columns[QUANTITY_NAMES.index("observed_ms")])
        return devices, observed, list(connection.execute(select(tables.events)))


def test_what_an_ascend_host_measures_counts_at_the_server(
    server_home: KashiServer, running: AgentProcess, control: Control
) -> None:
    """Every chip and the partition are Huawei's at the server, with their share and observed time;
    what was sent adds up; energy is integrated, and the card that dropped out is a gap with the
    vendor's code."""
    half = f"{chips()[3].die_id}.vnpu100-1of2"
    running.until(lambda status: status.samples >= 5 * 6)
    control.now_ms = DROP_AT_MS
    running.until(lambda status: status.samples >= 5 * 12)
    doctor = agent({**os.environ}, "doctor", "--state", str(running.state), "--json")
    running.stop()

    shown = agent({**os.environ}, "show", "--state", str(running.state), "--sent", "9", "--json")
    devices, observed, events = stored(server_home)

    findings = {finding["code"]: finding for finding in json.loads(doctor.stdout)}
    assert findings["meter_ok"]["values"] == {"devices": "5"}
    assert {device.hardware_id for device in devices} == {chip.die_id for chip in chips()} | {half}
    assert {(device.vendor, device.meter) for device in devices} == {
        (Vendor.HUAWEI, MeterKind.ASCEND)
    }
    part = next(device for device in devices if device.hardware_id == half)
    assert (part.share_numerator, part.share_denominator) == (1, 2)
    assert part.parent_hardware_id == chips()[3].die_id
    reports = json.loads(shown.stdout)
    assert {meter["kind"] for report in reports for meter in report["header"]["meters"]} == {
        "METER_KIND_ASCEND"
    }
    sums = _sums(reports)
    assert {device: total["observed_ms"] for device, total in sums.items()} == observed
    _check(sums, half)
    faults = [event for event in events if event.kind == DeviceEventKind.FAULT]
    assert [(fault.hardware_id, fault.value) for fault in faults] == [(chips()[0].die_id, DROPPED)]


def _sums(reports: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Of each device: everything its readings and gaps add up to."""
    sums: dict[str, Counter[str]] = {}
    for report in reports:
        for block in report["blocks"]:
            content = block["content"]
            if content is None or "device" not in content:
                continue
            total = sums.setdefault(content["device"]["hardware_id"], Counter())
            total["span_ms"] += content["end_boottime_ms"] - content["start_boottime_ms"]
            total["gap_ms"] += sum(gap["span_ms"] for gap in content["gaps"])
            for reading in content["readings"]:
                total.update({name: value for name, value in reading.items() if name in _SUMMED})
                total["integrated"] += bool(reading["energy_integrated"])
    return sums


_SUMMED = ("observed_ms", "held_ms", "held_known_ms", "utilised_ns", "energy_known_ms", "energy_mj")


def _check(sums: dict[str, Counter[str]], half: str) -> None:
    """Against the scenario: utilisation, energy, holders and the gap of the dropped card."""
    single, first_die, second_die, split = (sums[chip.die_id] for chip in chips())
    for total in sums.values():
        assert total["observed_ms"] + total["gap_ms"] == total["span_ms"]
    for total, ppm, watts in ((single, 400_000, 300), (first_die, 300_000, 450)):
        assert total["utilised_ns"] == total["observed_ms"] * ppm
        assert total["energy_known_ms"] == total["observed_ms"]
        # Each reading cuts to whole millijoules.
        assert 0 <= total["observed_ms"] * watts - total["energy_mj"] <= 2
        assert total["integrated"] > 0
    assert second_die["utilised_ns"] == second_die["observed_ms"] * 700_000
    # Two dies of one card: together its 900 W, and no more.
    both_mj = first_die["energy_mj"] + second_die["energy_mj"]
    assert both_mj <= max(first_die["observed_ms"], second_die["observed_ms"]) * 900
    assert single["held_ms"] == single["held_known_ms"] == single["observed_ms"]
    assert single["gap_ms"] > 0
    assert split["held_known_ms"] == 0
    assert sums[half]["held_ms"] == sums[half]["observed_ms"] > 0
    assert sums[half]["utilised_ns"] == sums[half]["observed_ms"] * 600_000
    assert sums[half]["energy_known_ms"] == 0


def test_once_prints_what_the_driver_shows(surroundings: dict[str, str]) -> None:
    """One reading of every chip, no server, no state."""
    done = agent(surroundings, "once", "--json", "--", "--meter", "ascend")

    assert done.returncode == 0, done.stderr
    seen = {fact["hardware_id"]: fact["utilisation_ppm"] for fact in json.loads(done.stdout)}
    assert [seen[chip.die_id] for chip in chips()[:3]] == [400_000, 300_000, 700_000]
    assert chips()[0].die_id in agent(surroundings, "once", "--", "--meter", "ascend").stdout


def test_once_without_a_library_says_what_to_look_at(tmp_path: Path) -> None:
    """Exit code 8: the library that is found first is none, and every place is named."""
    (tmp_path / DCMI.soname).write_bytes(b"no library")
    bare = {**os.environ, "LD_LIBRARY_PATH": os.fspath(tmp_path)}

    done = agent(bare, "once", "--timeout", "6", "--", "--meter", "ascend")

    assert done.returncode == 8
    assert DCMI.soname in done.stderr


def test_the_doctor_knows_what_an_ascend_driver_lacks() -> None:
    """An absent library and a refused device each have a finding, by what the meter says."""
    with pytest.raises(DriverGone) as absent:
        DcmiLibrary(("/nowhere/libdcmi.so",))
    refused = DriverGone("libdcmi.so refuses to begin (dcmi_init: code -8002; dcmiv2_init: ...)")

    found = [
        finding.code
        for trouble in (absent.value, refused)
        for finding in look_at_meter(f"driver: {trouble}", "", 0)
    ]

    assert found == ["driver_absent", "device_permission"]
