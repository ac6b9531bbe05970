"""What an ELF file asks of the machine it runs on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elftools.elf.dynamic import DynamicSection, DynamicTag
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.segments import InterpSegment

MAGIC: Final = b"\x7fELF"


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfFile:
    """Its machine (`x64`, `AArch64`), loader, search path, libraries and versions it needs.

    `versions` holds (library, version) of every versioned symbol it asks another file for.
    """

    path: Path
    machine: str
    loader: str | None
    run_path: str | None
    needed: frozenset[str]
    versions: frozenset[tuple[str, str]]

    def newest(self, family: str) -> tuple[int, ...]:
        """The highest version of a family (`GLIBC`, `GLIBCXX`) it needs; empty when none."""
        pattern = re.compile(rf"{family}_([0-9.]+)")
        found = [match[1] for _, version in self.versions if (match := pattern.fullmatch(version))]
        return max((tuple(map(int, text.split("."))) for text in found), default=())


def elf_files(folder: Path) -> Iterator[ElfFile]:
    """Every ELF file below a folder, links left out."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and is_elf(path):
            yield read_elf(path)


def is_elf(path: Path) -> bool:
    """Whether a file begins as ELF files do."""
    with path.open("rb") as file:
        return file.read(4) == MAGIC


def read_elf(path: Path) -> ElfFile:
    """Read one ELF file."""
    with path.open("rb") as file:
        elf = ELFFile(file)
        dynamic = [
            (tag.entry.d_tag, tag)
            for section in elf.iter_sections()
            if isinstance(section, DynamicSection)
            for tag in section.iter_tags()
        ]
        loaders = [s.get_interp_name() for s in elf.iter_segments() if isinstance(s, InterpSegment)]
        paths = [_named(tag, "rpath") for kind, tag in dynamic if kind == "DT_RPATH"]
        return ElfFile(
            path=path,
            machine=elf.get_machine_arch(),
            loader=loaders[0] if loaders else None,
            run_path=paths[0] if paths else None,
            needed=frozenset(_named(tag, "needed") for kind, tag in dynamic if kind == "DT_NEEDED"),
            versions=frozenset(_versions(elf)),
        )


def _named(tag: DynamicTag, name: str) -> str:
    """The text a tag of the dynamic section stands for; pyelftools sets it under the tag's name."""
    return str(vars(tag)[name])


def _versions(elf: ELFFile) -> Iterator[tuple[str, str]]:
    for section in elf.iter_sections():
        if isinstance(section, GNUVerNeedSection):
            for library, entries in section.iter_versions():
                yield from ((str(library.name), str(entry.name)) for entry in entries)
