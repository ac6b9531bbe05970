"""A chart of device-hours by day: bars of observed time, the part nobody observed hatched on top.

Plain SVG of shapes alone: text inside an embedded picture would fall to a variable font's thinnest
instance, so the template sets the labels at the places given here. Coordinates are integers, so the
same days give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HOUR_MS: Final = 3_600_000
_WIDTH: Final = 7000
_HEIGHT: Final = 1300
_PATTERN: Final = (
    '<defs><pattern id="gap" width="36" height="36" patternUnits="userSpaceOnUse">'
    '<rect width="36" height="36" fill="#ffffff"/>'
    '<path d="M0 36L36 0" stroke="#8f1d21" stroke-width="8"/></pattern></defs>'
)
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day: its label and what was observed and missed, in device-milliseconds."""

    label: str
    observed_ms: int
    gap_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing without words, and its words: lines from the bottom up, days from the left."""

    svg: str
    line_labels: tuple[str, ...]
    day_labels: tuple[str, ...]


def daily_chart(bars: Sequence[Bar]) -> Chart:
    """Draw the days. Every day has a slot of one width; lines stand at even steps of hours."""
    peak_ms = max((bar.observed_ms + bar.gap_ms for bar in bars), default=0)
    step_hours = _step(peak_ms)
    steps = max(1, -(-peak_ms // (step_hours * HOUR_MS)))
    top_ms = steps * step_hours * HOUR_MS
    slots = max(1, len(bars))
    drawn = [
        shape
        for place, bar in enumerate(bars)
        for shape in _bar(bar, _WIDTH * place // slots, _WIDTH // slots, top_ms)
    ]
    frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">'
    return Chart(
        svg="".join([frame, _PATTERN, *_lines(steps), *drawn, "</svg>"]),
        line_labels=tuple(f"{step * step_hours:,}" for step in range(steps + 1)),
        day_labels=tuple(bar.label for bar in bars),
    )


def _step(peak_ms: int) -> int:
    """Hours between two lines: the smallest of 1, 2, 5 × 10ⁿ that needs at most five of them."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power * HOUR_MS * 5 >= peak_ms:
                return step * power
        power *= 10


def _lines(steps: int) -> list[str]:
    return [
        f'<path d="M0 {y}H{_WIDTH}" stroke="#{"5b6875" if y == _HEIGHT else "d5dbe1"}"'
        f' stroke-width="{18 if y == _HEIGHT else 6}"/>'
        for y in (_HEIGHT - _HEIGHT * step // steps for step in range(steps + 1))
    ]


def _bar(bar: Bar, left: int, slot: int, top_ms: int) -> list[str]:
    width = slot * 7 // 10
    x = left + (slot - width) // 2
    observed, gap = _HEIGHT * bar.observed_ms // top_ms, _HEIGHT * bar.gap_ms // top_ms
    shapes = []
    if observed:
        shapes.append(
            f'<rect x="{x}" y="{_HEIGHT - observed}" width="{width}" height="{observed}"'
            ' fill="#2f5d8a"/>'
        )
    if gap:
        shapes.append(
            f'<rect x="{x}" y="{_HEIGHT - observed - gap}" width="{width}" height="{gap}"'
            ' fill="url(#gap)" stroke="#8f1d21" stroke-width="5"/>'
        )
    return shapes
