"""A bundle of wheels with an installer, for machines this one cannot run.

Every compiled file in it is read: it must be of the machine, and ask for no newer C or C++ library
than the oldest host has.
"""

import gzip
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from packaging.utils import parse_wheel_filename

from deploy.packages.elf import ElfFile, elf_files
from deploy.packages.locked import PackagingError
from deploy.packages.staging import Staged
from deploy.packages.wheelhouse import GLIBC_MAX, Target, sha256

HERE: Final = Path(__file__).parent
ELF_MACHINES: Final = {"aarch64": "AArch64", "x86_64": "x64"}
GLIBCXX_MAX: Final = (3, 4, 24)
"""What GCC 7.3 brought, the compiler of Kylin V10 and openEuler 20.03."""

ON_EVERY_HOST: Final = frozenset(
    {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libgcc_s.so.1"}
    | {"libstdc++.so.6", "ld-linux-aarch64.so.1", "ld-linux-x86-64.so.2"}
)


def check_wheels(wheels: Path, target: Target, scratch: Path) -> None:
    """Every tag and every compiled file fits the machine and its oldest libraries.

    Raises:
        PackagingError: one does not; it is named, with what it asks for.
    """
    fitting = {*target.platforms, "any"}
    for wheel in sorted(wheels.glob("*.whl")):
        _, _, _, tags = parse_wheel_filename(wheel.name)
        if not any(tag.platform in fitting for tag in tags):
            raise PackagingError(f"{wheel.name} is not for {target.machine}")
        unpacked = scratch / wheel.stem
        shutil.rmtree(unpacked, ignore_errors=True)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        for elf in elf_files(unpacked):
            if said := unfit(elf, target.machine):
                raise PackagingError(f"{wheel.name}: {elf.path.name} {said}")
        shutil.rmtree(unpacked)


def unfit(elf: ElfFile, machine: str) -> str | None:
    """Why an ELF file does not run on the oldest host of a machine; None when it does."""
    if elf.machine != ELF_MACHINES[machine]:
        return f"is for {elf.machine}"
    if elf.newest("GLIBC") > GLIBC_MAX:
        return f"needs glibc {elf.newest('GLIBC')}"
    if elf.newest("GLIBCXX") > GLIBCXX_MAX:
        return f"needs libstdc++ {elf.newest('GLIBCXX')}"
    if elsewhere := elf.needed - ON_EVERY_HOST:
        return f"needs {', '.join(sorted(elsewhere))}"
    return None


def wheel_bundle(
    wheels: Path, staged: Staged, target: Target, *, version: str, made_at: str, out: Path
) -> Path:
    """Make the `.tar.gz` into the folder `out`; its files carry one instant and belong to root."""
    name = f"kashi-agent-{version}-linux-{target.machine}"
    folder = staged.root.parent / name
    shutil.copytree(wheels, folder / "wheels")
    shutil.copytree(staged.root, folder / "root")
    shutil.copy(staged.settings, folder)
    for script in (*(HERE / "system").glob("*.sh"), HERE / "bundle" / "install.sh"):
        shutil.copy(script, folder)
    (folder / "MACHINE").write_text(f"{target.machine}\n", encoding="utf-8")
    write_sums(folder, folder / "SHA256SUMS")
    made = out / f"{name}.tar.gz"
    with (
        made.open("wb") as file,
        gzip.GzipFile(filename="", fileobj=file, mode="wb", mtime=int(made_at)) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        archive.add(folder, name, filter=lambda entry: _plain(entry, int(made_at)))
    return made


def write_sums(folder: Path, sums: Path) -> None:
    """Write the digests of every file below a folder, as `sha256sum --check` reads them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path != sums)
    lines = [f"{sha256(path)}  {path.relative_to(folder)}\n" for path in files]
    sums.write_text("".join(lines), encoding="utf-8")


def _plain(entry: tarfile.TarInfo, made_at_seconds: int) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mtime = made_at_seconds
    entry.mode = 0o755 if entry.isdir() or entry.mode & 0o100 else 0o644
    return entry
