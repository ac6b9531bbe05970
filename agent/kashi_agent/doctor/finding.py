"""One thing that was looked at: a code, what was seen, and from the table how it is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at: what was found and the next step, in Chinese and in English.

    A sound finding needs no step.
    """

    code: str
    level: Level
    zh: str
    en: str
    step_zh: str = ""
    step_en: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    def told(self, values: Mapping[str, str]) -> "Finding":
        """With these values in the place of what stands in braces."""
        said = (self.zh, self.en, self.step_zh, self.step_en)
        zh, en, step_zh, step_en = (text.format_map(values) for text in said)
        return replace(self, zh=zh, en=en, step_zh=step_zh, step_en=step_en, values=values)
