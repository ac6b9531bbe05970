"""NVIDIA's library below a driver's root, as driver containers keep it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fakes.nvml.library import NVML
from fakes.nvml.scenario import Control, Device, Scenario
from kashi_agent import meterd
from kashi_agent.config import EvidenceLevel
from kashi_agent.errors import MeterError
from kashi_agent.evidence.telling import Telling
from kashi_agent.meter_loop import Outcome
from kashi_agent.meters.nvml_library import candidates, load_library
from kashi_agent.sample import MeterKind

READ_ONCE = """
import sys
from pathlib import Path
from kashi_agent.meters.nvml import NvmlDriver
driver = NvmlDriver(Path(sys.argv[1]))
print(driver.uuid(driver.handles()[0]))
print(*{line.split()[-1] for line in open("/proc/self/maps") if "libnvidia-ml" in line})
"""


@pytest.mark.parametrize("place", range(len(candidates(Path("/")))))
def test_the_library_is_found_below_the_root(fake_nvml: Path, tmp_path: Path, place: int) -> None:
    """Wherever a distribution keeps it below the root, this library is loaded and no other."""
    library = candidates(tmp_path / "driver")[place]
    library.parent.mkdir(parents=True)
    shutil.copy(fake_nvml / NVML.soname, library)
    with Control(tmp_path / "clock") as control:
        scenario = Scenario(devices=(Device(uuid="GPU-1"),))
        path = scenario.write_controlled(tmp_path / "scenario", control.path)

        done = subprocess.run(
            [sys.executable, "-c", READ_ONCE, str(tmp_path / "driver")],
            env={**os.environ, NVML.variable: str(path)},
            capture_output=True,
            text=True,
            check=True,
        )

    assert done.stdout.split() == ["GPU-1", str(library)]


def test_a_root_without_the_library_is_told(tmp_path: Path) -> None:
    """What is missing, where, and what to look at."""
    with pytest.raises(MeterError, match=r"No libnvidia-ml\.so\.1 below the driver.s root /"):
        load_library(tmp_path)


def test_what_is_no_library_is_told(tmp_path: Path) -> None:
    """A file that cannot be loaded is named with the loader's own words."""
    library = candidates(tmp_path)[0]
    library.parent.mkdir(parents=True)
    library.write_text("no ELF file")

    with pytest.raises(MeterError, match=f"{library} cannot be loaded: .*file too short|invalid"):
        load_library(tmp_path)


def test_the_machines_own_root_is_left_to_the_loader() -> None:
    """Nothing is searched for where the system's loader knows better."""
    load_library(Path("/"))


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the unit's meter finds as agent.toml: it starts without an option."""
    path = tmp_path / "agent.toml"
    monkeypatch.setattr(meterd, "CONFIG_PATH", path)
    return path


def test_the_units_meter_looks_below_the_root_of_the_settings(
    settings: Path, tmp_path: Path
) -> None:
    """And an option of the command line comes before them."""
    settings.write_text(f'[agent]\ndriver_root = "{tmp_path / "set"}"\n')
    for given, root in (([], tmp_path / "set"), (["--driver-root", "/given"], Path("/given"))):
        options = meterd._parser().parse_args(given)
        opener = meterd._opener(options, lambda: 0, Telling(), EvidenceLevel.BASIC)

        with pytest.raises(MeterError, match=f"below the driver.s root {root}"):
            opener[MeterKind.NVML]()


def test_the_units_meter_reads_vendor_and_evidence_of_the_settings(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What needs extra capabilities is looked at only where somebody set it."""
    seen: list[tuple[MeterKind, EvidenceLevel]] = []

    def run(_options: object, kind: MeterKind, level: EvidenceLevel) -> Outcome:
        seen.append((kind, level))
        return Outcome.STOPPED

    monkeypatch.setattr(meterd, "_run", run)
    settings.write_text('[agent]\nmeter = "ascend"\n')
    assert meterd.main([]) == 0
    settings.write_text('[agent]\nmeter = "nvml"\nevidence = "extended"\n')
    assert meterd.main([]) == 0
    assert meterd.main(["--meter", "ascend", "--evidence", "basic"]) == 0

    assert seen == [
        (MeterKind.ASCEND, EvidenceLevel.BASIC),
        (MeterKind.NVML, EvidenceLevel.EXTENDED),
        (MeterKind.ASCEND, EvidenceLevel.BASIC),
    ]
