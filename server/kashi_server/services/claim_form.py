"""The form of a claim as a TOML file that a person writes: every mistake named with its line.

contracts = ["HT-2026-001"]
from = 2026-09-01
until = 2026-12-31              # last day, inside
payments = ["BANK-REF-1"]       # papers may be left out and gathered
other_money = []                # there is none; left out, nobody knows

[declared]
kind = "企业"
purpose = "training"

[[invoice]]
number = "26442000000000000001"
contract = "HT-2026-001"
part = "accelerator"
amount_yuan = "450.00"
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, Final, TypeVar

from kashi_server.domain.claim_content import (
    ClaimContent,
    Declared,
    InvoicePart,
    StatementRevision,
)
from kashi_server.domain.evaluation.case import UNSTATED, OtherMoney
from kashi_server.domain.money import parse_yuan
from kashi_server.domain.positioned import (
    Mistake,
    MistakesFound,
    Path,
    Positioned,
    parse_positioned,
)
from kashi_server.errors import InvalidValue

_Value = TypeVar("_Value")
_HEAD: Final = ("contracts", "from", "until", "payments")
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "statement": ("number", "revision"),
    "invoice": ("number", "contract", "part", "amount_yuan"),
    "other_money": ("programme_id", "amount_yuan", "level"),
}
_OPTIONAL: Final = {("other_money", "level"), ("statement", "revision")}
_DECLARED: Final[Mapping[str, type]] = {
    "kind": str,
    "legal_person": bool,
    "in_jurisdiction": bool,
    "credit_clean": bool,
    "listed_provider": bool,
    "purpose": str,
    "service_item": str,
    "project": str,
    "tier": str,
    "matched_yuan": str,
    "measures": dict,
}
_WORDS_ZH: Final = {str: "文本", bool: " true 或 false", int: "整数", date: "日期"}
_WORDS: Final = {str: "text", bool: "true or false", int: "a whole number", date: "a date"}


def load_claim_form(text: str, file: str) -> ClaimContent:
    """What a form says.

    Raises:
        MistakesFound: every mistake with its line and field.
    """
    reading = _Reading(parse_positioned(text, file))
    content = reading.content()
    if reading.mistakes or content is None:
        raise MistakesFound(reading.mistakes)
    return content


@dataclass(slots=True)
class _Reading:
    """One reading of a form."""

    document: Positioned
    mistakes: list[Mistake] = field(default_factory=list)

    def content(self) -> ClaimContent | None:
        self._strangers((), self.document.content, (*_HEAD, "declared", *_TABLES))
        first, last = self._day("from"), self._day("until")
        contracts, payments = self._texts("contracts"), self._texts("payments", missing=())
        statements = self._rows("statement", self._statement)
        invoices = self._rows("invoice", self._invoice)
        other_money = self._rows("other_money", self._other_money)
        declared = self._declared()
        if self.mistakes or first is None or last is None or contracts is None:
            return None

        def made() -> ClaimContent:
            return ClaimContent(
                contract_ids=tuple(contracts),
                first=first,
                last=last,
                statements=tuple(statements),
                invoices=tuple(invoices),
                payments=tuple(payments or ()),
                other_money=tuple(other_money) if "other_money" in self.document.content else None,
                declared=declared or Declared(),
            )

        return self._checked((), made)

    def _checked(self, path: Path, make: Callable[[], _Value]) -> _Value | None:
        try:
            return make()
        except InvalidValue as error:
            self._mistake(path, str(error))
            return None

    def _mistake(self, path: Path, message: str) -> None:
        self.mistakes.append(self.document.mistake(path, message))

    def _strangers(self, path: Path, table: Mapping[str, object], known: Sequence[str]) -> None:
        for name in table.keys() - set(known):
            self._mistake(
                (*path, name),
                f"没有此字段，可用字段：{', '.join(known)}。"
                f"there is no such field; there are {', '.join(known)}",
            )

    def _day(self, name: str) -> date | None:
        value = self.document.content.get(name)
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        self._mistake(
            (name,), "缺少日期，写法如 2026-09-01。a day is missing; write it like 2026-09-01"
        )
        return None

    def _texts(self, name: str, missing: Sequence[str] | None = None) -> Sequence[str] | None:
        value = self.document.content.get(name)
        if value is None and missing is not None:
            return missing
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            return value
        self._mistake(
            (name,),
            '须为文本列表，如 ["HT-2026-001"]。must be a list of texts, like ["HT-2026-001"]',
        )
        return None

    def _rows(self, name: str, make: Callable[[Mapping[str, Any]], _Value]) -> list[_Value]:
        rows = self.document.content.get(name, [])
        if not isinstance(rows, list):
            self._mistake((name,), f"每项须写作 [[{name}]]。write each as [[{name}]]")
            return []
        found = []
        for place, row in enumerate(rows):
            path = (name, place)
            before = len(self.mistakes)
            if not isinstance(row, dict):
                self._mistake(path, f"每项须写作 [[{name}]]。write each as [[{name}]]")
                continue
            self._strangers(path, row, _TABLES[name])
            for wanted in _TABLES[name]:
                if wanted not in row and (name, wanted) not in _OPTIONAL:
                    self._mistake((*path, wanted), "缺少此字段。is missing")
                elif wanted in row:
                    self._kind((*path, wanted), row[wanted], int if wanted == "revision" else str)
            if len(self.mistakes) == before:
                made = self._checked(path, partial(make, row))
                found += [] if made is None else [made]
        return found

    def _kind(self, path: Path, value: object, kind: type) -> None:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._mistake(
                path,
                f"{value!r} 须为{_WORDS_ZH.get(kind, '表')}。"
                f"{value!r} is not {_WORDS.get(kind, 'a table')}",
            )

    @staticmethod
    def _statement(row: Mapping[str, Any]) -> StatementRevision:
        return StatementRevision(row["number"], row.get("revision", 1))

    @staticmethod
    def _invoice(row: Mapping[str, Any]) -> InvoicePart:
        return InvoicePart(
            row["number"], row["contract"], row["part"], parse_yuan(row["amount_yuan"])
        )

    @staticmethod
    def _other_money(row: Mapping[str, Any]) -> OtherMoney:
        return OtherMoney(
            programme_id=row["programme_id"],
            amount_fen=parse_yuan(row["amount_yuan"]),
            level=row.get("level", UNSTATED),
        )

    def _declared(self) -> Declared | None:
        said = self.document.content.get("declared", {})
        if not isinstance(said, dict):
            self._mistake(("declared",), "须写作 [declared]。write it as [declared]")
            return None
        self._strangers(("declared",), said, tuple(_DECLARED))
        for name, value in said.items():
            if name in _DECLARED:
                self._kind(("declared", name), value, _DECLARED[name])
        measures = said.get("measures")
        for name, value in (measures if isinstance(measures, dict) else {}).items():
            self._kind(("declared", "measures", name), value, int)
        if self.mistakes:
            return None
        values = {name: value for name, value in said.items() if name != "matched_yuan"}

        def made() -> Declared:
            if "matched_yuan" in said:
                values["matched_fen"] = parse_yuan(said["matched_yuan"])
            return Declared(**values)

        return self._checked(("declared",), made)
