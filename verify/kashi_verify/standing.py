"""Step 7, second part: what a line's words allow its figures to be, and what must be flagged.

1. the period is one month of Asia/Shanghai; lines and days lie in it;
2. a line that gives a reason why it earns nothing bills nothing and is not eligible;
3. only leased time is eligible or billed, and only under a contract, inside its term (see `term`);
4. a physical device and a part of it are never billed for the same minute, and parts of one device
   are never billed for more than the whole of it;
5. coverage, gaps and the level of evidence, the weakest, are those of the lines;
6. what the lines show a reader must see is among the flags;
7. every day says what its lines have of it, as far as they tell.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from typing import Any, Final

from kashi_verify.arithmetic import instant_ms, span_ms
from kashi_verify.day_sums import check_days
from kashi_verify.detail import line_named
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed
from kashi_verify.spelling import hardware, measured_device, stated_device
from kashi_verify.term import check_term

Data = Mapping[str, Any]
_SHANGHAI: Final = timezone(timedelta(hours=8))
_EARN_NOTHING: Final = frozenset(
    {
        "self_owned",
        "unleased",
        "assignment_unconfirmed",
        "owner_unknown",
        "no_price",
        "outside_term",
        "provider_not_owner",
        "conflict",
        "share_unknown",
        "shares_exceed_device",
        "stated_and_measured",
    }
)
NOT_ELIGIBLE: Final = _EARN_NOTHING | {"related_parties", "no_active_rules"}
"""Reasons with which no line is eligible."""

_PARTLY_UNKNOWN: Final = {
    "held_partly_unknown": ("held", "held_known_ms"),
    "utilisation_partly_unknown": ("utilised", "utilisation_known_ms"),
}
"""Reasons that take nothing: of which basis, and what is then known of less than was observed."""

_OF_NO_LINES: Final = "E2"
_FLAGGED_BY_DEVICE: Final = ("conflict", "shares_exceed_device")


def check_standing(statement: Data) -> None:
    """Check everything the module says.

    Raises:
        CheckFailed: a line claims what its reasons forbid, or a flag is missing.
    """
    lines = statement["lines"]
    _check_period(statement)
    for line in lines:
        _check_reasons(line, leasable=statement["contract"] is not None)
    check_term(statement)
    _check_parts(lines, statement["devices"])
    _check_quality(statement["quality"], statement["totals"])
    _check_level(statement["quality"], lines)
    _check_flags(statement)
    check_days(statement)


def _check_period(statement: Data) -> None:
    period = statement["period"]
    try:
        first = datetime.strptime(period["month"], "%Y-%m").replace(tzinfo=_SHANGHAI)
    except ValueError as error:
        raise CheckFailed(
            f"“{period['month']}”不是月份。'{period['month']}' is not a month"
        ) from error
    after = (first + timedelta(days=31)).replace(day=1)
    start_ms, end_ms = (int(edge.timestamp()) * 1000 for edge in (first, after))
    if (instant_ms(period["start"]), instant_ms(period["end"])) != (start_ms, end_ms):
        raise CheckFailed(
            f"期间不是 Asia/Shanghai 的 {period['month']} 月。"
            f"The period is not the month {period['month']} of Asia/Shanghai"
        )
    for line in statement["lines"]:
        line_start_ms, line_end_ms = span_ms(line)
        if line_start_ms < start_ms or line_end_ms > end_ms:
            raise CheckFailed(
                f"第 {line['line']} 行超出 {period['month']} 月。"
                f"Line {line['line']} leaves the month {period['month']}"
            )
    if any(not day["date"].startswith(f"{period['month']}-") for day in statement["days"]):
        raise CheckFailed(
            f"有一日在 {period['month']} 月之外。A day lies outside the month {period['month']}"
        )


def _check_reasons(line: Data, *, leasable: bool) -> None:
    name, reasons = line_named(line["line"]), set(line["reasons"])
    leased = line["quantities"]["leased_ms"] > 0
    if leased and not leasable:
        raise CheckFailed(
            f"{name.zh} 标为租用，而结算未指明合同。"
            f"{name.en} is leased, and the statement names no contract"
        )
    _check_told(line, leased=leased)
    forbidden = sorted(reasons & _EARN_NOTHING)
    if forbidden and (line["billed_ms"] or line["amount_fen"]):
        raise CheckFailed(
            f"{name.zh} 有 {forbidden[0]}，却仍计费。{name.en} is billed although {forbidden[0]}"
        )
    forbidden = sorted(reasons & NOT_ELIGIBLE)
    if line["eligible"] and (forbidden or not leased):
        raise CheckFailed(
            f"{name.zh} 有 {[*forbidden, 'unleased'][0]}，却仍符合条件。"
            f"{name.en} is eligible although {[*forbidden, 'unleased'][0]}"
        )


def _check_told(line: Data, *, leased: bool) -> None:
    """Every reason is one there is; what is partly unknown is told just where it is."""
    reasons, counted = set(line["reasons"]), line["quantities"]
    due = set()
    if leased and not reasons & _EARN_NOTHING:
        for reason, (basis, known) in _PARTLY_UNKNOWN.items():
            if line["basis"] == basis and counted[known] < counted["observed_ms"]:
                due.add(reason)
    wrong = sorted((reasons - NOT_ELIGIBLE) ^ due)
    if wrong or len(reasons) != len(line["reasons"]):
        raise CheckFailed(
            f"第 {line['line']} 行的理由缺少、多出或重复：{wrong}。"
            f"Line {line['line']} lacks a reason, or has one too many or twice: {wrong}"
        )


def _check_parts(lines: Sequence[Data], devices: Sequence[Data]) -> None:
    parents = {device["hardware_id"]: device["parent_hardware_id"] for device in devices}
    billed: dict[str, list[Data]] = {}
    wholes: dict[str, list[Data]] = {}
    for line in lines:
        if line["billed_ms"]:
            billed.setdefault(line["hardware_id"], []).append(line)
            name = stated_device(line) if "stated" in line else hardware(line["hardware_id"])
            wholes.setdefault(name, []).append(line)
    for hardware_id, of_part in billed.items():
        for part in of_part:
            for whole in _lines_of(wholes, parents[hardware_id]):
                (low, high), (start, end) = span_ms(whole), span_ms(part)
                if low < end and start < high:
                    raise CheckFailed(
                        f"第 {whole['line']} 行与第 {part['line']} 行在相同的分钟对一台设备及其一部"
                        "分都计费。"
                        f"Lines {whole['line']} and {part['line']} bill a device and a part of it "
                        "for the same minutes"
                    )
    _check_shares(billed, parents)


def _lines_of(wholes: Mapping[str, Sequence[Data]], hardware_id: str | None) -> Iterator[Data]:
    if hardware_id is not None:
        for name in measured_device(hardware_id) | {hardware(hardware_id)}:
            yield from wholes.get(name, ())


def _check_shares(billed: Mapping[str, Sequence[Data]], parents: Mapping[str, str | None]) -> None:
    edges: dict[str, list[tuple[int, Fraction, int]]] = {}
    for hardware_id, of_part in billed.items():
        whole = parents[hardware_id]
        for line in of_part if whole is not None else ():
            if line["share"] is None:
                continue
            (start_ms, end_ms), share = span_ms(line), exact(line["share"])
            edges.setdefault(hardware(str(whole)), []).extend(
                [(start_ms, share, line["line"]), (end_ms, -share, line["line"])]
            )
    for whole, of_whole in edges.items():
        together = Fraction(0)
        # At one instant what ends makes room before what begins.
        for _instant_ms, share, number in sorted(of_whole):
            together += share
            if together > 1:
                raise CheckFailed(
                    f"计入第 {number} 行后，设备 {whole} 的各部分共计费 {together}。"
                    f"With line {number} parts of device {whole} are billed for {together} of it"
                )


def _check_quality(quality: Data, totals: Data) -> None:
    elapsed_ms = totals["observed_ms"] + totals["gap_ms"]
    millionths = totals["observed_ms"] * 10**6 // elapsed_ms if elapsed_ms else 0
    expected = {
        "observed_ms": totals["observed_ms"],
        "elapsed_ms": elapsed_ms,
        "coverage": f"{millionths // 10**6}.{millionths % 10**6:06d}",
    }
    for name, value in expected.items():
        if quality[name] != value:
            raise CheckFailed(
                f"{name} 为 {quality[name]}；各行得 {value}。"
                f"The {name} is {quality[name]}; the lines give {value}"
            )
    told_ms = sum(gap["span_ms"] for gap in quality["gaps"])
    if told_ms < totals["gap_ms"]:
        raise CheckFailed(
            f"所述缺口共 {told_ms} 毫秒；各行有 {totals['gap_ms']}。"
            f"Gaps of {told_ms} ms are told; the lines have {totals['gap_ms']}"
        )


def _check_level(quality: Data, lines: Sequence[Data]) -> None:
    weakest = min((line["evidence_level"] for line in lines), default=_OF_NO_LINES)
    if quality["evidence_level"] != weakest:
        raise CheckFailed(
            f"evidence_level 为 {quality['evidence_level']}；各行中最弱的是 {weakest}。"
            f"The evidence_level is {quality['evidence_level']}; the weakest of the lines is "
            f"{weakest}"
        )


def _check_flags(statement: Data) -> None:
    held = {(flag["code"], flag["subject"]) for flag in statement["flags"]}
    for code, subject in _due_flags(statement):
        if (code, subject) not in held:
            raise CheckFailed(
                f"缺少“{subject}”的提示 {code}。The flag {code} of '{subject}' is missing"
            )


def _due_flags(statement: Data) -> Iterator[tuple[str, str]]:
    contract, lines = statement["contract"], statement["lines"]
    for line in lines:
        counted = line["quantities"]
        for code in _FLAGGED_BY_DEVICE:
            if code in line["reasons"]:
                yield code, line["hardware_id"]
        known = 0 < counted["observed_ms"] == counted["utilisation_known_ms"]
        if counted["leased_ms"] and known and not counted["active_ms"]:
            yield "idle_while_leased", line["hardware_id"]
    if contract is not None:
        if contract["unrelated_declared"] is None:
            yield "relation_undeclared", contract["contract_id"]
        if any("no_active_rules" in line["reasons"] for line in lines):
            yield "no_active_rules", contract["contract_id"]
    told_ms = sum(gap["span_ms"] for gap in statement["quality"]["gaps"])
    if told_ms > statement["totals"]["gap_ms"]:
        yield "gap_reports_exceed", ""
