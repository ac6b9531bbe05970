"""What a key token says of itself and of the report key it holds: a claim, told by its module."""

from dataclasses import dataclass
from typing import Final

TEXT_MAX: Final = 64
"""More than PKCS#11 has room for: 32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyToken:
    """`made_inside`: the key was made there; `never_extractable`: it never could be taken out;
    `always_sensitive`: it never was shown in the clear."""

    manufacturer: str
    model: str
    serial: str
    made_inside: bool = False
    never_extractable: bool = False
    always_sensitive: bool = False

    @property
    def named(self) -> str:
        """Maker, model and serial number on one line."""
        return " ".join(part for part in (self.manufacturer, self.model, self.serial) if part)


def told(text: str) -> str:
    """A text of a module's as we pass it on: short, on one printable line."""
    return "".join(one if one.isprintable() else "?" for one in text.strip("\0 "))[:TEXT_MAX]
