"""The fake `libnvidia-ml.so.1`: building it and pointing a process at it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fakes.driver.library import Library, compiler

__all__ = ["NVML", "built_library", "compiler", "environment"]

HERE: Final = Path(__file__).parent

NVML: Final = Library(
    soname="libnvidia-ml.so.1",
    folder="fake-nvml",
    sources=(HERE / "nvml.c", HERE / "scenario.c", HERE / "scenario.h"),
    exported="nvml*",
    variable="KASHI_FAKE_NVML",
)


def built_library(
    build: Path, without: frozenset[str] = frozenset(), *, wide_processes: bool = False
) -> Path:
    """Folder with the library, compiled once for each state of its sources.

    `without` names symbols an older driver does not have; they are not exported. `wide_processes`
    gives lists of processes the layout that drivers 535.43 to 535.98 had.
    CalledProcessError when the compiler refuses, FileNotFoundError when there is none.
    """
    return NVML.built(build, without, ("-DWIDE_PROCESSES",) if wide_processes else ())


def environment(folder: Path, scenario: Path, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that shall meet the fake driver and this scenario."""
    return NVML.environment(folder, scenario, base)
