"""What is known of the gaps inside a line, and whether a rule counts them.

One `LineGap` sums up every gap of a line with the same reason, the same evidence and the same fate.
Counted gap time stands beside observed time and never in it.
"""

from dataclasses import dataclass, fields
from enum import StrEnum

from kashi_server.errors import InvalidValue


class GapCounted(StrEnum):
    """Why gap time counts: by continuity evidence, or by an officer's word."""

    CONTINUITY = "continuity"
    OFFICER = "officer"


@dataclass(frozen=True, slots=True, kw_only=True)
class LineGap:
    """Gaps of one line that are alike.

    Attributes:
        same_driver, same_holders: across each of them; None where unknown or not the reader's.
        energy_mj: used across all of them; None where any is unknown.
        counted_as: None where it does not count.
        explanations: the accepted explanations that cover them, by id.
    """

    reason: str
    count: int
    span_ms: int
    same_driver: bool | None
    same_holders: bool | None
    energy_mj: int | None
    counted_as: GapCounted | None = None
    explanations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse gaps without time."""
        if self.count < 1 or self.span_ms < 1:
            raise InvalidValue(
                f"{self.count} 处缺口共 {self.span_ms} 毫秒，不成立。"
                f"{self.count} gaps of {self.span_ms} ms"
            )

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        counted = None if self.counted_as is None else str(self.counted_as)
        return {**said, "counted_as": counted, "explanations": list(self.explanations)}
