"""A running agent, seen by those who hold it in the hand and by its server: what the meter states
of itself, what follows from it, and what `status`, `top` and `doctor` say meanwhile.

The driver here is a fake found by LD_LIBRARY_PATH: exactly what the facts are there to show.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agent_process import AgentProcess
from fakes.nvml.library import built_library, compiler, environment
from fakes.nvml.scenario import Control, Device, Process, Scenario, State
from fixtures_identity import PARTY
from fixtures_meter import Meters
from fixtures_server import KashiServer
from kashi_agent.clock import SystemClock
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import SampleBatch

BUILD = Path(__file__).parents[2] / "build"
UUID = "GPU-00000007-0000-4000-8000-000000000000"
WAIT_SECONDS = 60


def scenario() -> Scenario:
    """A busy card that this process holds."""
    return Scenario(
        devices=(
            Device(
                uuid=UUID,
                pci="00000000:17:00.0",
                states=(State(from_ms=0, gpu_percent=40, used_bytes=6 << 30, power_mw=300_000),),
                processes=(Process(pid=os.getpid()),),
            ),
        )
    )


def facts_of(batch: SampleBatch) -> dict[tuple[str, str], str]:
    """What a batch states: by hardware id and name."""
    told = [event for event in batch.events if event.kind == DeviceEventKind.FACT]
    return {
        (event.hardware_id, event.detail.partition("=")[0].partition("?")[0]): event.detail
        for event in told
    }


def test_the_meter_states_which_library_it_really_has(meters: Meters, tmp_path: Path) -> None:
    """Over the socket with the first batch: the path the kernel mapped, the file's digest, what the
    loader was told; and the next batch states nothing again."""
    meter = meters.start(scenario())
    first = facts_of(meter.next(SampleBatch))
    second = facts_of(meter.next(SampleBatch))
    library = built_library(BUILD).resolve() / "libnvidia-ml.so.1"

    assert first["", "library_path"] == f"library_path={library}"
    digest = hashlib.sha256(library.read_bytes()).hexdigest()
    assert first["", "library_sha256"] == f"library_sha256={digest}"
    assert str(library.parent) in first["", "ld_library_path"]
    assert first["", "ld_preload"] == "ld_preload="
    assert first["", "driver_library"] == f"driver_library={scenario().driver}"
    assert (UUID, "pci") in first
    assert (UUID, "processes") not in first, "off by default"
    assert second == {}


def test_a_new_agent_hears_everything_again(meters: Meters) -> None:
    """An agent that was restarted beside a running meter."""
    meter = meters.start(scenario())
    first = facts_of(meter.next(SampleBatch))
    meter.reconnected()

    assert facts_of(meter.next(SampleBatch)).keys() == first.keys()


def test_extended_evidence_looks_at_open_files(meters: Meters) -> None:
    """This process is listed and holds no device file."""
    meter = meters.start(scenario(), "--evidence", "extended")

    said = facts_of(meter.next(SampleBatch))[UUID, "processes"]

    assert said == "processes=listed:1 holding:0 unreadable:0"


READ_AN_HOUR = """
import sys
from pathlib import Path
from fakes.nvml.scenario import Control
from kashi_agent import meterd
from kashi_agent.config import EvidenceLevel
from kashi_agent.evidence.telling import Telling
from kashi_agent.sample import MeterKind
control = Control(Path(sys.argv[1]))
options = meterd._parser().parse_args(["--cadence-ms", "5000", "--root", sys.argv[2]])
opener = meterd._opener(options, lambda: control.now_ms, Telling(), EvidenceLevel.BASIC)
meter = opener[MeterKind.NVML]()
while control.now_ms <= 3_605_000:
    for event in meter.read().events:
        if event.detail.startswith("energy="):
            print(event.hardware_id, event.detail)
    control.now_ms += 5_000
"""
"""The meter as the unit wires it, on a clock of its own."""


def test_the_meter_holds_energy_against_power_and_limit(tmp_path: Path) -> None:
    """After an hour that the card ran through: what it counted, what its power adds up to, how busy
    it was and what it may draw, as one fact of it."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    clock = tmp_path / "clock"
    Control(clock).close()
    script = scenario().write_controlled(tmp_path / "scenario", clock)
    done = subprocess.run(
        [sys.executable, "-c", READ_AN_HOUR, str(clock), str(tmp_path)],
        env={
            **environment(built_library(BUILD), script, os.environ),
            "PYTHONPATH": os.pathsep.join(sys.path),
        },
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    (fact,) = done.stdout.splitlines()
    told = dict(part.split(":") for part in fact.removeprefix(f"{UUID} energy=").split())
    assert told["span_ms"] == "3600000"
    assert told["counted_mj"] == told["integrated_mj"] == str(300 * 3_600_000)
    assert abs(int(told["utilised_ppm"]) - 400_000) < 1_000
    assert int(told["limit_mw"]) > 300_000


@pytest.fixture
def host(
    server_home: KashiServer, tmp_path: Path
) -> Iterator[tuple[KashiServer, AgentProcess, str]]:
    """An enrolled host whose agent runs, its server, and the host's id."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    server_home.init("--demo", "--address", "localhost")
    server_home.start()
    script = tmp_path / "scenario"
    scenario().write(script, start_boottime_ms=SystemClock().boottime_ms())
    environ = environment(built_library(BUILD), script, os.environ)
    with tempfile.TemporaryDirectory(prefix="kashi-evidence-") as folder:
        process = AgentProcess(
            folder=tmp_path,
            socket_path=Path(folder) / "meter.sock",
            meter=("--meter", "nvml"),
            environment=environ,
        )
        options = ["--state", str(process.state), "--server", server_home.address("enrolment")]
        enrolled = command("enrol", *options, "--token", server_home.token(PARTY), "--yes")
        assert enrolled.returncode == 0, enrolled.stderr
        try:
            yield server_home, process, process.identity.host().host_id
        finally:
            process.end()


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the agent, as a person beside it does: without the fake driver."""
    return subprocess.run(
        [sys.executable, "-m", "kashi_agent.cli", *arguments],
        env={**os.environ, "COLUMNS": "160"},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def test_a_fake_driver_is_seen_from_the_host_to_the_office(
    host: tuple[KashiServer, AgentProcess, str],
) -> None:
    """While it runs: `status`, `top` and `doctor` tell the same. When it has delivered: the server
    names the redirected library and the driver that the kernel does not have."""
    server, process, host_id = host
    process.start()
    process.until(lambda status: status.samples >= 5)
    settings = ("--config", str(process.folder / "agent.toml"))

    top = command("top", *settings, "--json")
    table = command("top", *settings)
    status = command("status", *settings)
    found = {one["code"]: one for one in json.loads(command("doctor", *settings, "--json").stdout)}

    look = json.loads(top.stdout)
    (device,) = look["devices"]
    assert (top.returncode, look["live"], device["hardware_id"]) == (0, True, UUID)
    assert (device["utilisation_ppm"], device["memory_used_bytes"]) == (400_000, 6 << 30)
    assert "40 %" in table.stdout
    assert "计量 meter" in status.stdout
    assert found["meter_ok"]["values"] == {"devices": "1"}
    assert {"agent_ok", "port_ok", "identity_ok"} <= found.keys()
    assert not {"host_refused", "certificate_refused", "server_trouble"} & found.keys()

    process.stop()
    assert command("top", *settings).returncode == 1
    doubts = _doubts(server, host_id)
    assert {"library_redirected", "driver_unknown"} <= doubts.keys()
    assert str(built_library(BUILD).resolve()) in doubts["library_redirected"]["detail"]


def _doubts(server: KashiServer, host_id: str) -> dict[str, dict[str, Any]]:
    told = json.loads(server.command("hosts", "doubts", host_id, "--json"))
    return {one["code"]: one for one in told[host_id]["doubts"]}
