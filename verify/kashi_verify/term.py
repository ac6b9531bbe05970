"""Step 7, second part: what is leased, billed or eligible lies inside the contract's printed term.

The term is half-open, at the instants the statement prints: a line may begin with its first minute
and end where it ends. Lines are cut at both edges. Only what a provider states may stand beyond
them under the contract: unbilled, not eligible, with the reason `outside_term`. What a correction
books of an earlier month is no line of this one: it stands in `settlement`, in that month's name.
"""

from collections.abc import Mapping
from typing import Any, Final

from kashi_verify.arithmetic import instant_ms, span_ms
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_OUTSIDE: Final = "outside_term"


def check_term(statement: Data) -> None:
    """Compare every line under the contract with the term.

    Raises:
        CheckFailed: a line leaves the term and does not say so, or says so and lies inside.
    """
    contract = statement["contract"]
    if contract is None:
        return
    begins, ends = contract["term"]["start"], contract["term"]["end"]
    first_ms = instant_ms(begins)
    last_ms = None if ends is None else instant_ms(ends)
    for line in statement["lines"]:
        number, (start_ms, end_ms) = line["line"], span_ms(line)
        inside = first_ms <= start_ms and (last_ms is None or end_ms <= last_ms)
        touches = first_ms < end_ms and (last_ms is None or start_ms < last_ms)
        told = _OUTSIDE in line["reasons"]
        if not inside and _claims(line) and not (told and _earns_nothing(line)):
            raise CheckFailed(
                f"第 {number} 行超出合同期限 {begins} 至 {ends or '无固定期限'}，却未按期限外处理。"
                f"Line {number} leaves the contract's term, {begins} to {ends or 'open'}, and is "
                "not held as outside of it"
            )
        if told and touches:
            raise CheckFailed(
                f"第 {number} 行标为 {_OUTSIDE}，却在合同期限内。"
                f"Line {number} says {_OUTSIDE} and lies inside the contract's term"
            )


def _claims(line: Data) -> bool:
    return bool(line["quantities"]["leased_ms"]) or not _earns_nothing(line)


def _earns_nothing(line: Data) -> bool:
    return not (line["billed_ms"] or line["amount_fen"] or line["eligible"])
