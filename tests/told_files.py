"""What agent/README.md tells of files: those that are read, and those that are stored."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from opened_files import Opened

README: Final = Path(__file__).parents[1] / "agent" / "README.md"
STATE: Final = "/var/lib/kashi-agent"
LISTING: Final = ("os.listdir", "os.scandir")


def told_files(*, settings: str = "") -> list[str]:
    """Every name in both tables, absolute; of what is read only under a setting, where it is
    among `settings`."""
    text = README.read_text("utf-8")
    read = _rows(text, "## What is read")
    told = [
        name
        for row in read
        for name in _names(row[0])
        if not row[2].startswith("only") or _names(row[2])[0] in settings
    ]
    for row in _rows(text, "## What is stored, and how long"):
        first, *others = _names(row[0])
        folder = first.rpartition("/")[0]
        names = [first, *(one if "/" in one or not folder else f"{folder}/{one}" for one in others)]
        told += [name if name.startswith("/") else f"{STATE}/{name}" for name in names]
    return [*told, f"{STATE}/spool/", f"{STATE}/inbox/"]


def untold(seen: list[Opened], told: list[str]) -> list[Opened]:
    """What was opened and is not told of."""
    files = [_pattern(name) for name in told if not name.endswith("/")]
    listed = [_pattern(name.removesuffix("/")) for name in told if name.endswith("/")]
    stored = [name for name in told if name.startswith(f"{STATE}/")]
    synced = {str(Path(STATE).parent), *(str(Path(name).parent) for name in stored)}
    return [
        one
        for one in seen
        if not any(
            pattern.fullmatch(one.name) for pattern in (listed if one.event in LISTING else files)
        )
        and not (one.event == "open" and one.name in synced)
    ]


def _rows(text: str, heading: str) -> Iterator[list[str]]:
    section = text.partition(f"\n{heading}\n")[2].partition("\n## ")[0]
    for line in re.findall(r"(?m)^\| (`.+) \|$", section):
        yield line.split(" | ")


def _names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def _pattern(name: str) -> re.Pattern[str]:
    """A name in capitals is one name, `*` a part of one, `…` any folders; a bare library's name
    is that library wherever it lies."""
    if name.startswith("lib"):
        return re.compile(rf"(/.*/)?{re.escape(name)}(\.[0-9.]+)?")
    parts = re.split(r"(…|\*|(?<![A-Za-z])[A-Z]{3,}(?![A-Za-z]))", name)
    wild = {"…": ".*", "*": "[^/]*", "HEX": "[0-9a-f]{8}"}
    return re.compile(
        "".join(
            wild.get(part, "[^/]+") if place % 2 else re.escape(part)
            for place, part in enumerate(parts)
        )
    )
