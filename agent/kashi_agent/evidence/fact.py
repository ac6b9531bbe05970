"""One fact: a name and a text, or a name and why it cannot be told."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kashi_agent.sample import Absent, AbsentReason

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


def unreadable(error: OSError) -> Absent:
    """Why a file could not be read."""
    if isinstance(error, FileNotFoundError):
        return Absent(AbsentReason.NOT_FOUND)
    if isinstance(error, PermissionError):
        return Absent(AbsentReason.NO_PERMISSION)
    return Absent(AbsentReason.DRIVER_ERROR)
