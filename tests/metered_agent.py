"""The real agent with its real meter over the fake driver, enrolled: what it holds and says."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from agent_process import AgentProcess
from fakes.nvml.library import built_library, compiler, environment
from fakes.nvml.scenario import Scenario
from fixtures_server import KashiServer
from kashi_agent.reading import HostEvent, HostEventKind
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal
from prepared_host import enrolled_store

BUILD = Path(__file__).parent.parent / "build"
LIBRARY = "libnvidia-ml.so.1"
COMMAND_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class MeteredAgent:
    """One host; `device` is the device file that the fake driver's library holds open."""

    process: AgentProcess
    device: Path

    @property
    def holding(self) -> list[int]:
        """Processes of this agent that have the vendor's library mapped or the device open."""
        assert self.process.process is not None
        ours = [self.process.process.pid, *self.process.meters()]
        return [pid for pid in ours if _maps_library(pid) or str(self.device) in _opened(pid)]

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run `kashi-agent …` on this host."""
        return subprocess.run(
            [str(self.bin / "kashi-agent"), *arguments],
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )

    @property
    def bin(self) -> Path:
        """A folder for PATH where `kashi-agent` is this host's."""
        folder = self.process.folder / "bin"
        if not folder.exists():
            folder.mkdir()
            script = folder / "kashi-agent"
            program = f'"{sys.executable}" -m kashi_agent.cli'
            settings = self.process.folder / "agent.toml"
            script.write_text(f'#!/bin/sh\nexec {program} "$@" --config "{settings}"\n')
            script.chmod(0o755)
        return folder

    def measuring(self, more: int = 3) -> None:
        """Wait until samples come, some more than there are."""
        now = self.process.status()
        since = 0 if now is None else now.samples
        self.process.until(lambda status: status.samples >= since + more)

    def sealed(self) -> list[Stretch]:
        """Every report that it made, after its end."""
        sealed = self.process.spool().sealed
        return [unseal(sealed.read(entry).wire) for entry in sealed.entries()]


def metered_agent(
    server: KashiServer,
    agents: Callable[[Path], AgentProcess],
    folder: Path,
    scenario: Callable[[Path], Scenario],
    *,
    start_boottime_ms: int,
    meter: Sequence[str] | None = ("--cadence-ms", "200", "--retry-ms", "300"),
) -> MeteredAgent:
    """Enrol a host; `scenario` is given the device file. Not started."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    enrolled_store(server, folder / "state" / "identity", folder.name, Random(str(folder)))
    device = folder / "nvidia0"
    device.touch()
    path = scenario(device).write(folder / "scenario", start_boottime_ms=start_boottime_ms)
    process = agents(folder)
    process.meter = meter
    process.environment = environment(built_library(BUILD), path, os.environ)
    return MeteredAgent(process=process, device=device)


def gap_ms(stretches: list[Stretch]) -> dict[int, int]:
    """Milliseconds of gaps by reason, all devices; every device tiles its time on the way."""
    sums: dict[int, int] = {}
    for minutes in (minutes for stretch in stretches for minutes in stretch.devices):
        assert minutes.observed_ms + minutes.gap_ms == minutes.elapsed_ms
        for gap in minutes.gaps:
            sums[gap.reason] = sums.get(gap.reason, 0) + gap.span_ms
    return sums


def events_of(stretches: list[Stretch], kind: HostEventKind) -> list[HostEvent]:
    """The host's events of a kind, in order."""
    return [event for stretch in stretches for event in stretch.events if event.kind == kind]


def _maps_library(pid: int) -> bool:
    try:
        return LIBRARY in Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
    except OSError:
        return False  # it has just ended


def _opened(pid: int) -> set[str]:
    folder = Path(f"/proc/{pid}/fd")
    try:
        return {os.readlink(folder / name) for name in os.listdir(folder)}
    except OSError:
        return set()  # it has just ended, or closed one meanwhile
