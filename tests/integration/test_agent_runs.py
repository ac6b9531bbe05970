"""The agent as a person runs it: one command with its meter over the fake driver, a real server."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

import pytest
from fakes.nvml.library import built_library, compiler, environment
from fakes.nvml.scenario import Device, Process, Scenario, State
from fixtures_identity import PARTY
from fixtures_server import KashiServer
from free_port import free_port
from kashi_agent.clock import SystemClock
from opened_files import Opened, OpenedFiles
from told_files import STATE, told_files, untold

BUILD = Path(__file__).parents[2] / "build"
WAIT_SECONDS = 60
README = Path(__file__).parents[2] / "agent" / "README.md"
UUIDS = tuple(f"GPU-{n:08d}-0000-0000-0000-000000000000" for n in range(2))


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """An environment with two cards at 40 %, both held by this process."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    devices = tuple(
        Device(
            uuid=uuid,
            pci=f"00000000:1{place}:00.0",
            states=(State(from_ms=0, gpu_percent=40, power_mw=300_000),),
            processes=(Process(pid=os.getpid(), used_bytes=1 << 30),),
        )
        for place, uuid in enumerate(UUIDS)
    )
    scenario = tmp_path / "scenario"
    Scenario(devices=devices).write(scenario, start_boottime_ms=SystemClock().boottime_ms())
    return environment(built_library(BUILD), scenario, os.environ)


@pytest.fixture
def socket_path() -> Iterator[Path]:
    """A Unix socket's path may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="kashi-run-") as folder:
        yield Path(folder) / "meter.sock"


def agent(*arguments: str, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command of the agent."""
    return subprocess.run(
        [sys.executable, "-m", "kashi_agent.cli", *arguments],
        env={**environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )


def _enrol(server: KashiServer, settings: str, environ: dict[str, str]) -> None:
    token, address = server.token(PARTY), server.address("enrolment")
    enrolling = ("enrol", "--config", settings, "--server", address, "--token", token, "--yes")
    assert agent(*enrolling, environ=environ).returncode == 0


@contextmanager
def _running(settings: str, environ: dict[str, str], log: Path) -> Iterator[None]:
    """Agent and meter run for as long as the block lasts; then they end by themselves."""
    with log.open("wb") as said:
        running = subprocess.Popen(
            [sys.executable, "-m", "kashi_agent.cli", "run", "--config", settings, "--with-meter"],
            env=environ,
            stdout=said,
            stderr=said,
        )
        try:
            yield
        finally:
            running.send_signal(signal.SIGTERM)
            code = running.wait(WAIT_SECONDS)
    assert code == 0, log.read_text(encoding="utf-8")


def test_once_prints_what_the_driver_shows(surroundings: dict[str, str]) -> None:
    """One reading of both cards, no server, no state."""
    done = agent("once", "--json", environ=surroundings)

    assert done.returncode == 0, done.stderr
    seen = {fact["hardware_id"]: fact["utilisation_ppm"] for fact in json.loads(done.stdout)}
    assert seen == dict.fromkeys(UUIDS, 400_000)
    assert UUIDS[0] in agent("once", environ=surroundings).stdout


def test_once_without_a_driver_says_so(socket_path: Path) -> None:
    """Exit code 8 and a word on what to look at, whether or not this machine has a driver: the
    library that is found first is none."""
    (socket_path.parent / "libnvidia-ml.so.1").write_bytes(b"no library")
    bare = {**os.environ, "LD_LIBRARY_PATH": os.fspath(socket_path.parent)}
    done = agent("once", "--timeout", "6", environ=bare)

    assert done.returncode == 8
    assert "is the driver loaded" in done.stderr


def test_one_command_measures_and_delivers(
    server_home: KashiServer, surroundings: dict[str, str], socket_path: Path, tmp_path: Path
) -> None:
    """`run --with-meter` until SIGTERM: everything is at the server, in order and accounted for."""
    server_home.init("--demo", "--address", "localhost")
    server_home.start()
    settings = _settings(tmp_path, socket_path)
    _enrol(server_home, settings, surroundings)

    with _running(settings, surroundings, tmp_path / "log"):
        _await_samples(tmp_path / "state" / "status.json", 20)

    status = json.loads((tmp_path / "state" / "status.json").read_text(encoding="utf-8"))
    assert status["unacknowledged_reports"] == 0
    assert status["quarantined_reports"] == 0
    assert status["server_sequence"] == status["sealed_sequence"] >= 1
    _check_files(tmp_path / "state")
    checked = agent("verify", "--config", settings, "--json", environ=surroundings)
    assert json.loads(checked.stdout)["findings"] == []
    shown = agent("show", "--config", settings, "--sent", "9", "--json", environ=surroundings)
    _check_reports(json.loads(shown.stdout))


def test_the_running_agent_does_what_its_settings_say(
    server_home: KashiServer, surroundings: dict[str, str], socket_path: Path, tmp_path: Path
) -> None:
    """Through both real processes: one card of two is reported and the other one counted, the
    holder's name goes with it, and the agent's state is served on the loopback address."""
    server_home.init("--demo", "--address", "localhost")
    server_home.start()
    port = free_port()
    settings = _settings(
        tmp_path,
        socket_path,
        f'reported_devices = ["{UUIDS[1]}"]\nholder_names = "plain"\n'
        f'metrics_listen = "127.0.0.1:{port}"\n',
    )
    _enrol(server_home, settings, surroundings)

    with _running(settings, surroundings, tmp_path / "log"):
        _await_samples(tmp_path / "state" / "status.json", 6)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            served = answer.read().decode()

    assert re.search(r"(?m)^kashi_agent_samples_total [1-9]", served)
    shown = agent("show", "--config", settings, "--sent", "9", "--json", environ=surroundings)
    reports = json.loads(shown.stdout)
    contents = [block["content"] for report in reports for block in report["blocks"]]
    devices = {one["device"]["hardware_id"] for one in contents if "device" in one}
    names = {name["name"] for one in contents if "names" in one for name in one["names"]}
    assert devices == {UUIDS[1]}
    assert UUIDS[0] not in shown.stdout
    assert {report["header"]["devices_counted_only"] for report in reports} == {1}
    assert len(names) == 1
    assert "" not in names


@pytest.mark.parametrize("more", ["", 'evidence = "extended"\n'], ids=["default", "extended"])
def test_nothing_is_opened_that_the_readme_does_not_tell(
    server_home: KashiServer,
    surroundings: dict[str, str],
    socket_path: Path,
    tmp_path: Path,
    more: str,
) -> None:
    """Enrolment, both real processes and the commands, each telling every file it opens, folder it
    lists, library it loads and socket it uses: all stand in the README's tables; what an option
    opens is opened with it alone."""
    server_home.init("--demo", "--address", "localhost")
    server_home.start()
    opened = OpenedFiles(tmp_path / "opened")
    environ = opened.environment(surroundings)
    settings = _settings(tmp_path, socket_path, more)
    _enrol(server_home, settings, environ)

    with _running(settings, environ, tmp_path / "log"):
        _await_samples(tmp_path / "state" / "status.json", 4)
        for asked in ("status", "verify", "release"):
            assert agent(asked, "--config", settings, environ=environ).returncode == 0

    places = {f"{tmp_path / 'state'}": STATE, settings: "/etc/kashi/agent.toml"}
    places |= {f"{socket_path.parent}": "/run/kashi", f"{tmp_path}": str(Path(STATE).parent)}
    seen = [_as_installed(one, places) for one in opened.seen()]
    assert opened.processes >= 6
    assert {"/dev/kmsg", "/proc/self/maps", f"{STATE}/identity/report.key"} <= {
        one.name for one in seen
    }
    assert untold(seen, told_files(settings=more)) == []
    assert bool(more) == bool(untold(seen, told_files()))


def _as_installed(one: Opened, places: dict[str, str]) -> Opened:
    """With the places of this test as those of an installed agent."""
    for here, there in places.items():
        if one.name == here or one.name.startswith(f"{here}/"):
            return Opened(one.event, there + one.name.removeprefix(here))
    return one


def _check_files(state: Path) -> None:
    """Nothing is stored that the README does not name."""
    text = README.read_text("utf-8").partition("## What is stored")[2]
    told: list[str] = []
    for cell in re.findall(r"(?m)^\| (`.+?) \|", text.partition("\n## ")[0]):
        names = re.findall(r"`([^`]+)`", cell)
        folder = names[0].rpartition("/")[0]
        told += [one if "/" in one or not folder else f"{folder}/{one}" for one in names]
    kept = [str(path.relative_to(state)) for path in state.rglob("*") if path.is_file()]

    assert len(kept) > 8
    assert [name for name in kept if not any(fnmatch(name, one) for one in told)] == []


def _check_reports(reports: list[dict[str, object]]) -> None:
    """Both cards: observed + gap = span, and 40 % of the observed time utilised."""
    totals = {uuid: [0, 0, 0, 0] for uuid in UUIDS}
    for report in reports:
        blocks = report["blocks"]
        assert isinstance(blocks, list)
        for block in blocks:
            content = block["content"]
            sums = totals[content["device"]["hardware_id"]]
            sums[0] += content["end_boottime_ms"] - content["start_boottime_ms"]
            sums[1] += sum(reading["observed_ms"] for reading in content["readings"])
            sums[2] += sum(gap["span_ms"] for gap in content["gaps"])
            sums[3] += sum(reading["utilised_ns"] for reading in content["readings"])
    for span_ms, observed_ms, gap_ms, utilised_ns in totals.values():
        assert observed_ms + gap_ms == span_ms
        assert observed_ms > 0
        assert utilised_ns == observed_ms * 400_000


def _settings(folder: Path, socket_path: Path, more: str = "") -> str:
    path = folder / "agent.toml"
    path.write_text(
        f'[agent]\nstate_folder = "{folder / "state"}"\nmeter_socket = "{socket_path}"\n'
        f"report_interval_seconds = 60\nflush_seconds = 2\n{more}",
        encoding="utf-8",
    )
    return os.fspath(path)


def _await_samples(status: Path, count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if status.exists():
            seen = json.loads(status.read_text(encoding="utf-8"))
            if seen["samples"] >= count and seen["server_sequence"] == seen["sealed_sequence"]:
                return
        time.sleep(0.1)
    pytest.fail("no samples in time")
