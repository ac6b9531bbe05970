"""One fact: a name and a text, or a name and why it cannot be told."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.sample import Absent, AbsentReason, Device, SampleBatch, Vendor

NOT_FOUND: Final = Absent(AbsentReason.NOT_FOUND)

VALUE_CHARACTERS_MAX: Final = 200
"""With its name a fact fits the contract's 256 characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """`name` is a word of ours, `value` what was found or why nothing was; `hardware_id` "" speaks
    of the host. An empty text is known to be empty."""

    name: str
    value: str | Absent
    hardware_id: str = ""

    @property
    def detail(self) -> str:
        """As the contract takes it: `name=text` or `name?reason`, on one printable line."""
        if isinstance(self.value, Absent):
            return f"{self.name}?{self.value.reason}"
        printable = "".join(c if c.isprintable() else "?" for c in self.value)
        return f"{self.name}={printable[:VALUE_CHARACTERS_MAX]}"


def text_of(path: Path) -> str | Absent:
    """A small file of the kernel's or of the system's, without its last newline."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        return unreadable(error)


def found_in(path: Path, pattern: re.Pattern[str]) -> str | Absent:
    """What a pattern's group finds in a file."""
    text = text_of(path)
    if isinstance(text, Absent):
        return text
    found = pattern.search(text)
    return NOT_FOUND if found is None else found[1]


def whole_devices(batch: SampleBatch, vendor: Vendor) -> list[Device]:
    """A vendor's devices of a batch, without partitions."""
    devices = (sample.device for sample in batch.samples)
    return [one for one in devices if one.vendor is vendor and not one.parent_hardware_id]


def unreadable(error: OSError) -> Absent:
    """Why a file could not be read."""
    if isinstance(error, FileNotFoundError):
        return NOT_FOUND
    if isinstance(error, PermissionError):
        return Absent(AbsentReason.NO_PERMISSION)
    return Absent(AbsentReason.DRIVER_ERROR)
