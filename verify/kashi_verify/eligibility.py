"""Step 8, second part: what is eligible is so under attached rules, by what both sides declared.

1. a line names, by its hash, the attached version of the rules that was in force all through it,
   of several the one that began last; it names none only where none was: what a later version
   ended does not come back when that one ends, neither for lines that name it nor for others;
2. what is leased is eligible just where no reason of it says otherwise;
3. it says `no_active_rules` just where it names none, and `related_parties` just where the
   contract declares its sides related and the line's rules forbid that.

A month in which the rules changed carries every version that its lines name, and every one that
began within it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kashi_verify.arithmetic import instant_ms, span_ms
from kashi_verify.canonical import read_canonical
from kashi_verify.findings import CheckFailed
from kashi_verify.standing import NOT_ELIGIBLE

Data = Mapping[str, Any]
_FORBIDDEN: Final = "related_party_forbidden"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """An attached version: its name, its time in UTC milliseconds, what it forbids."""

    name: str
    start_ms: int
    end_ms: int | None
    forbids_related: bool

    def ended_by(self, others: Iterable["_Version"]) -> "_Version":
        """The same, over where one of the others begins."""
        begins = [one.start_ms for one in others if one.start_ms > self.start_ms]
        ends = [*begins, *([] if self.end_ms is None else [self.end_ms])]
        return replace(self, end_ms=min(ends, default=None))

    def overlaps(self, start_ms: int, end_ms: int) -> bool:
        """It is in force at some time of a span."""
        return self.start_ms < end_ms and (self.end_ms is None or start_ms < self.end_ms)

    def covers(self, start_ms: int, end_ms: int) -> bool:
        """It is in force all through a span."""
        return self.start_ms <= start_ms and (self.end_ms is None or end_ms <= self.end_ms)


def check_eligibility(statement: Data, attached: Mapping[str, bytes]) -> None:
    """Hold every line against the rules it names.

    Args:
        statement: one month.
        attached: the rules that came with it, by the SHA-256 of their bytes.

    Raises:
        CheckFailed: a line is eligible that cannot be, or is not and could; the message names it.
    """
    versions = {named: _version(content) for named, content in attached.items()}
    contract = statement["contract"]
    related = contract is not None and contract["unrelated_declared"] is False
    for line in statement["lines"]:
        named = line["rules_sha256"]
        if named is None:
            _check_without(line, [one.ended_by(versions.values()) for one in versions.values()])
        elif named not in versions:
            raise CheckFailed(
                f"第 {line['line']} 行所指规则 {named} 未附。"
                f"Line {line['line']} names the rules {named}, which are not attached"
            )
        else:
            _check_in_force(line, versions[named], list(versions.values()))
        if line["quantities"]["leased_ms"]:
            _check_reasons(line, related and named is not None and versions[named].forbids_related)


def _version(content: bytes) -> _Version:
    read = read_canonical("rules", content)
    values = {one["name"]: one["value"] for one in read["parameters"]}
    end = read["in_force"]["end"]
    return _Version(
        name=f"{read['programme_id']} {read['version']}",
        start_ms=instant_ms(read["in_force"]["start"]),
        end_ms=None if end is None else instant_ms(end),
        forbids_related=values.get(_FORBIDDEN) is True,
    )


def _check_without(line: Data, versions: Sequence[_Version]) -> None:
    number, span = line["line"], span_ms(line)
    if line["eligible"]:
        raise CheckFailed(
            f"第 {number} 行符合条件，却未指明规则。Line {number} is eligible and names no rules"
        )
    for version in versions:
        if version.overlaps(*span):
            raise CheckFailed(
                f"第 {number} 行未指明规则，而 {version.name} 当时有效。"
                f"Line {number} names no rules although {version.name} was in force"
            )


def _check_in_force(line: Data, named: _Version, versions: Sequence[_Version]) -> None:
    number, span = line["line"], span_ms(line)
    if not named.covers(*span):
        raise CheckFailed(
            f"第 {number} 行所指的 {named.name} 并非全程有效。"
            f"Line {number} names {named.name}, which was not in force all through it"
        )
    for other in versions:
        if not named.start_ms < other.start_ms < span[1]:
            continue
        if other.overlaps(*span):
            raise CheckFailed(
                f"第 {number} 行所指为 {named.name}，而当时有效的是更晚施行的 {other.name}。"
                f"Line {number} names {named.name}, and {other.name}, which begins later, was "
                "in force"
            )
        raise CheckFailed(
            f"第 {number} 行所指的 {named.name} 已由更晚施行的 {other.name} 终止，不会恢复。"
            f"Line {number} names {named.name}, which {other.name}, which begins later, ended: it "
            "does not come back"
        )


def _check_reasons(line: Data, forbidden: bool) -> None:
    number, reasons = line["line"], set(line["reasons"])
    if line["eligible"] and forbidden:
        raise CheckFailed(
            f"第 {number} 行符合条件，而双方声明为关联方，规则不许。"
            f"Line {number} is eligible although its sides are related and the rules forbid it"
        )
    due = {"no_active_rules": line["rules_sha256"] is None, "related_parties": forbidden}
    for reason, is_due in due.items():
        if (reason in reasons) != is_due:
            there = ("缺少", "lacks") if is_due else ("不应有", "must not have")
            raise CheckFailed(
                f"第 {number} 行{there[0]}理由 {reason}。"
                f"Line {number} {there[1]} the reason {reason}"
            )
    if not line["eligible"] and not reasons & NOT_ELIGIBLE:
        raise CheckFailed(
            f"第 {number} 行不符合条件，却未说明理由。"
            f"Line {number} is not eligible and gives no reason for it"
        )
