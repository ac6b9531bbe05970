"""One host as installed: kashi-meter and kashi-agent, enrolled at a server beside them."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fixtures_identity import PARTY
from fixtures_server import KashiServer

START_SECONDS_MAX: Final = 60
REPORT_SECONDS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredHost:
    """Two running processes and the agent's status file."""

    meter_pid: int
    agent_pid: int
    status: Path

    def samples(self) -> int:
        """Samples the agent has taken so far, as it says itself; 0 before it says anything."""
        try:
            return int(json.loads(self.status.read_text())["samples"])
        except FileNotFoundError:
            return 0


@contextmanager
def metered_host(folder: Path, environ: Mapping[str, str]) -> Iterator[MeteredHost]:
    """Serve, enrol, start both processes, wait for the first samples; all ended on leaving."""
    server = KashiServer(folder / "server")
    server.init("--demo")
    server.start()
    try:
        settings = _settings(folder)
        _enrol(server, settings)
        with (
            _running("kashi_agent.cli", ["run", "--config", str(settings)], environ) as agent,
            _running("kashi_agent.meterd", ["--socket", str(folder / "m.sock")], environ) as meter,
        ):
            host = MeteredHost(
                meter_pid=meter, agent_pid=agent, status=folder / "state" / "status.json"
            )
            _wait_for_samples(host)
            yield host
    finally:
        server.stop()


def _settings(folder: Path) -> Path:
    """The agent's settings: everything in a folder, a report a minute."""
    path = folder / "agent.toml"
    path.write_text(
        f'[agent]\nstate_folder = "{folder / "state"}"\n'
        f'meter_socket = "{folder / "m.sock"}"\n'
        f"report_interval_seconds = {REPORT_SECONDS}\n",
        encoding="utf-8",
    )
    return path


def _enrol(server: KashiServer, settings: Path) -> None:
    """Give the host its identity, as its administrator does."""
    subprocess.run(
        [
            *(sys.executable, "-m", "kashi_agent.cli", "enrol", "--config", str(settings)),
            *("--server", server.address("enrolment"), "--token", server.token(PARTY), "--yes"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=START_SECONDS_MAX,
    )


def _wait_for_samples(host: MeteredHost) -> None:
    deadline_s = time.monotonic() + START_SECONDS_MAX
    while not host.samples():
        if time.monotonic() > deadline_s:
            raise RuntimeError("no samples came to the agent")
        time.sleep(0.2)  # nothing to wait on: the status file is replaced now and then


@contextmanager
def _running(module: str, options: list[str], environ: Mapping[str, str]) -> Iterator[int]:
    """A process of ours, ended as the service manager ends it."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *options], env=dict(environ), stderr=subprocess.DEVNULL
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)
