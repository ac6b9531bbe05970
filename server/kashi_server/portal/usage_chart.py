"""The chart of a month of usage: observed and missing card-hours, day by day."""

from fractions import Fraction

from kashi_server.domain.money import truncate_places
from kashi_server.portal.charts import BarChart, Series
from kashi_server.portal.locale import formats
from kashi_server.portal.locale.catalogue import words
from kashi_server.portal.visit import Visit
from kashi_server.services.month_usage import MonthUsage


def usage_chart(visit: Visit, usage: MonthUsage) -> BarChart | None:
    """Bars by day; None where nothing elapsed."""
    if usage.total.elapsed_ms == 0:
        return None
    language = visit.look.language
    sums = [day.usage for day in usage.days]
    return BarChart(
        title=words(language, "usage.chart"),
        unit=words(language, "unit.card_hours"),
        labels=[f"{day.day.month}-{day.day.day:02d}" for day in usage.days],
        series=(
            Series(
                name=words(language, "usage.leased"), values=[s.leased_card_hours for s in sums]
            ),
            Series(
                name=words(language, "usage.not_leased"),
                values=[s.card_hours - s.leased_card_hours for s in sums],
            ),
            Series(
                name=words(language, "usage.gap"),
                values=[s.gap_card_hours for s in sums],
                is_missing=True,
            ),
        ),
        show=formats.card_hours,
        tick=tick_text,
    )


def tick_text(value: Fraction) -> str:
    """A round number of the axis, without idle decimals."""
    text = formats.grouped(truncate_places(value, 4))
    return text.rstrip("0").rstrip(".") if "." in text else text
