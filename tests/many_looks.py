"""A meter's session as its process has it, looking as fast as it can: how its memory grows.

    python -m many_looks CONTROL FOLDER LOOKS

The scenario's clock is CONTROL, stepped a second a look; FOLDER holds /proc, /sys and /. One line
of JSON says by how much Python's objects and the process grew after the first fifth of the looks.
"""

import gc
import json
import sys
import tracemalloc
from pathlib import Path

from fakes.nvml.scenario import Control
from kashi_agent import meterd
from kashi_agent.config import EvidenceLevel
from kashi_agent.evidence.telling import Telling
from kashi_agent.sample import MeterKind

LOOK_MS = 1_000


def main(control: str, folder: str, looks: int) -> None:
    """Look, and tell."""
    places = [f"--{name}={folder}/{name}" for name in ("proc", "sys", "root")]
    options = meterd._parser().parse_args([*places, "--driver-root=/"])
    clock, telling, events = Control(Path(control)), Telling(), 0
    opener = meterd._opener(options, lambda: clock.now_ms, telling, EvidenceLevel.BASIC)
    meter = opener[MeterKind.NVML]()
    telling.begin()
    tracemalloc.start()
    settled, resident = 0, 0
    holders: set[str] = set()
    for look in range(looks):
        if look == looks // 5:
            settled, resident = _traced(), _resident()
        clock.now_ms += LOOK_MS
        batch = meter.read()
        events += len(batch.events)
        if look < looks // 5:
            seen = (sample.seen.holders for sample in batch.samples)  # type: ignore[union-attr]  # nothing is absent here
            holders |= {holder.name for one in seen for holder in one}  # type: ignore[union-attr]  # nothing is absent here
    grown = {"objects_bytes": _traced() - settled, "process_bytes": _resident() - resident}
    meter.close()
    print(json.dumps({**grown, "looks": looks, "events": events, "holders": len(holders)}))


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _resident() -> int:
    """What is the process's alone."""
    lines = Path("/proc/self/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
