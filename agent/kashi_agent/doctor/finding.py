"""One thing that was looked at: a code, what was seen, and from the table how it is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """How a finding is said: what was found and the next step, in Chinese and in English.

    Values of the finding stand in braces. A sound finding needs no step.
    """

    level: Level
    zh: str
    en: str
    step_zh: str = ""
    step_en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    code: str
    words: Words
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def level(self) -> Level:
        """How bad it is."""
        return self.words.level

    @property
    def zh(self) -> str:
        """What was found, in Chinese."""
        return self.words.zh.format_map(self.values)

    @property
    def en(self) -> str:
        """What was found, in English."""
        return self.words.en.format_map(self.values)

    @property
    def step_zh(self) -> str:
        """What to do, in Chinese; empty when nothing."""
        return self.words.step_zh.format_map(self.values)

    @property
    def step_en(self) -> str:
        """What to do, in English."""
        return self.words.step_en.format_map(self.values)
