"""Step 8: the case that a statement evaluates is this statement's.

Its number, its contract's day, term and declaration, and of each level of evidence and origin of
chips at least what the lines are eligible for: what earlier statements of the year add is not held
here. It is the whole year, so no other claim of the year lies beside it.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_SHANGHAI: Final = timezone(timedelta(hours=8))
_YUAN: Final = re.compile(r"(0|[1-9]\d{0,14})\.\d\d")
_LEVEL: Final = re.compile(r"E[0-3]")


def fen_of(yuan: str) -> int:
    """Yuan with two places as fen."""
    if _YUAN.fullmatch(yuan) is None:
        raise CheckFailed(f"“{yuan}”不是人民币金额。'{yuan}' is not an amount of yuan")
    return int(yuan.replace(".", ""))


def check_case(statement: Data, case: Data) -> None:
    """Check that a case is this statement's.

    Raises:
        CheckFailed: it is of another number or contract, or holds less than the lines.
    """
    if case["case_id"] != statement["statement"]["number"]:
        raise CheckFailed(
            "所评估的案例属于另一份结算。The case that was evaluated is another statement's"
        )
    eligible_fen = statement["totals"]["eligible_fen"]
    if sum(rated(case, None)) < eligible_fen:
        raise CheckFailed(
            f"案例少于各行符合条件的 {eligible_fen} 分。"
            f"The case holds less than the eligible {eligible_fen} fen of the lines"
        )
    _check_sorts(statement, case)
    standing = case["standing"]
    if fen_of(standing["year_awarded_yuan"]) or fen_of(standing["year_eligible_yuan"]):
        raise CheckFailed(
            "案例本身就是全年，此外不应再有本年的申报。"
            "The case is the whole year: no claim of the year lies beside it"
        )
    contract, service = statement["contract"], case.get("service", {})
    if contract is None:
        return
    declared = contract["unrelated_declared"]
    related = None if declared is None else not declared
    wanted = (related, contract["signed_on"], *_days_of(contract["term"]))
    named = ("related", "contract_signed", "service_from", "service_until")
    if tuple(map(service.get, named)) != wanted:
        raise CheckFailed(
            "所评估的案例属于另一份合同。The case that was evaluated is of another contract"
        )


def _check_sorts(statement: Data, case: Data) -> None:
    """Of each level of evidence and origin of chips the case holds at least what the lines have."""
    domestic = {one["hardware_id"]: one["domestic"] for one in statement["devices"]}
    due: dict[tuple[str, bool | None], int] = {}
    for line in statement["lines"]:
        if line["eligible"]:
            sort = (line["evidence_level"], domestic[line["hardware_id"]])
            due[sort] = due.get(sort, 0) + line["amount_fen"]
    for one in case.get("metered", ()):
        sort = (one["evidence_level"], one.get("domestic"))
        due[sort] = due.get(sort, 0) - fen_of(one["amount_yuan"])
    for (level, origin), lacking_fen in due.items():
        if lacking_fen > 0:
            raise CheckFailed(
                f"案例少了等级 {level}、国产为 {origin} 的 {lacking_fen} 分。"
                f"The case lacks {lacking_fen} fen of level {level}, domestic {origin}"
            )


def rated(case: Data, least: str | None) -> list[int]:
    """Fen of the case's metered lines whose evidence is good enough."""
    lines: Sequence[Data] = case.get("metered", ())
    for line in lines:
        if _LEVEL.fullmatch(line["evidence_level"]) is None:
            raise CheckFailed(
                f"没有证据等级 {line['evidence_level']}。"
                f"There is no evidence level {line['evidence_level']}"
            )
    return [
        fen_of(line["amount_yuan"])
        for line in lines
        if least is None or line["evidence_level"] >= least
    ]


def _days_of(term: Data) -> tuple[str, str | None]:
    """The first and the last day of a half-open term; an open one has no last."""
    first = datetime.fromisoformat(term["start"]).astimezone(_SHANGHAI).date().isoformat()
    if term["end"] is None:
        return first, None
    last = datetime.fromisoformat(term["end"]).astimezone(_SHANGHAI) - timedelta(minutes=1)
    return first, last.date().isoformat()
