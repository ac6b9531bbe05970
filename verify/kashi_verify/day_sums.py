"""Steps 7 and 13, the days: what a statement says of a day is what its lines have of that day.

A line's leased and elapsed time of a day follow from its span, to the millisecond. What of it was
observed, and what it earned, its lines alone only bound: no more than fits into the day, no less
than what does not fit into the others. The readings of the bundle tell it exactly. Amounts
telescope: a day earns what is due through it less what was due before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Final

from kashi_verify.arithmetic import cut_to_fen, span_ms
from kashi_verify.detail import Detail
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_SHANGHAI_MS: Final = 8 * _HOUR_MS
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(slots=True)
class Counted:
    """What readings of one line add up to on one day."""

    observed_ms: int = 0
    held_ms: int = 0
    utilised_ns: int = 0


CountedDays = Mapping[int, Counted]
"""By number of the day; days without readings are left out."""


def day_of(utc_ms: int) -> int:
    """The number of the day in Asia/Shanghai in which an instant lies."""
    return (utc_ms + _SHANGHAI_MS) // _DAY_MS


@dataclass(slots=True)
class _Day:
    """What a day's lines have of it: exactly, or between a least and a most."""

    elapsed_ms: int = 0
    leased_ms: int = 0
    observed_least_ms: int = 0
    observed_most_ms: int = 0
    amount_least_fen: int = 0
    amount_most_fen: int = 0


def check_days(statement: Data, counted: Sequence[CountedDays | None] | None = None) -> None:
    """Compare every day with the lines; `counted` are their readings, None for a stated line.

    Raises:
        CheckFailed: a day says what its lines cannot have of it, or a day of theirs is missing.
    """
    lines = statement["lines"]
    found: dict[str, _Day] = {day["date"]: _Day() for day in statement["days"]}
    for line, readings in zip(lines, counted or [None] * len(lines), strict=True):
        for number, overlap_ms, amount in _shares(line, readings):
            name = date.fromordinal(_EPOCH + number).isoformat()
            if name not in found:
                raise CheckFailed(
                    f"第 {line['line']} 行在 {name}，而该日缺失。"
                    f"Line {line['line']} lies in {name}, and that day is missing"
                )
            _add(found[name], line, overlap_ms, amount)
    for day in statement["days"]:
        _compare(day, found[day["date"]])


@dataclass(frozen=True, slots=True)
class _Share:
    """What one line has of one day, at least and at most."""

    observed_ms: tuple[int, int]
    amount_fen: tuple[int, int]


def _shares(line: Data, readings: CountedDays | None) -> Iterator[tuple[int, int, _Share]]:
    """Days of a line in order, each with its time in that day."""
    start_ms, end_ms = span_ms(line)
    due = _Due(line)
    for number in range(day_of(start_ms), day_of(end_ms - 1) + 1):
        midnight_ms = number * _DAY_MS - _SHANGHAI_MS
        overlap_ms = min(end_ms, midnight_ms + _DAY_MS) - max(start_ms, midnight_ms)
        if readings is not None:
            share = due.exactly(readings.get(number, Counted()), overlap_ms)
        else:
            share = due.about(overlap_ms, end_ms - start_ms)
        yield number, overlap_ms, share


class _Due:
    """Works out what a line earns of its days, in their order."""

    def __init__(self, line: Data) -> None:
        self._line = line
        price, share = line["price_yuan_per_card_hour"], line["share"]
        priced = bool(line["billed_ms"]) and price is not None and share is not None
        self._unit = exact(share) * exact(price) / _HOUR_MS if priced else Fraction(0)
        self._billed_ms, self._utilised_ns, self._before_fen = 0, 0, 0

    def exactly(self, counted: Counted, overlap_ms: int) -> _Share:
        """What readings say."""
        self._utilised_ns += counted.utilised_ns
        match self._line["basis"]:
            case "flat_rent":
                self._billed_ms += overlap_ms if counted.observed_ms else 0
            case "held":
                self._billed_ms += counted.held_ms
            case "utilised":
                self._billed_ms = self._utilised_ns // 1_000_000
            case _:
                self._billed_ms += counted.observed_ms
        due_fen = cut_to_fen(self._unit * self._billed_ms)
        earned_fen, self._before_fen = due_fen - self._before_fen, due_fen
        return _Share((counted.observed_ms,) * 2, (earned_fen,) * 2)

    def about(self, overlap_ms: int, elapsed_ms: int) -> _Share:
        """What can be, of a line of so much time, of which so much is in the day."""
        billed_ms, amount_fen = self._line["billed_ms"], self._line["amount_fen"]
        observed_ms = self._line["quantities"]["observed_ms"]
        elsewhere_ms = elapsed_ms - overlap_ms
        observed = (max(0, observed_ms - elsewhere_ms), min(observed_ms, overlap_ms))
        if not elsewhere_ms or not amount_fen:
            return _Share(observed, (amount_fen,) * 2)
        least_fen = cut_to_fen(self._unit * max(0, billed_ms - elsewhere_ms))
        # Cut through the day and before it: one fen more may fall to it.
        most_fen = cut_to_fen(self._unit * min(billed_ms, overlap_ms)) + 1
        return _Share(observed, (least_fen, min(most_fen, amount_fen)))


def _add(day: _Day, line: Data, overlap_ms: int, share: _Share) -> None:
    day.elapsed_ms += overlap_ms
    day.leased_ms += overlap_ms if line["quantities"]["leased_ms"] else 0
    day.observed_least_ms += share.observed_ms[0]
    day.observed_most_ms += share.observed_ms[1]
    day.amount_least_fen += share.amount_fen[0]
    day.amount_most_fen += share.amount_fen[1]


def _compare(said: Data, found: _Day) -> None:
    name = Detail(f"{said['date']} 日", f"the day {said['date']}")
    for what, stated, wanted in (
        ("leased_ms", said["leased_ms"], found.leased_ms),
        ("observed_ms + gap_ms", said["observed_ms"] + said["gap_ms"], found.elapsed_ms),
    ):
        if stated != wanted:
            raise CheckFailed(
                f"{name.zh}：{what} 为 {stated}；其各行有 {wanted}。"
                f"{name.en}: {what} is {stated}; its lines have {wanted} of it"
            )
    for what, least, most in (
        ("observed_ms", found.observed_least_ms, found.observed_most_ms),
        ("amount_fen", found.amount_least_fen, found.amount_most_fen),
    ):
        if not least <= said[what] <= most:
            between = f"{least}" if least == most else f"{least} to {most}"
            raise CheckFailed(
                f"{name.zh}：{what} 为 {said[what]}；其各行有 {between}。"
                f"{name.en}: {what} is {said[what]}; its lines have {between} of it"
            )
