"""Step 7, fourth part: the attached CSV carries the lines of the statements, figure by figure."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, Final

from kashi_verify.arithmetic import SUMMED
from kashi_verify.findings import CheckFailed
from kashi_verify.line_evidence import COUNTED

Data = Mapping[str, Any]
_MARK: Final = b"\xef\xbb\xbf"
_LATER: Final = frozenset({*COUNTED, "stated_source_sha256", "line_id"})
"""Columns that tables of before do not have."""
_COLUMNS: Final = _LATER | frozenset(
    {
        *("statement", "revision", "month", "user_id", "line", "hardware_id", "host_id"),
        *("charge_start", "charge_end", "basis", "price_id", "price_yuan_per_card_hour"),
        *SUMMED,
        *("share", "billed_ms", "amount_yuan", "evidence_level", "eligible", "reasons"),
    }
)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_table(content: bytes, statements: Sequence[Data]) -> int:
    """Compare every row with its line; returns how many there are.

    Raises:
        CheckFailed: a row is missing, added or differs.
    """
    if not content.startswith(_MARK):
        raise CheckFailed(
            "lines.csv 开头没有电子表格所需的标记。"
            "Lines.csv does not begin with the mark that spreadsheets need"
        )
    try:
        rows = list(csv.DictReader(StringIO(content[len(_MARK) :].decode(), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CheckFailed(f"lines.csv 无法读取。Lines.csv cannot be read: {error}") from error
    lines = [(statement, line) for statement in statements for line in statement["lines"]]
    if len(rows) != len(lines):
        raise CheckFailed(
            f"lines.csv 有 {len(rows)} 行；结算有 {len(lines)} 行。"
            f"Lines.csv has {len(rows)} rows; the statements have {len(lines)} lines"
        )
    _check_columns(content)
    if any(None in row for row in rows):
        raise CheckFailed("lines.csv 有超出各列的单元格。Lines.csv has cells beside its columns")
    for row, (statement, line) in zip(rows, lines, strict=True):
        for name, value in _cells(statement, line).items():
            if row.get(name) != value and not (name in _LATER and name not in row):
                raise CheckFailed(
                    f"lines.csv：{statement['period']['month']} 第 {line['line']} 行的 {name} 为 "
                    f"{row.get(name)}；结算为 {value}。"
                    f"Lines.csv: {name} of line {line['line']} of {statement['period']['month']} "
                    f"is {row.get(name)}; the statement says {value}"
                )
    return len(rows)


def _check_columns(content: bytes) -> None:
    """No column stands twice, and none says what is compared with nothing."""
    head = next(csv.reader(StringIO(content[len(_MARK) :].decode(), newline="")))
    strange = sorted({name for name in head if name not in _COLUMNS or head.count(name) > 1})
    if strange:
        raise CheckFailed(
            f"lines.csv 有未知或重复的列：{strange}。"
            f"Lines.csv has a column that nobody knows, or one twice: {strange}"
        )


def _cells(statement: Data, line: Data) -> dict[str, str]:
    fen = line["amount_fen"]
    return {
        "statement": _text(statement["statement"]["number"]),
        "revision": str(statement["statement"]["revision"]),
        "month": statement["period"]["month"],
        "user_id": statement["user"]["party_id"],
        "line": str(line["line"]),
        "hardware_id": _text(line["hardware_id"]),
        "host_id": _text(line["host_id"]),
        "charge_start": line["start"],
        "charge_end": line["end"],
        "basis": line["basis"] or "",
        "price_id": _text(line["price_id"]),
        "price_yuan_per_card_hour": line["price_yuan_per_card_hour"] or "",
        **{name: str(line["quantities"][name]) for name in SUMMED},
        "share": line["share"] or "",
        "billed_ms": str(line["billed_ms"]),
        "amount_yuan": f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}",
        "evidence_level": line["evidence_level"],
        "eligible": "true" if line["eligible"] else "false",
        "reasons": "; ".join(line["reasons"]),
        **{name: str(line["quantities"].get(name, 0)) for name in COUNTED},
        "stated_source_sha256": line.get("stated", {}).get("source_sha256", ""),
        "line_id": _text(line.get("line_id")),
    }


def _text(value: str | None) -> str:
    """A text as a spreadsheet must find it: none of it is a formula."""
    if value is None:
        return ""
    return f"'{value}" if value.startswith(_FORMULA) else value
