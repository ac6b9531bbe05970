"""A month's eligible amount by day, as its lines and days tell it.

A statement tells what all its lines came to on each day, and each line's whole amount. Where all
that has an amount is eligible, the days are the eligible ones. Otherwise each day's amount is
shared between eligible lines and others as their amounts, spread evenly over their own time, touch
it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

from kashi_server.domain.interval import minute_of_day
from kashi_server.domain.replay import ReplayedLine, ReplayedStatement

Days = Sequence[tuple[date, int]]
_SCALE: Final = 10**6


def eligible_days(statement: ReplayedStatement, eligible: Collection[ReplayedLine]) -> Days:
    """What the eligible lines of a statement came to on each day, near enough to find a day by."""
    amounts = [line for line in statement.lines if line.amount_fen]
    kept = {id(line) for line in eligible}
    left_out = [line for line in amounts if id(line) not in kept]
    if not left_out:
        return statement.days
    counted = [line for line in amounts if id(line) in kept]
    return [(day, fen * _share(day, counted, left_out) // _SCALE) for day, fen in statement.days]


def _share(day: date, counted: list[ReplayedLine], left_out: list[ReplayedLine]) -> int:
    """Millionths of a day that belong to the lines that count."""
    one, other = _touching(day, counted), _touching(day, left_out)
    return one * _SCALE // (one + other) if one + other else 0


def _touching(day: date, lines: Iterable[ReplayedLine]) -> int:
    begins, ends = minute_of_day(day), minute_of_day(day + timedelta(days=1))
    return sum(
        line.amount_fen * minutes * _SCALE // (line.end - line.start)
        for line in lines
        if (minutes := min(line.end, ends) - max(line.start, begins)) > 0
    )


def added_days(found: Iterable[Days]) -> Days:
    """Days of several statements, added up."""
    sums: dict[date, int] = {}
    for days in found:
        for day, fen in days:
            sums[day] = sums.get(day, 0) + fen
    return sorted(sums.items())


def passed_by_day(days: Days) -> Iterator[tuple[date, Fraction]]:
    """The part of a month's amount that has come by the end of each day; the last day has all."""
    total, so_far = sum(fen for _day, fen in days), 0
    for place, (day, fen) in enumerate(days, 1):
        so_far += fen
        whole = place == len(days) or not total
        yield day, Fraction(1) if whole else Fraction(so_far, total)


def spread(fen: int, days: Days) -> Iterator[tuple[date, int]]:
    """An amount over days, cut day by day so that the days sum to it."""
    given = 0
    for day, part in passed_by_day(days):
        due = part.numerator * fen // part.denominator
        if due != given:
            yield day, due - given
        given = due
