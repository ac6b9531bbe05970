"""One session of the meter, for thousands of looks: hours of a host in seconds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.nvml.library import built_library, compiler, environment
from fakes.nvml.scenario import Control, Device, Process, Scenario, State
from host_tree import ProcTree

TESTS = Path(__file__).parents[1]
LOOKS = 10_000
PROCESS_MS = 50_000
GROWN_MAX_BYTES = 100_000
"""Less than one object kept a look would make of the last 8 000: the smallest takes 16 bytes."""
TIMEOUT_SECONDS = 120


def test_a_session_does_not_grow_with_its_looks(tmp_path: Path) -> None:
    """Ten thousand looks at two cards through one session of the real meter, with its holders,
    grants, facts and power checks, and a process that is another one every 50 s: from the two
    thousandth on its objects grow by less than an object a look, its memory by less than 4 MiB."""
    if compiler() is None:
        pytest.skip("no C compiler for the fake driver: install gcc")
    processes = tuple(
        Process(pid=5_000 + n, from_ms=n * PROCESS_MS, to_ms=(n + 1) * PROCESS_MS, sm_percent=30)
        for n in range(LOOKS * 1_000 // PROCESS_MS + 1)
    )
    cards = tuple(
        Device(
            uuid=f"GPU-{n:08d}-0000-0000-0000-000000000000",
            pci=f"00000000:1{n}:00.0",
            states=tuple(
                State(from_ms=at * 90_000, gpu_percent=20 + at % 50, power_mw=300_000 + at)
                for at in range(LOOKS // 90)
            ),
            processes=processes,
        )
        for n in range(2)
    )
    tree = ProcTree(tmp_path / "proc")
    for process in processes:
        tree.write(process.pid, cgroup=f"0::/system.slice/docker-{process.pid:064x}.scope\n")
    with Control(tmp_path / "clock") as control:
        Scenario(devices=cards).write_controlled(tmp_path / "scenario", control.path)
    environ = environment(built_library(TESTS.parent / "build"), tmp_path / "scenario", os.environ)
    path = os.pathsep.join((str(TESTS), environ.get("PYTHONPATH", ""))).rstrip(os.pathsep)

    done = subprocess.run(
        [sys.executable, "-m", "many_looks", str(tmp_path / "clock"), str(tmp_path), str(LOOKS)],
        env={**environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    grown = json.loads(done.stdout)
    assert grown["holders"] > LOOKS // 5 * 1_000 // PROCESS_MS - 2
    assert grown["events"] > 20
    assert grown["objects_bytes"] < GROWN_MAX_BYTES
    assert grown["process_bytes"] < 4 << 20
