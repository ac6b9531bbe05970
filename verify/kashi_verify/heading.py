"""Step 7: what the head says of the certificate itself can be so.

1. numbers carry the month they certify and check digits (ISO 7064 MOD 97-10); none supersedes
   itself, and what is superseded is named by its hash too (`superseded`);
2. the code has its form, and the address of verification holds number and code;
3. it was issued once the last of its months was over, and is of the first edition or a later one;
4. the reports it counts as read are those its evidence counts.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from kashi_verify.findings import CheckFailed
from kashi_verify.superseded import check_named

Data = Mapping[str, Any]
_NUMBER: Final = re.compile(r"KC-(\d{4})(\d{2})-(\d{6})-(\d{2})")
_LATE_MS: Final = 86_400_000
_CODE: Final = re.compile(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}")


def check_heading(head: Data, statements: Sequence[Data]) -> None:
    """Check a head against the months it certifies.

    Raises:
        CheckFailed: something cannot be so; the message names it.
    """
    month = statements[-1]["period"]["month"]
    if _month_of(head["number"]) != month:
        raise CheckFailed(
            f"编号 {head['number']} 不是 {month} 的。The number {head['number']} is not of {month}"
        )
    supersedes = head["supersedes"]
    if supersedes is not None and (supersedes == head["number"] or not _month_of(supersedes)):
        raise CheckFailed(f"证明不能替代 {supersedes}。It cannot supersede {supersedes}")
    check_named(head)
    code, url = head["verification"]["code"], head["verification"]["url"]
    if _CODE.fullmatch(code) is None:
        raise CheckFailed(f"“{code}”不是核验码。'{code}' is no verification code")
    if url is not None and not url.endswith(f"?number={head['number']}&code={code}"):
        raise CheckFailed(f"核验地址属于另一份证明。The address is another certificate's: {url}")
    ended = datetime.fromisoformat(statements[-1]["period"]["end"])
    if datetime.fromisoformat(head["issued_at"]) < ended or head.get("edition", 1) < 1:
        raise CheckFailed(
            f"证明在 {month} 结束前出具，或版次小于 1。"
            f"It was issued before {month} ended, or is of an edition before the first"
        )


def check_reading(summary: Data, evidence: Sequence[Data]) -> None:
    """Check how many reports are said to have been read.

    Raises:
        CheckFailed: there are others behind the statements.
    """
    count = sum(one["reports"]["count"] for one in evidence)
    reading = summary["reading"]
    said, late = (0, 0) if reading is None else (reading["reports"], reading["late_reports"])
    wrong = reading is not None and reading["late_after_ms"] != _LATE_MS
    if said != count or not 0 <= late <= said or wrong:
        raise CheckFailed(
            f"汇总称读取报告 {said} 份，其中迟到 {late} 份；证据为 {count} 份。"
            f"The summary reads {said} reports, {late} of them late; the evidence has {count}"
        )


def _month_of(number: str) -> str:
    """The month a number is of; nothing where it is no number."""
    match = _NUMBER.fullmatch(number)
    if match is None or int(match[1] + match[2] + match[3] + match[4]) % 97 != 1:
        return ""
    return f"{match[1]}-{match[2]}"
