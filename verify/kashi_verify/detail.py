"""What a step found, in both languages; the precise words of a failure are its exception's."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Detail:
    """One sentence, Chinese first."""

    zh: str
    en: str


def counted(count: int, one: str, many: str = "") -> str:
    """A number with its English noun; `many` where the plural is more than an s."""
    return f"{count} {one if count == 1 else many or one + 's'}"
