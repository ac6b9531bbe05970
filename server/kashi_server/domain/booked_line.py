"""Lines as they are booked: original, exact reversal, new; each known by an id that never changes.

A closed month is corrected the way accountants do it: the line that no longer holds is booked again
with every integer negated, and the lines that hold instead are booked beside it, each naming what
it corrects. The time a line speaks of stays; only the month it is booked in is a later one.

A line's id is the hash of what it says, with the statement's number and without its place in it: so
a line that a correction leaves alone keeps its id in every revision, and one that changed has
another. Pure, over the lines as canonical data, so that it holds for whatever a line counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import minute_of
from kashi_server.errors import InvalidValue

LINE_ID_BYTES: Final = 16
"""Of a SHA-256: long enough that nobody meets two lines of one id."""

_NOT_SAID: Final = ("line", "line_id")
"""The place in a statement, and the id itself, are no part of what a line says."""

LineData = Mapping[str, Any]
"""A line as canonical data, as a statement holds it."""


class Booking(StrEnum):
    """How a line came into the books of a correction."""

    REVERSAL = "reversal"
    NEW = "new"


def line_id(number: str, line: LineData) -> str:
    """The id of a line of the statement `number`, in 32 hexadecimal digits."""
    said = {name: value for name, value in line.items() if name not in _NOT_SAID}
    content = canonical_bytes({"format": "kashi/v1/line", "statement": number, "says": said})
    return sha256(content).digest()[:LINE_ID_BYTES].hex()


def negated(line: LineData) -> dict[str, Any]:
    """The exact reversal of a line: every integer with the other sign, all else as it was."""
    return {name: _negative(value) for name, value in line.items() if name not in _NOT_SAID}


def _negative(value: Any) -> Any:
    # A truth value is an integer to Python, and none to a reader.
    if isinstance(value, int) and not isinstance(value, bool):
        return -value
    if isinstance(value, Mapping):
        return {name: _negative(part) for name, part in value.items()}
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLine:
    """A reversal or a new line.

    Attributes:
        number: the statement whose line it is.
        kind: reversal or new.
        line_id: of a reversal the id of the line it takes back, of a new one its own.
        corrects: ids of the lines that held before over the same device's time; a reversal's own.
        content: the line as data; of a reversal with every integer negated.
    """

    number: str
    kind: Booking
    line_id: str
    corrects: tuple[str, ...]
    content: LineData
    start: int = field(init=False)
    end: int = field(init=False)

    def __post_init__(self) -> None:
        """Refuse a reversal that takes back another line than it says."""
        if self.kind is Booking.REVERSAL and self.corrects != (self.line_id,):
            raise InvalidValue(
                f"冲正 {self.line_id} 所更正的是 {self.corrects}，不成立。"
                f"reversal {self.line_id} corrects {self.corrects}"
            )
        start, end = minutes_of(self.content)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)

    @property
    def amount_fen(self) -> int:
        """What it books, with its sign."""
        return int(self.content["amount_fen"])

    @property
    def eligible_fen(self) -> int:
        """The same where the line is eligible; else 0."""
        return self.amount_fen if self.content["eligible"] else 0

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "statement": self.number,
            "kind": str(self.kind),
            "line_id": self.line_id,
            "corrects": list(self.corrects),
            "content": dict(self.content),
        }


def minutes_of(line: LineData) -> tuple[int, int]:
    """The UTC minutes [start, end) a line speaks of."""
    start, end = (minute_of(datetime.fromisoformat(line[name])) for name in ("start", "end"))
    return start, end


Lines = Mapping[str, Sequence[LineData]]
"""Number of a statement -> its lines."""


def booked_between(before: Lines, after: Lines) -> tuple[BookedLine, ...]:
    """What must be booked to come from some statements' lines to others.

    Only the first and the last state count, never what lay between. Nothing is booked for a line
    that stands in both. Ordered by statement, device and start, reversals first: the same two
    states give the same bookings in any order of their lines.
    """
    old, new = _by_id(before), _by_id(after)
    gone = {key: line for key, line in old.items() if key not in new}
    come = {key: line for key, line in new.items() if key not in old}
    found = [
        BookedLine(
            number=number,
            kind=Booking.REVERSAL,
            line_id=key,
            corrects=(key,),
            content=negated(line),
        )
        for (number, key), line in gone.items()
    ]
    held = _by_device(gone)
    for (number, key), line in come.items():
        start, end = minutes_of(line)
        overlapped = held.get(line["hardware_id"], ())
        found.append(
            BookedLine(
                number=number,
                kind=Booking.NEW,
                line_id=key,
                corrects=tuple(sorted({i for s, e, i in overlapped if s < end and start < e})),
                content={name: value for name, value in line.items() if name not in _NOT_SAID},
            )
        )
    return tuple(sorted(found, key=_order))


def same_lines(number: str, before: Sequence[LineData], after: Sequence[LineData]) -> bool:
    """Whether nothing is booked between two states of a statement's lines.

    Raises:
        InvalidValue: one of them holds a line twice.
    """
    return _by_id({number: before}).keys() == _by_id({number: after}).keys()


def _order(line: BookedLine) -> tuple[str, str, int, bool]:
    return line.number, line.content["hardware_id"], line.start, line.kind is Booking.NEW


def _by_id(lines: Lines) -> dict[tuple[str, str], LineData]:
    found: dict[tuple[str, str], LineData] = {}
    for number, of_statement in lines.items():
        for line in of_statement:
            key = number, line_id(number, line)
            if key in found:
                raise InvalidValue(
                    f"结算单 {number} 有一条明细写了两次：{key[1]}。"
                    f"statement {number} holds a line twice: {key[1]}"
                )
            found[key] = line
    return found


def _by_device(
    lines: Mapping[tuple[str, str], LineData],
) -> dict[str, list[tuple[int, int, str]]]:
    found: dict[str, list[tuple[int, int, str]]] = {}
    for (_number, key), line in lines.items():
        found.setdefault(line["hardware_id"], []).append((*minutes_of(line), key))
    return found


def amount_of_lines(lines: Iterable[BookedLine]) -> int:
    """What some bookings come to together, in fen."""
    return sum(line.amount_fen for line in lines)
