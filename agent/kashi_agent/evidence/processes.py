"""Whether the processes a driver lists hold a device file: the extended part of the evidence.

The open files of other users' processes are read only with CAP_SYS_PTRACE, so this is off unless
the settings say `evidence = "extended"`. Only the names of device files are looked at, and what is
told is three counts.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.evidence.fact import Fact
from kashi_agent.sample import SampleBatch

DEVICE_FILES: Final = ("/dev/nvidia", "/dev/davinci")

Pids = Callable[[str], Collection[int]]
"""By hardware id: the processes the driver listed at the last look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessFacts:
    """Facts of the listed processes of each whole device; `proc` is the host's."""

    proc: Path
    pids: Pids

    def collect(self, batch: SampleBatch) -> Iterator[Fact]:
        """How many are listed, how many hold a device file, and how many do not let us look."""
        for sample in batch.samples:
            if sample.device.parent_hardware_id:
                continue
            held = [self._holds(pid) for pid in self.pids(sample.device.hardware_id)]
            unknown = held.count(None)
            text = f"listed:{len(held)} holding:{held.count(True)} unreadable:{unknown}"
            yield Fact(name="processes", value=text, hardware_id=sample.device.hardware_id)

    def _holds(self, pid: int) -> bool | None:
        """None: the process may not be looked at, or has just ended."""
        try:
            files = list((self.proc / str(pid) / "fd").iterdir())
        except OSError:
            return None
        return any(_target(file).startswith(DEVICE_FILES) for file in files)


def _target(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:
        return ""  # closed since it was listed
