"""Step 7, third part: the summary says what the statements come to, recomputed from their lines.

Totals with their amounts in capitals, one row a month, one a kind of device, one a level of
evidence, the gaps with their reasons. Of money papers see `money`.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from kashi_verify.capitals import spelled
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_HOUR_MS: Final = 3_600_000
_EXACT: Final = ("leased_card_hours", "card_hours", "billed_card_hours")
_WHOLE: Final = ("gap_ms", "amount_fen", "eligible_fen")
_COUNTED: Final = ("continuity_ms", "officer_ms")


def check_summary(summary: Data, statements: Sequence[Data], hashes: Sequence[str]) -> None:
    """Recompute everything that follows from the statements.

    Raises:
        CheckFailed: something differs; the message names the row and the figure.
    """
    lines = _lines(statements)
    _check_row("totals", summary["totals"], lines)
    for name in ("amount", "eligible"):
        wanted = spelled(summary["totals"][f"{name}_fen"])
        if summary["totals"][f"{name}_capitals"] != wanted:
            raise CheckFailed(
                f"汇总的 {name} 大写应为 {wanted}。The summary's {name} in capitals is not {wanted}"
            )
    _same("coverage", summary["totals"]["coverage"], _coverage(lines))
    _check_months(summary["months"], statements, hashes)
    _check_models(summary["models"], statements)
    _check_levels(summary["evidence_levels"], lines)
    _check_gaps(summary["gaps"], statements, lines)


def _lines(statements: Iterable[Data]) -> list[Data]:
    return [line for statement in statements for line in statement["lines"]]


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise CheckFailed(
            f"汇总的 {what} 为 {found}；结算得 {wanted}。"
            f"The summary's {what} is {found}; the statements give {wanted}"
        )


def _sums(lines: Iterable[Data]) -> dict[str, Fraction | int]:
    hours = dict.fromkeys(_EXACT, Fraction(0))
    whole = dict.fromkeys(_WHOLE, 0)
    for line in lines:
        share, counted = exact(line["share"] or 0), line["quantities"]
        hours["leased_card_hours"] += share * counted["leased_ms"] / _HOUR_MS
        hours["card_hours"] += share * counted["observed_ms"] / _HOUR_MS
        hours["billed_card_hours"] += share * line["billed_ms"] / _HOUR_MS
        whole["gap_ms"] += counted["gap_ms"]
        whole["amount_fen"] += line["amount_fen"]
        whole["eligible_fen"] += line["amount_fen"] if line["eligible"] else 0
    return {**hours, **whole}


def _check_row(what: str, row: Data, lines: Iterable[Data]) -> None:
    for name, wanted in _sums(lines).items():
        found = exact(row[name]) if name in _EXACT else row[name]
        _same(f"{what}: {name}", found, wanted)


def _coverage(lines: Sequence[Data]) -> str:
    observed_ms = sum(line["quantities"]["observed_ms"] for line in lines)
    elapsed_ms = observed_ms + sum(line["quantities"]["gap_ms"] for line in lines)
    millionths = observed_ms * 10**6 // elapsed_ms if elapsed_ms else 0
    return f"{millionths // 10**6}.{millionths % 10**6:06d}"


def _check_months(rows: Sequence[Data], statements: Sequence[Data], hashes: Sequence[str]) -> None:
    _same("months", len(rows), len(statements))
    for row, statement, named in zip(rows, statements, hashes, strict=True):
        what = f"month {row['month']}"
        stated = statement["statement"]
        wanted = {"number": stated["number"], "revision": stated["revision"], "sha256": named}
        _same(what, (row["month"], row["statement"]), (statement["period"]["month"], wanted))
        _check_row(what, row, statement["lines"])
        _same(f"{what}: coverage", row["coverage"], _coverage(statement["lines"]))
        _same(f"{what}: flags", row["flags"], len(statement["flags"]))


def _check_models(rows: Sequence[Data], statements: Sequence[Data]) -> None:
    devices: dict[tuple[object, ...], set[str]] = {}
    lines: dict[tuple[object, ...], list[Data]] = {}
    for statement in statements:
        kinds = {}
        for device in statement["devices"]:
            form = "whole" if device["parent_hardware_id"] is None else "partition"
            kind = (*(device[name] for name in _KIND), form)
            kinds[device["hardware_id"]] = kind
            devices.setdefault(kind, set()).add(device["hardware_id"])
        for line in statement["lines"]:
            lines.setdefault(kinds[line["hardware_id"]], []).append(line)
    found = {(*(row[name] for name in _KIND), row["form"]): row for row in rows}
    if len(found) != len(rows) or set(found) != set(devices):
        raise CheckFailed(
            "汇总的设备种类与结算不符。"
            "The summary's kinds of device are not those of the statements"
        )
    for kind, row in found.items():
        what = f"model {row['model']}"
        _same(f"{what}: devices", row["devices"], len(devices[kind]))
        _check_row(what, row, lines.get(kind, []))


_KIND: Final = ("vendor", "model", "memory_bytes", "share", "domestic")


def _check_levels(rows: Sequence[Data], lines: Sequence[Data]) -> None:
    levels = sorted({line["evidence_level"] for line in lines})
    _same("evidence_levels", [row["level"] for row in rows], levels)
    for row in rows:
        of_level = [line for line in lines if line["evidence_level"] == row["level"]]
        sums = _sums(of_level)
        found = (row["lines"], exact(row["card_hours"]), row["amount_fen"])
        wanted = (len(of_level), sums["card_hours"], sums["amount_fen"])
        _same(f"level {row['level']}", found, wanted)


def _check_gaps(gaps: Data, statements: Sequence[Data], lines: Sequence[Data]) -> None:
    for name in ("observed_ms", "gap_ms"):
        _same(name, gaps[name], sum(line["quantities"][name] for line in lines))
    _same("elapsed_ms", gaps["elapsed_ms"], gaps["observed_ms"] + gaps["gap_ms"])
    for name in _COUNTED:
        counted_ms = sum(line["quantities"].get(name, 0) for line in lines)
        _same(f"gaps: {name}", gaps.get(name, 0), counted_ms)
    spans: dict[str, int] = {}
    for statement in statements:
        for gap in statement["quality"]["gaps"]:
            spans[gap["reason"]] = spans.get(gap["reason"], 0) + gap["span_ms"]
    told = {row["reason"]: row["span_ms"] for row in gaps["reasons"]}
    _same("gaps: reasons", told, spans)
    if gaps["treatment"] != "not_filled":
        raise CheckFailed(
            f"缺口的处理为 {gaps['treatment']}，任何证明都不得如此。"
            f"Gaps are treated as {gaps['treatment']}, which no certificate may do"
        )
