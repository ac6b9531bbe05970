"""`python -m deploy.packages`: everything an operator installs, in `build/packages/`.

Exit codes: 0 made, 1 something is missing or unfit and is named, 2 wrong command line.
"""

import argparse
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent import VERSION

from deploy.packages import wheel_bundle
from deploy.packages.commands import made_at_seconds
from deploy.packages.debian import debian_parts
from deploy.packages.freeze import freeze
from deploy.packages.locked import Locked, PackagingError, brought_along, read_lock
from deploy.packages.sbom import Part, bill, installed_part, wheel_part
from deploy.packages.staging import Staged, stage
from deploy.packages.system_package import system_package
from deploy.packages.wheelhouse import Target, build_ours, check_complete, fetch

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ROOT / "build" / "packages"
WORK: Final = ROOT / "build" / "packages-work"

X86_64: Final = Target(machine="x86_64", pythons=("3.11",))
AARCH64: Final = Target(machine="aarch64", pythons=("3.11", "3.12", "3.13", "3.14"))


TOOLS: Final = Path(__file__).with_name("tools.lock")
INSTALLER: Final = ("pip",)
"""What the bundle's installer runs on the host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """One run: where it works, where the results go, and the instant they carry."""

    work: Path
    out: Path
    version: str
    made_at: str

    def scratch(self, name: str) -> Path:
        """An empty folder to work in."""
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def main() -> int:
    """Make every package."""
    parser = argparse.ArgumentParser(prog="make packages", description=__doc__)
    parser.parse_args()
    os.umask(0o022)  # what is made here is for another user: the maker's own umask is no measure
    shutil.rmtree(PACKAGES, ignore_errors=True)
    PACKAGES.mkdir(parents=True)
    try:
        making = Making(work=WORK, out=PACKAGES, version=VERSION, made_at=made_at_seconds(ROOT))
        make_x86_64(making)
        make_bundle(making, AARCH64)
        wheel_bundle.write_sums(PACKAGES, PACKAGES / "SHA256SUMS")
    except PackagingError as error:
        print(f"make packages: {error}", file=sys.stderr)
        return 1
    for made in sorted(PACKAGES.iterdir()):
        print(f"{made.stat().st_size / 1e6:8.1f} MB  {made.relative_to(ROOT)}")
    return 0


def make_x86_64(making: Making) -> list[Path]:
    """The `.deb` and the `.rpm`, with an interpreter of their own."""
    wheels = gather(making, X86_64)
    frozen = freeze(wheels, making.scratch("frozen"), making.made_at)
    parts = [
        *_wheel_parts(wheels),
        installed_part(frozen.bootloader),
        *debian_parts(frozen.taken),
    ]
    staged = _staged(making, X86_64, parts)
    return [
        system_package(
            kind, frozen, staged, version=making.version, made_at=making.made_at, out=making.out
        )
        for kind in ("deb", "rpm")
    ]


def make_bundle(making: Making, target: Target) -> Path:
    """The wheels with an installer."""
    wheels = gather(making, target, INSTALLER)
    wheel_bundle.check_wheels(wheels, target, making.scratch("unpacked"))
    staged = _staged(making, target, _wheel_parts(wheels))
    return wheel_bundle.wheel_bundle(
        wheels, staged, target, version=making.version, made_at=making.made_at, out=making.out
    )


def gather(making: Making, target: Target, tools: tuple[str, ...] = ()) -> Path:
    """The locked wheels of a target with our own and those of `tools`, complete and checked."""
    pins = read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    with_tools = read_lock(TOOLS.read_text(encoding="utf-8"))
    needs = [*_needs(target, pins), *(with_tools[name] for name in tools)]
    wheels = making.scratch(f"{target.machine}/wheels")
    fetch(target, needs, wheels, wheels.parent)
    build_ours(ROOT, wheels)
    check_complete(wheels, needs)
    return wheels


def _needs(target: Target, pins: dict[str, Locked]) -> list[Locked]:
    needs = {
        need.name: need for p in target.pythons for need in brought_along("kashi-agent", pins, p)
    }
    return [needs[name] for name in sorted(needs)]


def _wheel_parts(wheels: Path) -> list[Part]:
    return [wheel_part(wheel) for wheel in sorted(wheels.glob("*.whl"))]


def _staged(making: Making, target: Target, parts: list[Part]) -> Staged:
    """The files beside the programs; the bill of materials also lies beside the packages."""
    sbom = making.out / f"kashi-agent-{making.version}-{target.machine}.cdx.json"
    sbom.write_text(bill(making.version, target.machine, parts, making.made_at), encoding="utf-8")
    return stage(ROOT, making.scratch(f"{target.machine}/staged"), sbom, parts)


if __name__ == "__main__":
    sys.exit(main())
