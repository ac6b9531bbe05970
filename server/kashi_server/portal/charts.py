"""Charts as server-side SVG: no script, no inline style, real text, a title on every bar.

Geometry is integers in a fixed view box; colours and patterns come from the style sheet by class.
Every chart stands beside a table of the same numbers, so nothing is told by colour alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from markupsafe import Markup, escape

WIDE = 1120
HALF = 600
HEIGHT = 280
LEFT = 84
RIGHT = 12
TOP = 14
BOTTOM = 34
STEPS = 4
LABEL_WIDTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One colour of a stacked bar chart: its name and one value a bar.

    `is_missing` marks what was not observed: it is drawn as a hole, not as a colour.
    """

    name: str
    values: Sequence[Fraction]
    is_missing: bool = False

    def style(self, place: int) -> str:
        """Its class in the style sheet: a colour by place; what nobody observed is grey."""
        return "missing" if self.is_missing else f"s{place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """Stacked bars. `show` spells a value, `tick` one on the axis; `labels` name the bars."""

    title: str
    unit: str
    labels: Sequence[str]
    series: Sequence[Series]
    show: Callable[[Fraction], str]
    tick: Callable[[Fraction], str]
    width: int = WIDE

    def svg(self) -> Markup:
        """The chart."""
        top = nice_top(max((sum(bar, Fraction(0)) for bar in self._bars()), default=Fraction(0)))
        parts = [
            Markup('<svg class="chart {}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
                "wide" if self.width == WIDE else "half",
                self.width,
                HEIGHT,
                f"{self.title} ({self.unit})",
            ),
            Markup("<title>{} ({})</title>").format(self.title, self.unit),
            *self._axis(top),
            *self._columns(top),
            Markup("</svg>"),
        ]
        return Markup("").join(parts)

    def legend(self) -> Markup:
        """The names of the series beside their colours."""
        entries = [
            Markup(
                '<li><svg class="key" viewBox="0 0 12 12" aria-hidden="true">'
                '<rect class="{}" width="12" height="12"/></svg>{}</li>'
            ).format(series.style(place), series.name)
            for place, series in enumerate(self.series)
        ]
        return Markup('<ul class="legend">{}</ul>').format(Markup("").join(entries))

    def _bars(self) -> list[tuple[Fraction, ...]]:
        return list(zip(*(series.values for series in self.series), strict=True))

    def _axis(self, top: Fraction) -> list[Markup]:
        lines = []
        for step in range(STEPS + 1):
            y = HEIGHT - BOTTOM - step * (HEIGHT - BOTTOM - TOP) // STEPS
            lines.append(
                Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(
                    LEFT, self.width - RIGHT, y, y
                )
            )
            lines.append(
                Markup('<text class="tick" x="{}" y="{}" text-anchor="end">{}</text>').format(
                    LEFT - 8, y + 4, self.tick(top * step / STEPS)
                )
            )
        return lines

    def _columns(self, top: Fraction) -> list[Markup]:
        bars = self._bars()
        if not bars:
            return []
        slot = (self.width - LEFT - RIGHT) // len(bars)
        width = max(4, min(56, slot * 7 // 10))
        every = -(-len(bars) * LABEL_WIDTH // (self.width - LEFT - RIGHT))
        drawn = []
        for place, values in enumerate(bars):
            left = LEFT + place * slot + (slot - width) // 2
            drawn += self._column(place, left, width, values, top)
            if place % every == 0:
                drawn.append(
                    Markup(
                        '<text class="tick" x="{}" y="{}" text-anchor="middle">{}</text>'
                    ).format(left + width // 2, HEIGHT - BOTTOM + 20, self.labels[place])
                )
        return drawn

    def _column(
        self, place: int, left: int, width: int, values: Sequence[Fraction], top: Fraction
    ) -> list[Markup]:
        room = HEIGHT - BOTTOM - TOP
        drawn = []
        below = Fraction(0)
        for number, value in enumerate(values):
            low = room * below // top
            high = room * (below + value) // top
            below += value
            if value <= 0:
                continue
            height = max(1, high - low)
            said = f"{self.labels[place]} · {self.series[number].name}: {self.show(value)}"
            drawn.append(
                Markup(
                    '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
                ).format(
                    self.series[number].style(number),
                    left,
                    HEIGHT - BOTTOM - low - height,
                    width,
                    height,
                    said,
                )
            )
        return drawn


def nice_top(value: Fraction) -> Fraction:
    """The top of an axis: the least 1, 2, 4, 5 or 8 times a power of ten that holds a value."""
    if value <= 0:
        return Fraction(1)
    power = Fraction(1)
    while power * 10 <= value:
        power *= 10
    while power > value:
        power /= 10
    return next(power * factor for factor in (1, 2, 4, 5, 8, 10) if power * factor >= value)


def meter(part: Fraction, whole: Fraction, said: str) -> Markup:
    """A small bar for a share, with its words."""
    filled = 100 if whole <= 0 else min(100, int(100 * part / whole))
    return Markup(
        '<svg class="meter" viewBox="0 0 100 8" role="img" aria-label="{}">'
        '<rect class="meter-back" width="100" height="8" rx="4"/>'
        '<rect class="meter-fill" width="{}" height="8" rx="4"/></svg>'
    ).format(escape(said), filled)
