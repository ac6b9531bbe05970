"""The fake driver itself: its arithmetic against the scenario's truth, and what it refuses."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.nvml.library import environment
from fakes.nvml.scenario import Control, Device, Process, Scenario, State, Truth

READ_ENERGY = """
import sys
from pathlib import Path
import pynvml
from fakes.nvml.scenario import Control
pynvml.nvmlInit()
handle = pynvml.nvmlDeviceGetHandleByIndex(0)
control = Control(Path(sys.argv[1]))
for text in sys.argv[2:]:
    control.now_ms = int(text)
    print(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle),
          pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
"""


def test_the_librarys_energy_is_the_exact_integral(fake_nvml: Path, tmp_path: Path) -> None:
    """At any instant the C library's counter equals the Python truth, cut to whole millijoules."""
    dice = random.Random(20261122)
    starts = sorted(dice.sample(range(1, 10_000_000), 400))
    states = tuple(
        State(from_ms=at, gpu_percent=dice.randint(0, 100), power_mw=dice.randint(0, 700_000))
        for at in (0, *starts)
    )
    scenario = Scenario(devices=(Device(uuid="GPU-1", states=states),))
    control = tmp_path / "clock"
    Control(control).close()
    path = scenario.write_controlled(tmp_path / "scenario", control)
    instants = [0, starts[0], starts[0] - 1, *dice.sample(range(11_000_000), 40)]

    done = subprocess.run(
        [sys.executable, "-c", READ_ENERGY, str(control), *map(str, instants)],
        env=environment(fake_nvml, path, {**os.environ, "PYTHONPATH": "tests"}),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    told = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    assert told == [
        (
            scenario.truth(0, 0, now_ms).energy_uj // 1_000,
            [state for state in states if state.from_ms <= now_ms][-1].gpu_percent,
        )
        for now_ms in instants
    ]


def test_truth_is_the_sum_over_millisecond_steps() -> None:
    """The interval arithmetic of the truth equals a count over every single millisecond."""
    states = (
        State(from_ms=0, power_mw=3),
        State(from_ms=7, gpu_percent=50, power_mw=11),
        State(from_ms=20, gpu_percent=100, power_mw=17),
        State(from_ms=31, power_mw=2),
    )
    processes = (
        Process(pid=1, from_ms=5, to_ms=12),
        Process(pid=2, from_ms=8, to_ms=10),
        Process(pid=3, from_ms=12, to_ms=13),
        Process(pid=4, from_ms=25),
    )
    scenario = Scenario(devices=(Device(uuid="GPU-1", states=states, processes=processes),))

    for from_ms, to_ms in ((0, 40), (6, 26), (9, 10), (13, 25), (30, 31), (35, 35)):
        steps = range(from_ms, to_ms)
        at = {step: [s for s in states if s.from_ms <= step][-1] for step in steps}
        assert scenario.truth(0, from_ms, to_ms) == Truth(
            span_ms=to_ms - from_ms,
            held_ms=sum(
                any(p.from_ms <= step and (p.to_ms is None or step < p.to_ms) for p in processes)
                for step in steps
            ),
            active_ms=sum(at[step].gpu_percent > 0 for step in steps),
            utilised_ns=sum(at[step].gpu_percent * 10_000 for step in steps),
            energy_uj=sum(at[step].power_mw for step in steps),
        )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("start_boottime_ms 0\ndevise 0 uuid X\n", 2, "no such word"),
        ("start_boottime_ms soon\n", 1, "milliseconds"),
        ("start_boottime_ms 0\n\n# fine\ndevice 0 colour red\n", 4, "no such field"),
        ("start_boottime_ms 0\ndevice 64 uuid X\n", 2, "out of range"),
        ("start_boottime_ms 0\nstate 0 5 0 0 0 0\nstate 0 5 0 0 0 0\n", 3, "order of time"),
        (
            "start_boottime_ms 0\nstate 0 0 0 0 0 0\nstate 1 0 0 0 0 0\nstate 0 9 0 0 0 0\n",
            4,
            "stand together",
        ),
        ("start_boottime_ms 0\nprocess 0 1 compute\n", 2, "process N PID"),
        ("start_boottime_ms 0\nprocess 0 1 quantum 1 0 - 0 -\n", 2, "compute, graphics or mps"),
        ("start_boottime_ms 0\nerror * nvmlInit 9 0\n", 2, "error N CALL"),
        ("start_boottime_ms 0\nlatency nap 5 *\n", 2, "spins or sleeps"),
        ("start_boottime_ms 0\nvalue 0 nvmlDeviceGetPowerUsage lots 0 -\n", 2, "value N CALL"),
        ("start_boottime_ms 0\nrow 0 1 37100\n", 2, "row N PID SM%"),
        ("start_boottime_ms 0\ncrowd 0 many 0 -\n", 2, "crowd N COUNT"),
        ("start_boottime_ms 0\ndevice 0 uuid X\norder 0 0 1\n", 3, "each device once"),
        ("start_boottime_ms 0\ndevice 1 uuid X\norder 0 0 0\n", 3, "each device once"),
        ("start_boottime_ms 0\nstamps sundial 0 0\n", 2, "stamps unix|boot"),
        ("control /nowhere/at/all\n", 1, "control file"),
        ("driver 1\n", 1, "neither start_boottime_ms nor control"),
    ],
)
def test_a_mistake_in_a_scenario_is_told_by_its_line(
    fake_nvml: Path, tmp_path: Path, text: str, line: int, words: str
) -> None:
    """A scenario with a mistake ends the program that loads it, and says where it is."""
    path = tmp_path / "scenario"
    path.write_text(text)

    done = subprocess.run(
        [sys.executable, "-c", "import pynvml; pynvml.nvmlInit()"],
        env=environment(fake_nvml, path, os.environ),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 70
    assert f"{path}:{line}: " in done.stderr
    assert words in done.stderr


def test_the_pages_recipe_builds_the_library_and_shows_its_scenario(
    fake_nvml: Path, tmp_path: Path
) -> None:
    """As it is copied from the page, in a folder that has the tests beside it."""
    assert fake_nvml.is_dir(), "a compiler is there"
    root = Path(__file__).parents[2]
    page = (root / "tests/fakes/nvml/README.md").read_text(encoding="utf-8")
    recipe = page.split("```\n")[1]
    (tmp_path / "tests").symlink_to(root / "tests")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

    done = subprocess.run(
        ["bash", "-e", "-c", recipe],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "GPU-00000000-0000-0000-0000-000000000001" in done.stdout
