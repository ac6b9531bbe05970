"""A trail: from an amount down to one minute of one device, or back up; each step names its rule.

A step is a kind, a title in both languages, and facts by name as plain values; `follows` says by
which rule it follows from the step before, `source` where that rule is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

Fact = str | int | bool | None
_ABOVE_LINES: Final = ("certificate", "statement", "rules")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailStep:
    """One step."""

    kind: str
    zh: str
    en: str
    facts: Mapping[str, Fact]
    follows: str = ""
    follows_zh: str = ""
    source: str = ""

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "kind": self.kind,
            "title_zh": self.zh,
            "title_en": self.en,
            "facts": dict(self.facts),
            "follows": self.follows,
            "follows_zh": self.follows_zh,
            "source": self.source,
        }


@dataclass(frozen=True, slots=True)
class Trail:
    """Steps in the order in which they are walked."""

    steps: tuple[TrailStep, ...] = field(default_factory=tuple)

    def of(self, kind: str) -> Iterator[TrailStep]:
        """The steps of a kind."""
        return (step for step in self.steps if step.kind == kind)

    def beyond(self, lines: int) -> "Trail":
        """What belongs to rated lines after so many of them: each with what follows from it, up to
        the next statement."""
        found: list[TrailStep] = []
        seen = 0
        within = False
        for step in self.steps:
            seen += step.kind == "line"
            within = step.kind not in _ABOVE_LINES and (within or step.kind == "line")
            if within and seen > lines:
                found.append(step)
        return Trail(tuple(found))

    def to_data(self) -> dict[str, object]:
        """Plain data, format `kashi/v1/trail`."""
        return {"format": "kashi/v1/trail", "steps": [step.to_data() for step in self.steps]}
