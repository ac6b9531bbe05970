"""The systemd units: hardened as promised, rated by systemd itself, offline."""

import configparser
import errno
import json
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import unit_filter
from kashi_agent import meterd
from kashi_agent.clock import read_discipline
from kashi_agent.config import AgentConfig
from kashi_agent.identity import IdentityStore
from kashi_agent.meter_loop import Outcome
from kashi_agent.notify import Notifier
from kashi_agent.recorder import WAITING_BYTES_MAX
from kashi_agent.relay.config import RelayConfig

UNITS = Path(__file__).parents[3] / "deploy" / "systemd"
README = Path(__file__).parents[3] / "agent" / "README.md"
EXPOSURE_MAX = 2.0
NAMES = ["kashi-agent.service", "kashi-meter.service", "kashi-relay.service"]


def section(name: str, title: str) -> dict[str, str]:
    """A section of a unit; of repeated settings the last."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the names' case
    parser.read(UNITS / name, encoding="utf-8")
    return dict(parser[title])


def service(name: str) -> dict[str, str]:
    """The [Service] section of a unit."""
    return section(name, "Service")


@pytest.mark.parametrize("name", NAMES)
def test_exposure_is_low(name: str) -> None:
    """`systemd-analyze security` rates the unit at most 2.0."""
    assert exposure(name) <= EXPOSURE_MAX


def exposure(name: str) -> float:
    """How `systemd-analyze security` rates a unit."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent: install systemd")
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    rated = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert rated, done.stdout + done.stderr
    return float(rated[1])


def privileges() -> tuple[str, dict[str, str]]:
    """What the README says of privileges: the words before the table, and of each unit its rows."""
    text = README.read_text("utf-8").partition("## Privileges, and why each\n")[2]
    words, _, table = text.partition("\n\n## ")[0].partition("| unit | has | why |")
    rows: dict[str, str] = {}
    unit = ""
    for line in table.splitlines()[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 3:
            unit = cells[0].strip("`") or unit
            assert cells[2], f"{unit}: no reason for {cells[1]}"
            rows[unit] = rows.get(unit, "") + cells[1] + "\n"
    return words, rows


def test_the_readme_states_each_units_own_score() -> None:
    """To the tenth, as systemd rates it: who reads the page need not run it."""
    words = privileges()[0]
    stated = re.search(r"rates `kashi-agent` ([0-9.]+), the others ([0-9.]+)", words)

    assert stated
    assert exposure("kashi-agent.service") == float(stated[1])
    assert {exposure(name) for name in NAMES[1:]} == {float(stated[2])}


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_has_every_capability_and_none_beside(name: str) -> None:
    """Each in a row of its unit, with the reason; a unit that has none is not said to have one."""
    unit, rows = service(name), privileges()[1]
    has = {*unit["CapabilityBoundingSet"].split(), *unit["AmbientCapabilities"].split()}

    assert set(re.findall(r"CAP_\w+", rows[name.removesuffix(".service")])) == has


@pytest.mark.parametrize("name", NAMES)
def test_systemd_understands_every_line(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say; only the program's path is made to exist."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent: install systemd")
    for unit in UNITS.glob("*.service"):
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text("utf-8"))
        (tmp_path / unit.name).write_text(text, encoding="utf-8")

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / name)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert [line for line in done.stderr.splitlines() if name in line] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_unit_is_ready_by_its_own_word(name: str) -> None:
    """`systemctl start` returns when the program says so, and fails with it."""
    assert service(name)["Type"] == "notify"
    assert int(service(name)["TimeoutStartSec"]) >= 60


@pytest.mark.parametrize(
    ("settings", "arguments", "code", "told"),
    [
        ('meter = "nvml"', (), 0, b"READY=1\n"),
        ('meter = "neither"', (), 3, b""),
        ('meter = "nvml"', ("--parent-pid", "1"), 0, b""),
    ],
    ids=["sound", "wrong", "a child"],
)
def test_the_meter_is_ready_when_its_settings_are_sound(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: str,
    arguments: tuple[str, ...],
    code: int,
    told: bytes,
) -> None:
    """Wrong ones fail the start; one that the agent or another meter started says nothing."""
    (tmp_path / "agent.toml").write_text(f"[agent]\n{settings}\n")
    monkeypatch.setattr(meterd, "CONFIG_PATH", tmp_path / "agent.toml")
    monkeypatch.setattr(meterd, "_run", lambda *_: Outcome.STOPPED)
    with (
        tempfile.TemporaryDirectory(prefix="kashi-ready-") as short,  # a socket's path has a bound
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
    ):
        manager.setblocking(False)
        manager.bind(f"{short}/notify")
        monkeypatch.setenv("NOTIFY_SOCKET", f"{short}/notify")

        assert meterd.main(arguments) == code
        try:
            heard = manager.recv(4_096)
        except BlockingIOError:
            heard = b""

    assert heard.startswith(told)
    assert bool(heard) == bool(told)


def test_a_busy_manager_hears_who_is_ready() -> None:
    """At boot its socket may be full for a moment: whoever is ready waits for room, or would be
    ended as one that never was; of all other words none waits."""
    with (
        tempfile.TemporaryDirectory(prefix="kashi-ready-") as short,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as others,
    ):
        manager.bind(f"{short}/notify")
        others.setblocking(False)
        queued = 0
        with suppress(BlockingIOError):
            while True:
                others.sendto(b"STATUS=another unit", f"{short}/notify")
                queued += 1
        notifier = Notifier({"NOTIFY_SOCKET": f"{short}/notify"})
        notifier.alive("lost: the next one comes in seconds")
        telling = threading.Thread(target=notifier.ready, args=("well",))
        telling.start()
        telling.join(timeout=0.2)
        heard = [manager.recv(4_096) for _ in range(queued)]
        telling.join()
        manager.setblocking(False)
        with suppress(BlockingIOError):
            heard.append(manager.recv(4_096))

    assert queued > 0
    assert [one for one in heard if b"another" not in one] == [b"READY=1\nSTATUS=well"]


@pytest.mark.parametrize("name", ["kashi-agent.service", "kashi-meter.service"])
def test_nothing_starts_before_the_host_is_enrolled(name: str, tmp_path: Path) -> None:
    """A host that is only installed starts neither: each waits for the file that says enrolled."""
    awaited = Path(section(name, "Unit")["ConditionPathExists"])
    identity = IdentityStore(tmp_path)
    assert not identity.enrolled

    (tmp_path / awaited.relative_to(AgentConfig().identity_folder)).touch()

    assert identity.enrolled


def test_the_meter_is_never_killed_inside_the_driver() -> None:
    """No SIGKILL, no network, only Unix sockets, the vendors' devices, and of all capabilities the
    one that reads the kernel's log, which stays readable."""
    meter = service("kashi-meter.service")

    assert meter["SendSIGKILL"] == "no"
    assert meter["PrivateNetwork"] == "yes"
    assert meter["RestrictAddressFamilies"] == "AF_UNIX"
    assert meter["CapabilityBoundingSet"] == meter["AmbientCapabilities"] == "CAP_SYSLOG"
    assert meter["ProtectKernelLogs"] == "no"
    assert meter["DevicePolicy"] == "closed"
    assert "PrivateDevices" not in meter
    assert meter["ProtectProc"] == "default"


READ_AND_SET = """
import json, time
from kashi_agent.clock import read_discipline
read = read_discipline().sync.name
try:
    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))
    was_set = "set"
except OSError as error:
    was_set = error.errno
print(json.dumps([read, was_set]))
"""


def test_the_agent_reads_its_clock_under_its_own_filter() -> None:
    """Under the calls that its unit allows, the kernel says of the clock what it says outside: a
    host that boots with a wrong time is put right. Setting the clock is refused all the same."""
    if shutil.which("systemd-analyze") is None or not unit_filter.usable():
        pytest.skip("systemd-analyze or libseccomp is absent: install systemd")
    unit = str(UNITS / "kashi-agent.service")

    done = subprocess.run(
        [sys.executable, unit_filter.__file__, unit, sys.executable, "-c", READ_AND_SET],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [read_discipline().sync.name, errno.EPERM]


def test_the_agent_comes_back_and_is_watched() -> None:
    """Always restarted, ready by its own word, watched, and without devices or capabilities."""
    agent = service("kashi-agent.service")

    assert agent["Type"] == "notify"
    assert agent["Restart"] == "always"
    assert int(agent["WatchdogSec"]) <= 60
    assert agent["CapabilityBoundingSet"] == ""
    assert agent["PrivateDevices"] == "yes"
    assert agent["StateDirectoryMode"] == "0700"
    assert agent["MemoryMax"] == "256M"
    assert 2 * WAITING_BYTES_MAX <= 256 << 20, "what waits for a disk leaves room for the rest"


def test_the_relay_starts_only_with_an_identity_and_may_listen() -> None:
    """It waits for its own identity, keeps its own state, and has no device and no capability."""
    unit, relay = section("kashi-relay.service", "Unit"), service("kashi-relay.service")

    assert Path(unit["ConditionPathExists"]) == RelayConfig().identity_folder / "host.json"
    assert relay["ExecStart"].endswith("kashi-agent relay run")
    assert Path("/var/lib") / relay["StateDirectory"] == RelayConfig().state_folder
    assert "AF_INET" in relay["RestrictAddressFamilies"]
    assert relay["CapabilityBoundingSet"] == ""
    assert relay["PrivateDevices"] == "yes"
