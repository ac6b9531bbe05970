"""What a claim says: contracts, period, statements, invoice parts, payments, declarations.

As plain data it is the claim's form: canonical bytes, stored with every submission and packed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any, Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.contract import check_token
from kashi_server.domain.evaluation.case import UNSTATED, OtherMoney
from kashi_server.domain.invoice import check_number
from kashi_server.domain.money import FEN_MAX
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/claim-content"
PARTS_MAX: Final = 5_000
"""Invoice parts, statements or payments of one claim."""
TEXT_CHARACTERS_MAX: Final = 300
_NAMED: Final = {
    "contract": "合同",
    "statement": "结算单",
    "invoice part": "发票部分",
    "payment": "付款",
}


@dataclass(frozen=True, slots=True, order=True)
class StatementRevision:
    """A revision of a statement, which is certified."""

    number: str
    revision: int

    def __post_init__(self) -> None:
        """Refuse what names no revision."""
        if not self.number or self.revision < 1:
            raise InvalidValue(
                f"结算单“{self.number}”第 {self.revision} 版不成立；须有编号，版本从 1 起。"
                f"'{self.number}' revision {self.revision} is no statement"
            )


@dataclass(frozen=True, slots=True, order=True)
class InvoicePart:
    """What is claimed of one part of a contract on one invoice, including tax."""

    number: str
    contract_id: str
    part: str
    amount_fen: int

    def __post_init__(self) -> None:
        """Refuse a part of nothing."""
        check_number(self.number)
        check_token(self.contract_id, "contract_id")
        check_token(self.part, "part")
        if not 0 < self.amount_fen <= FEN_MAX:
            raise InvalidValue(
                f"发票 {self.number}：{self.amount_fen} 分不是可申报的金额。"
                f"invoice {self.number}: {self.amount_fen} fen is no amount"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What the company declares, and the office checks; None: it did not say.

    `tier`, `matched_fen` and `measures` are what it asks for: they open a gate or make an amount,
    so they count only once the office states them, see `Officially`.
    """

    kind: str | None = None
    legal_person: bool | None = None
    in_jurisdiction: bool | None = None
    credit_clean: bool | None = None
    listed_provider: bool | None = None
    purpose: str | None = None
    service_item: str | None = None
    project: str | None = None
    tier: str | None = None
    matched_fen: int | None = None
    measures: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse endless texts and amounts that are none."""
        for name in ("kind", "purpose", "service_item", "project", "tier"):
            text = getattr(self, name)
            if text is not None and not 0 < len(text) <= TEXT_CHARACTERS_MAX:
                raise InvalidValue(
                    f"{name} 须为 1 至 {TEXT_CHARACTERS_MAX} 个字符。"
                    f"{name} holds 1 to {TEXT_CHARACTERS_MAX} characters"
                )
        _check_stated(self.matched_fen, self.measures)

    def to_data(self) -> dict[str, object]:
        """Plain data: what was said."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        said["measures"] = dict(sorted(self.measures.items()))
        return {name: value for name, value in said.items() if value not in (None, {})}


@dataclass(frozen=True, slots=True, kw_only=True)
class Officially:
    """What the office says of a claim: where it ranks, what it decided case by case.

    Its tier, the award that it matches and its measures are of the office's papers: the company's
    own word of them counts for nothing.
    """

    rank: int | None = None
    decided_fen: int | None = None
    exception_approved: bool | None = None
    credit_clean: bool | None = None
    in_jurisdiction: bool | None = None
    tier: str | None = None
    matched_fen: int | None = None
    measures: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse amounts that are none, and a place in the ranking that there is not."""
        _check_stated(self.matched_fen, self.measures)
        if self.rank is not None and not 1 <= self.rank <= FEN_MAX:
            raise InvalidValue("名次须为从 1 起的整数。a rank is a whole number from 1 on")

    @property
    def on_paper(self) -> bool:
        """It says what only a document can show."""
        return self.tier is not None or self.matched_fen is not None or bool(self.measures)

    def to_data(self) -> dict[str, object]:
        """Plain data: what was said."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        said["measures"] = dict(sorted(self.measures.items()))
        return {name: value for name, value in said.items() if value not in (None, {})}

    def updated(self, later: "Officially") -> "Officially":
        """What is said now, and what was said before of the rest."""
        said = {
            one.name: getattr(self, one.name)
            if getattr(later, one.name) is None
            else getattr(later, one.name)
            for one in fields(self)
        }
        said["measures"] = {**self.measures, **later.measures}
        return Officially(**said)


def _check_stated(matched_fen: int | None, measures: Mapping[str, int]) -> None:
    if matched_fen is not None and not 0 <= matched_fen <= FEN_MAX:
        raise InvalidValue("自筹配套金额 matched_fen 不是可用的金额。matched_fen is no amount")
    if any(isinstance(one, bool) or not 0 <= one <= FEN_MAX for one in measures.values()):
        raise InvalidValue(
            f"指标须为非负整数，不大于 {FEN_MAX}。"
            f"a measure is a whole number that is not negative, {FEN_MAX} at most"
        )


def whole_number(text: str) -> int:
    """A whole number of a text.

    Raises:
        InvalidValue: it is none, or more than the house can count.
    """
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(FEN_MAX)):
        shown = text if len(text) <= TEXT_CHARACTERS_MAX else f"{text[:20]}…"
        raise InvalidValue(
            f"“{shown}”不是整数，或超过 {len(str(FEN_MAX))} 位。"
            f"'{shown}' is no whole number of at most {len(str(FEN_MAX))} digits"
        )
    return int(text)


def measures_of(said: Sequence[str]) -> Mapping[str, int]:
    """Measures of texts like `active_users=1000000`.

    Raises:
        InvalidValue: one is not so written, or is named twice.
    """
    found: dict[str, int] = {}
    for one in said:
        name, _, number = (part.strip() for part in one.partition("="))
        if not (name and number.isascii() and number.isdecimal()) or name in found:
            shown = one if len(one) <= TEXT_CHARACTERS_MAX else f"{one[:20]}…"
            raise InvalidValue(
                f"“{shown}”不是指标；写法如 active_users=1000000，每个指标只写一次。"
                f"'{shown}' is no measure like active_users=1000000, once each"
            )
        found[name] = whole_number(number)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimContent:
    """Everything a company puts into a claim. `first`, `last`: days of the period, both inside.

    `other_money`: public money of other programmes; None: nobody said, () says that there is none.
    """

    contract_ids: tuple[str, ...]
    first: date
    last: date
    statements: tuple[StatementRevision, ...] = ()
    invoices: tuple[InvoicePart, ...] = ()
    payments: tuple[str, ...] = ()
    other_money: tuple[OtherMoney, ...] | None = None
    declared: Declared = Declared()

    def __post_init__(self) -> None:
        """Refuse a claim for nothing, or of one thing twice; keep everything in order."""
        if not self.contract_ids:
            raise InvalidValue("申报须写明合同。a claim names its contract")
        for contract_id in self.contract_ids:
            check_token(contract_id, "contract_id")
        if self.last < self.first:
            raise InvalidValue("费用期间的末日早于首日。the period ends before it begins")
        parts = [(one.number, one.contract_id, one.part) for one in self.invoices]
        named: dict[str, list[object]] = {
            "contract": list(self.contract_ids),
            "statement": [one.number for one in self.statements],
            "invoice part": list(parts),
            "payment": list(self.payments),
        }
        for what, names in named.items():
            if len(set(names)) != len(names):
                raise InvalidValue(
                    f"申报中有{_NAMED[what]}写了两次。the claim names a {what} twice"
                )
            if len(names) > PARTS_MAX:
                raise InvalidValue(
                    f"一项申报至多写 {PARTS_MAX} 份{_NAMED[what]}。"
                    f"a claim names at most {PARTS_MAX} of a {what}"
                )
        if strange := {one.contract_id for one in self.invoices} - set(self.contract_ids):
            raise InvalidValue(
                f"有发票属于合同 {min(strange)}，而申报不含该合同。"
                f"an invoice is for contract {min(strange)}, the claim is not"
            )
        for name in ("contract_ids", "statements", "invoices", "payments"):
            object.__setattr__(self, name, tuple(sorted(getattr(self, name))))

    @property
    def names_papers(self) -> bool:
        """Whether it names any statement, invoice or payment."""
        return bool(self.statements or self.invoices or self.payments)

    def with_papers(
        self,
        statements: Sequence[StatementRevision] = (),
        invoices: Sequence[InvoicePart] = (),
        payments: Sequence[str] = (),
    ) -> "ClaimContent":
        """The same with more papers; one that is named already is replaced."""
        by_statement = {one.number: one for one in (*self.statements, *statements)}
        by_part = {
            (one.number, one.contract_id, one.part): one for one in (*self.invoices, *invoices)
        }
        return replace(
            self,
            statements=tuple(by_statement.values()),
            invoices=tuple(by_part.values()),
            payments=tuple(sorted({*self.payments, *payments})),
        )

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/claim-content`."""
        return {
            "format": FORMAT,
            "contracts": list(self.contract_ids),
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "statements": [
                {"number": one.number, "revision": one.revision} for one in self.statements
            ],
            "invoices": [
                {
                    "number": one.number,
                    "contract_id": one.contract_id,
                    "part": one.part,
                    "amount_fen": one.amount_fen,
                }
                for one in self.invoices
            ],
            "payments": list(self.payments),
            "other_money": None
            if self.other_money is None
            else [
                {
                    "programme_id": one.programme_id,
                    "amount_fen": one.amount_fen,
                    "level": one.level,
                }
                for one in self.other_money
            ],
            "declared": self.declared.to_data(),
        }

    def to_bytes(self) -> bytes:
        """Canonical bytes."""
        return canonical_bytes(self.to_data())


def content_of(said: Mapping[str, Any]) -> ClaimContent:
    """The content of plain data.

    Raises:
        InvalidValue: it is not in the format, or a value cannot be.
    """
    if said.get("format") != FORMAT:
        raise InvalidValue(f"这不是 {FORMAT} 格式的内容。this is not {FORMAT}")
    return ClaimContent(
        contract_ids=tuple(said["contracts"]),
        first=date.fromisoformat(said["first"]),
        last=date.fromisoformat(said["last"]),
        statements=tuple(
            StatementRevision(one["number"], one["revision"]) for one in said["statements"]
        ),
        invoices=tuple(InvoicePart(**one) for one in said["invoices"]),
        payments=tuple(said["payments"]),
        other_money=None
        if said["other_money"] is None
        else tuple(other_money_of(one) for one in said["other_money"]),
        declared=Declared(**said["declared"]),
    )


def other_money_of(said: Mapping[str, Any]) -> OtherMoney:
    """Other public money of plain data."""
    return OtherMoney(
        programme_id=said["programme_id"],
        amount_fen=said["amount_fen"],
        level=said.get("level", UNSTATED),
    )
