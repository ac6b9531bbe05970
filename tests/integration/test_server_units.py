"""The server's systemd units: hardened, rated by systemd itself, their own lines run for real."""

import configparser
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from typing import IO

import pytest
import unit_filter
from fixtures_server import OFFICER, PASSWORD
from kashi_server.config import FILE
from kashi_server.presence import running_ports
from server_commands import run

from deploy.packages.staging import stage

UNITS = Path(__file__).parents[2] / "deploy" / "systemd"
SERVER, BACKUP = "kashi-server.service", "kashi-server-backup.service"
TIMER = "kashi-server-backup.timer"
EXPOSURE_MAX = 2.0
SECONDS_MAX = 120
STATE, BACKUPS = "/var/lib/kashi-server", "/var/backups/kashi-server"
PROGRAM = "/opt/kashi/bin/kashi-server"


def section(name: str, title: str) -> dict[str, str]:
    """A section of a unit; of repeated settings the last."""
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keep the names' case
    parser.read(UNITS / name, encoding="utf-8")
    return dict(parser[title])


def analysed(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What `systemd-analyze` says."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is absent: install systemd")
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", [SERVER, BACKUP])
def test_exposure_is_low(name: str) -> None:
    """`systemd-analyze security` rates the unit at most 2.0."""
    done = analysed("security", "--offline=true", "--no-pager", str(UNITS / name))

    rated = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)

    assert rated, done.stdout + done.stderr
    assert float(rated[1]) <= EXPOSURE_MAX


@pytest.mark.parametrize("name", [SERVER, BACKUP, TIMER])
def test_systemd_understands_every_line(name: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` has nothing to say; only the program's path is made to exist."""
    for unit in UNITS.glob("kashi-server*"):
        text = unit.read_text("utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")

    done = analysed("verify", "--man=no", "--recursive-errors=no", str(tmp_path / name))

    assert [line for line in done.stderr.splitlines() if "kashi-server" in line] == []


def test_the_server_comes_back_and_waits_for_what_it_needs() -> None:
    """It starts once `init` made its settings, after a database of this machine, as its own user,
    without a capability or a device, and comes back however often it fails."""
    unit, server = section(SERVER, "Unit"), section(SERVER, "Service")

    assert unit["ConditionPathExists"] == f"{STATE}/{FILE}"
    assert "postgresql.service" in unit["After"].split()
    assert unit["StartLimitIntervalSec"] == "0"
    assert server["Type"] == "notify", "started is what takes calls, not what was executed"
    assert server["Restart"] == "always"
    assert server["User"] == server["Group"] == "kashi-server"
    assert f"/var/lib/{server['StateDirectory']}" == STATE
    assert server["StateDirectoryMode"] == "0700"
    assert server["CapabilityBoundingSet"] == ""
    assert server["PrivateDevices"] == "yes"
    assert "SendSIGKILL" not in server, "what hangs at its end is ended"
    assert section(TIMER, "Timer")["Persistent"] == "yes"


def test_a_hosts_package_brings_no_unit_of_the_server(tmp_path: Path) -> None:
    """The agent's packages are laid out from the same folder and leave the server's units out."""
    bill = tmp_path / "bill.json"
    bill.touch()

    staged = stage(UNITS.parents[1], tmp_path / "staged", bill, [])

    units = {file.name for file in (staged.root / "usr/lib/systemd/system").iterdir()}
    assert "kashi-agent.service" in units
    assert {name for name in units if name.startswith("kashi-server")} == set()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A server's folder as `init` leaves it, and one for backups."""
    secret = tmp_path / "password"
    secret.write_text(PASSWORD, encoding="utf-8")
    done = run(
        *("init", "--demo", "--officer", OFFICER, "--password-file", str(secret)),
        *("--listen", "127.0.0.1", "--port", "0", "--directory", str(tmp_path / "state")),
    )
    assert done.returncode == 0, done.stderr
    (tmp_path / "backups").mkdir()
    return tmp_path


def started(
    name: str, line: str, folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """A line of a unit, under the system calls the unit leaves; folders are the test's, the program
    this environment's, and nothing is in its surroundings that systemd would not put there, of
    which `environment` is what it puts there for this unit."""
    if shutil.which("systemd-analyze") is None or not unit_filter.usable():
        pytest.skip("systemd-analyze or libseccomp is absent: install systemd")
    program = folder / "kashi-server"
    paths = [entry for entry in sys.path if entry]
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path[:0] = {paths!r}\n"
        "from kashi_server.cli import main\nmain()\n",
        encoding="utf-8",
    )
    program.chmod(0o755)
    text = section(name, "Service")[line].replace("%%", "%").replace("$$", "$")
    for there, here in ((PROGRAM, program), (STATE, "state"), (BACKUPS, "backups")):
        text = text.replace(str(there), str(folder / here))
    return subprocess.Popen(
        [sys.executable, unit_filter.__file__, str(UNITS / name), *shlex.split(text)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(folder),
            **(environment or {}),
        },
    )


def said(process: "subprocess.Popen[str]") -> IO[str]:
    """What it says, line by line as it comes."""
    assert process.stdout is not None
    return process.stdout


def test_the_units_own_line_serves_and_sigterm_ends_it_cleanly(folder: Path) -> None:
    """ExecStart, under the unit's own filter of system calls: every port opens, SIGTERM lets it
    finish, the exit is 0, and nothing says afterwards that it serves."""
    with started(SERVER, "ExecStart", folder) as process:
        try:
            lines: list[str] = []
            for line in said(process):
                lines.append(line)
                if line == "ready\n":
                    break
            assert lines[-1:] == ["ready\n"], "".join(lines)
            assert (folder / "state" / "serving.json").exists()

            process.send_signal(signal.SIGTERM)
            rest = "".join(said(process))

            assert process.wait(SECONDS_MAX) == 0, rest
            assert "Traceback" not in rest
            assert not (folder / "state" / "serving.json").exists()
        finally:
            process.kill()


def test_the_service_manager_is_told_once_every_port_answers_and_when_it_stops(
    folder: Path,
) -> None:
    """`Type=notify`: READY=1 comes when each port takes a connection, STOPPING=1 with SIGTERM."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        name = f"kashi-{token_hex(8)}"
        manager.bind(f"\0{name}")
        manager.settimeout(SECONDS_MAX)
        with started(SERVER, "ExecStart", folder, {"NOTIFY_SOCKET": f"@{name}"}) as process:
            try:
                ready = manager.recv(4096).decode()
                ports = running_ports(folder / "state")
                for port in ports.values():
                    socket.create_connection(("127.0.0.1", port), SECONDS_MAX).close()

                process.send_signal(signal.SIGTERM)
                stopping = manager.recv(4096).decode()
                rest = "".join(said(process))

                assert process.wait(SECONDS_MAX) == 0, rest
            finally:
                process.kill()
    assert ready.startswith("READY=1\n")
    assert ports.keys() >= {"metering", "enrolment", "portal", "metrics"}
    assert stopping.startswith("STOPPING=1\n")


def test_the_backup_units_own_lines_write_a_backup_and_drop_old_ones(folder: Path) -> None:
    """ExecStart leaves one whole file, dated; ExecStartPost takes away only what is older than
    35 days and is a backup."""
    old, other = folder / "backups" / "kashi-old.tar", folder / "backups" / "notes.txt"
    for path in (old, other):
        path.touch()
        subprocess.run(["touch", "--date=40 days ago", str(path)], check=True)

    for line in ("ExecStart", "ExecStartPost"):
        with started(BACKUP, line, folder) as process:
            told = "".join(said(process))
            assert process.wait(SECONDS_MAX) == 0, told

    (made,) = (folder / "backups").glob("*.tar")
    assert re.fullmatch(r"kashi-\d{8}T\d{6}Z\.tar", made.name)
    with tarfile.open(made) as archive:
        assert {"manifest.json", FILE, "database"} <= set(archive.getnames())
    assert other.exists()
