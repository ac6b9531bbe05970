"""Folders of wheels for one kind of machine: the locked ones, fetched and checked, and our own."""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.utils import canonicalize_name, parse_wheel_filename

from deploy.packages.commands import run
from deploy.packages.locked import OURS, Locked, PackagingError

GLIBC_MAX: Final = (2, 28)
"""Kylin V10, openEuler 20.03 and Enterprise Linux 8 have this one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The machine and the interpreters a wheelhouse is for."""

    machine: str
    pythons: tuple[str, ...]

    @property
    def platforms(self) -> list[str]:
        """Platform tags that such a machine takes when its C library is as old as we allow."""
        minors = range(GLIBC_MAX[1], 16, -1)
        newer = [f"manylinux_2_{minor}_{self.machine}" for minor in minors]
        return [*newer, f"manylinux2014_{self.machine}"]


def fetch(target: Target, needs: Sequence[Locked], wheels: Path, scratch: Path) -> None:
    """Fetch the locked wheels of every interpreter of the target; pip checks each digest.

    Raises:
        PackagingError: one is not to be had for this machine, or is not what the lock says.
    """
    listed = scratch / f"locked-{target.machine}.txt"
    listed.write_text("".join(f"{need.requirement}\n" for need in needs), encoding="utf-8")
    for python in target.pythons:
        number = python.replace(".", "")
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
            *("--require-hashes", "--no-deps", "--only-binary", ":all:", "--requirement", listed),
            *("--implementation", "cp", "--python-version", python),
            *("--abi", f"cp{number}", "--abi", "abi3", "--abi", "none"),
            *(word for platform in target.platforms for word in ("--platform", platform)),
            *("--dest", wheels),
            cwd=scratch,
        )


def build_ours(root: Path, wheels: Path) -> None:
    """Build the wheels of this repository."""
    for folder in ("proto", "agent"):
        run(
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-build-isolation", "--wheel-dir", wheels, root / folder),
            cwd=root,
        )


def check_complete(wheels: Path, needs: Iterable[Locked]) -> None:
    """Every need has a wheel of its version, every wheel is needed, every digest is the lock's.

    Raises:
        PackagingError: not so; the wheel is named.
    """
    wanted = {need.name: need for need in needs}
    seen = set()
    for wheel in sorted(wheels.glob("*.whl")):
        name, version, _, _ = parse_wheel_filename(wheel.name)
        seen.add(canonicalize_name(name))
        if name in OURS:
            continue
        need = wanted.get(name)
        if need is None or str(version) != need.version or sha256(wheel) not in need.sha256s:
            raise PackagingError(f"{wheel.name} is not what requirements.lock pins")
    missing = (wanted.keys() | OURS) - seen
    if missing:
        raise PackagingError(f"no wheel of {', '.join(sorted(missing))} in {wheels.name}")


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
