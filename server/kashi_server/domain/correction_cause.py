"""Why a statement changes, told from its lines: what parts the new ones from those they correct."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from kashi_server.domain.booked_line import BookedLine, Booking

_PRICE: Final = ("price_id", "price_yuan_per_card_hour", "basis", "price")
_STANDING: Final = ("reasons", "eligible", "share")
_EVIDENCE: Final = ("evidence_level", "gaps", "stated")


class Cause(StrEnum):
    """What changed."""

    FACTS = "facts"
    PRICE = "price"
    ASSIGNMENT = "assignment"
    STANDING = "standing"
    HOST = "host"
    EVIDENCE = "evidence"
    RULES = "rules"
    TIME = "time"

    @property
    def zh(self) -> str:
        """In Chinese."""
        return _WORDS[self][0]

    @property
    def en(self) -> str:
        """In English."""
        return _WORDS[self][1]


_WORDS: Final[Mapping[Cause, tuple[str, str]]] = {
    Cause.FACTS: ("计量事实（迟到或恢复的报告）", "what was observed (late or restored reports)"),
    Cause.PRICE: ("单价", "the price"),
    Cause.ASSIGNMENT: ("租用指派", "the assignment"),
    Cause.STANDING: ("资格或暂挂", "what is eligible or held"),
    Cause.HOST: ("所在主机", "the host"),
    Cause.EVIDENCE: ("证据与缺口说明", "evidence and explained gaps"),
    Cause.RULES: ("政策版本", "the rules in force"),
    Cause.TIME: ("起止时间", "when it begins and ends"),
}


def causes_of(number: str, booked: Mapping[str, Sequence[BookedLine]]) -> tuple[Cause, ...]:
    """What changed in one statement of a correction, in order.

    Args:
        number: the statement.
        booked: everything the correction books, by statement: a line may have come from another.
    """
    everything = [line for lines in booked.values() for line in lines]
    old = {line.line_id: line for line in everything if line.kind is Booking.REVERSAL}
    taken_up = {key for line in everything if line.kind is Booking.NEW for key in line.corrects}
    found: set[Cause] = set()
    for line in booked[number]:
        if line.kind is Booking.NEW:
            corrected = [old[key] for key in line.corrects]
            found.update(_between(line, corrected))
        elif line.line_id not in taken_up:
            found.add(Cause.FACTS)
        else:
            found.update(_moved(line, everything))
    return tuple(cause for cause in Cause if cause in found)


def _moved(old: BookedLine, everything: Iterable[BookedLine]) -> Iterator[Cause]:
    for line in everything:
        if line.kind is Booking.NEW and old.line_id in line.corrects and line.number != old.number:
            yield Cause.ASSIGNMENT


def _between(new: BookedLine, corrected: Sequence[BookedLine]) -> Iterator[Cause]:
    if not corrected:
        yield Cause.FACTS
    for old in corrected:
        if old.number != new.number:
            yield Cause.ASSIGNMENT
            continue
        for cause, names in (
            (Cause.PRICE, _PRICE),
            (Cause.STANDING, _STANDING),
            (Cause.EVIDENCE, _EVIDENCE),
            (Cause.RULES, ("rules_sha256",)),
            (Cause.HOST, ("host_id",)),
        ):
            if any(_said(old, name) != _said(new, name) for name in names):
                yield cause
        same_time = (old.start, old.end) == (new.start, new.end)
        if not same_time:
            yield Cause.TIME
        elif _observed_ms(old) != -_observed_ms(new) or _quantities_differ(old, new):
            yield Cause.FACTS


def _quantities_differ(old: BookedLine, new: BookedLine) -> bool:
    before, after = old.content["quantities"], new.content["quantities"]
    return any(after[name] != -value for name, value in before.items())


def _observed_ms(line: BookedLine) -> int:
    return int(line.content["quantities"]["observed_ms"])


def _said(line: BookedLine, name: str) -> object:
    """What a line says where it is no number: a reversal's numbers have the other sign."""
    value = line.content.get(name)
    return value if isinstance(value, str | bool | list) else None
