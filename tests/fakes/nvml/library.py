"""Building the fake `libnvidia-ml.so.1` and pointing a process at it."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SONAME: Final = "libnvidia-ml.so.1"
SOURCES: Final = ("nvml.c", "scenario.c", "scenario.h")
FLAGS: Final = ("-O2", "-Wall", "-Wextra", "-Werror", "-std=c11", "-fPIC", "-shared")
HERE: Final = Path(__file__).parent


def compiler() -> str | None:
    """The C compiler of this machine; None when there is none."""
    return shutil.which("cc") or shutil.which("gcc")


def built_library(
    build: Path, without: frozenset[str] = frozenset(), *, wide_processes: bool = False
) -> Path:
    """Folder with the library, compiled once for each state of its sources.

    `without` names symbols an older driver does not have; they are not exported. `wide_processes`
    gives lists of processes the layout that drivers 535.43 to 535.98 had.
    CalledProcessError when the compiler refuses, FileNotFoundError when there is none.
    """
    flags = (*FLAGS, "-DWIDE_PROCESSES") if wide_processes else FLAGS
    folder = build / "fake-nvml" / _key(flags, without)
    if not (folder / SONAME).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _compile(folder, flags, without)
    return folder


def environment(folder: Path, scenario: Path, base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that shall meet the fake driver and this scenario."""
    paths = [str(folder), base.get("LD_LIBRARY_PATH", "")]
    return {
        **base,
        "LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths)),
        "KASHI_FAKE_NVML": str(scenario),
    }


def _key(flags: tuple[str, ...], without: frozenset[str]) -> str:
    """Names the build by everything that goes into it."""
    digest = hashlib.sha256("\0".join([*flags, *sorted(without)]).encode())
    for source in SOURCES:
        digest.update((HERE / source).read_bytes())
    return digest.hexdigest()[:16]


def _compile(folder: Path, flags: tuple[str, ...], without: frozenset[str]) -> None:
    """Compile beside the target and move it there, so that two runs cannot meet half a file."""
    found = compiler()
    if found is None:
        raise FileNotFoundError("no C compiler: install gcc")
    versions = folder / f"{os.getpid()}.map"
    hidden = "".join(f" {name};" for name in sorted(without))
    versions.write_text(f"{{ global: nvml*; local:{hidden} *; }};\n", encoding="ascii")
    made = folder / f"{os.getpid()}.so"
    sources = [str(HERE / source) for source in SOURCES if source.endswith(".c")]
    subprocess.run(
        [
            found,
            *flags,
            "-fvisibility=hidden",
            f"-Wl,-soname,{SONAME}",
            f"-Wl,--version-script,{versions}",
            "-o",
            str(made),
            *sources,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    made.replace(folder / SONAME)
    versions.unlink()
