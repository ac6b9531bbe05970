"""A trail: from an amount down to one minute of one device, or back up; each step names its rule.

A step is a kind, a title in both languages, and facts by name as plain values; `follows` says by
which rule it follows from the step before, `source` where that rule is written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Fact = str | int | bool | None


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

    def to_data(self) -> dict[str, object]:
        """Plain data, format `kashi/v1/trail`."""
        return {"format": "kashi/v1/trail", "steps": [step.to_data() for step in self.steps]}
