"""A mapping file: how somebody's tables call things, and which lines are for which part.

[columns]                     # field = the header that stands over it
number = "数电票号码"
[status]                      # what the file says = normal, partly_red, red or void
"已冲销" = "red"
[constants]                   # fields of payments that no column tells
payer = "91440300MA50001107"
[[line]]                      # the first that fits says which part a line is for
contract = "HT-2026-001"
contains = "算力"              # in the line's name; left out: every line
part = "accelerator"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from kashi_server.domain.contract import check_token
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.positioned import (
    Mistake,
    MistakesFound,
    Path,
    Positioned,
    parse_positioned,
)
from kashi_server.errors import InvalidValue

_TABLES: Final = ("columns", "status", "constants")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRule:
    """Lines whose name contains a text are for a part of a contract."""

    contract_id: str
    part: str
    contains: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperMapping:
    """What a mapping file says; nothing, where there is none."""

    columns: Mapping[str, str] = field(default_factory=dict)
    status: Mapping[str, InvoiceStatus] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    lines: tuple[LineRule, ...] = ()

    def headers(self, known: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
        """The names of columns, with those of this file in their place.

        Raises:
            InvalidValue: it names a field that the table does not have.
        """
        strangers = sorted(set(self.columns) - set(known))
        if strangers:
            raise InvalidValue(
                f"[columns] 列出了 {strangers[0]}；此处的字段为：{', '.join(known)}。"
                f"[columns] names {strangers[0]}; fields here are {', '.join(known)}"
            )
        return {**known, **{name: (header,) for name, header in self.columns.items()}}

    def part_of(self, line_name: str, contracts: Sequence[str]) -> tuple[str, str] | None:
        """Contract and part of a line between the sides of some contracts; None: not said."""
        for rule in self.lines:
            if rule.contract_id in contracts and rule.contains in line_name:
                return rule.contract_id, rule.part
        return None


def read_mapping(text: str, file: str) -> PaperMapping:
    """Read a mapping file.

    Raises:
        MistakesFound: every mistake with its line.
    """
    document, mistakes = parse_positioned(text, file), list[Mistake]()
    for name in document.content.keys() - {*_TABLES, "line"}:
        known = ", ".join((*(f"[{one}]" for one in _TABLES), "[[line]]"))
        mistakes.append(
            document.mistake(
                (name,), f"没有此表，可用：{known}。there is no such table; known are {known}"
            )
        )
    tables = {name: _texts(document, name, mistakes) for name in _TABLES}
    status: dict[str, InvoiceStatus] = {}
    for said, meant in tables["status"].items():
        try:
            status[said] = InvoiceStatus(meant)
        except ValueError:
            words = ", ".join(InvoiceStatus)
            mistakes.append(
                document.mistake(
                    ("status", said), f"“{meant}”不在 {words} 之中。'{meant}' is none of {words}"
                )
            )
    lines = _rules(document, mistakes)
    if mistakes:
        raise MistakesFound(mistakes)
    return PaperMapping(
        columns=tables["columns"], status=status, constants=tables["constants"], lines=lines
    )


def _texts(document: Positioned, name: str, mistakes: list[Mistake]) -> dict[str, str]:
    table = document.content.get(name, {})
    if not isinstance(table, dict):
        mistakes.append(document.mistake((name,), f"须写作 [{name}]。write it as [{name}]"))
        return {}
    for key, value in table.items():
        if not isinstance(value, str) or not value.strip():
            mistakes.append(document.mistake((name, key), "须为文本。is not text"))
    return {key: value for key, value in table.items() if isinstance(value, str)}


def _rules(document: Positioned, mistakes: list[Mistake]) -> tuple[LineRule, ...]:
    tables = document.content.get("line", [])
    if not isinstance(tables, list):
        mistakes.append(document.mistake(("line",), "须写作 [[line]]。write it as [[line]]"))
        return ()
    found: list[LineRule] = []
    for index, table in enumerate(tables):
        path: Path = ("line", index)
        before = len(mistakes)
        if not isinstance(table, dict):
            mistakes.append(document.mistake(path, "须为表。is not a table"))
            continue
        mistakes += [
            document.mistake((*path, name), "没有此字段。there is no such field")
            for name in table.keys() - {"contract", "contains", "part"}
        ]
        for name in ("contract", "part"):
            try:
                check_token(str(table.get(name, "")), name)
            except InvalidValue as error:
                mistakes.append(document.mistake((*path, name), str(error)))
        if not isinstance(table.get("contains", ""), str):
            mistakes.append(document.mistake((*path, "contains"), "须为文本。is not text"))
        if len(mistakes) == before:
            found.append(
                LineRule(
                    contract_id=table["contract"],
                    part=table["part"],
                    contains=table.get("contains", ""),
                )
            )
    return tuple(found)
