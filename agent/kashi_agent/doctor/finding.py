"""One thing that was looked at: a code, what was seen, and from the table how it is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kashi_agent.both_languages import halves


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
        """With these values in the place of what stands in braces.

        A value in both languages, as this agent's refusals are, gives each line its own half.
        """
        of_zh = {name: halves(value)[0] for name, value in values.items()}
        of_en = {name: halves(value)[1] for name, value in values.items()}
        return replace(
            self,
            zh=self.zh.format_map(of_zh),
            en=self.en.format_map(of_en),
            step_zh=self.step_zh.format_map(of_zh),
            step_en=self.step_en.format_map(of_en),
            values=values,
        )
