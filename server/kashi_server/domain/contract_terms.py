"""What a contract is worth, part by part, and what amendments made of it.

A contract's total is the sum of its parts: the accelerator part and whatever else was bought with
it. Rules pay on some items and exclude others (Beijing and Nanning: storage, network, security), so
each part names its item in the words of the rules. An amendment (补充协议) states the parts it
changes and, where it does, the new end; what stood before stays, and what held at a minute can be
asked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

from kashi_server.domain.contract import check_token
from kashi_server.domain.parameters import ITEMS
from kashi_server.domain.taxed import Taxed, sum_taxed
from kashi_server.errors import InvalidValue

ORIGINAL: Final = ""
"""Stands where the number of an amendment would: the contract as it was first signed."""

TEXT_CHARACTERS_MAX: Final = 200


def check_text(text: str, what: str) -> str:
    """A short line that people wrote: a document's number, a batch's name.

    Raises:
        InvalidValue: it is empty, too long, or more than one line.
    """
    if not text.strip() or len(text) > TEXT_CHARACTERS_MAX or not text.isprintable():
        raise InvalidValue(
            f"{what} 须为一行文字，1 至 {TEXT_CHARACTERS_MAX} 个字符。"
            f"{what} must be one line of 1 to {TEXT_CHARACTERS_MAX} characters"
        )
    return text


def check_item(item: str) -> str:
    """What expense is for, in the words of the rules' `expense_scope`.

    Raises:
        InvalidValue: no rule knows such an item.
    """
    if item not in ITEMS:
        raise InvalidValue(
            f"“{item}”不是 {', '.join(ITEMS)} 之一。'{item}' is none of {', '.join(ITEMS)}"
        )
    return item


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractPart:
    """A part of a contract as it stands since an amendment (`ORIGINAL`: from the beginning).

    Attributes:
        part: its name within the contract; usually that of its item.
        item: what it is for, in the words of the rules' expense scope.
        ex_tax_fen, tax_fen: its amount over the contract's term; 0 since an amendment: it is gone.
        domestic: whether it buys domestic accelerators; None: not stated.
        owned: it buys use of what the claimant owns itself.
    """

    contract_id: str
    amendment: str
    part: str
    item: str
    ex_tax_fen: int
    tax_fen: int
    domestic: bool | None = None
    owned: bool = False

    def __post_init__(self) -> None:
        """Refuse an unknown item and a negative amount."""
        check_token(self.contract_id, "contract_id")
        check_token(self.part, "part")
        check_item(self.item)
        if self.amendment != ORIGINAL:
            check_text(self.amendment, "amendment")
        if self.ex_tax_fen < 0:
            raise InvalidValue(
                f"合同部分 {self.part} 的金额为负。part {self.part} has a negative amount"
            )
        # Refuses a tax of the other sign or on nothing.
        _ = self.amount

    @property
    def amount(self) -> Taxed:
        """The amount without tax, with its tax."""
        return Taxed(ex_tax_fen=self.ex_tax_fen, tax_fen=self.tax_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """An amendment of a contract.

    Attributes:
        number: the number both sides use.
        signed_on: date of signature.
        effective: the UTC minute from which it holds.
        document: number or name of the paper.
        changes_end: it changes the contract's end; then `end` is the new one (None: open) and
            `end_before` the one that held before.
    """

    contract_id: str
    number: str
    signed_on: date
    effective: int
    document: str
    changes_end: bool = False
    end: int | None = None
    end_before: int | None = None

    def __post_init__(self) -> None:
        """Refuse an amendment without number or paper, and an end of what it does not change."""
        check_token(self.contract_id, "contract_id")
        check_text(self.number, "number")
        check_text(self.document, "document")
        if not self.changes_end and (self.end is not None or self.end_before is not None):
            raise InvalidValue(
                f"补充协议 {self.number} 写了结束时间，却未说明变更结束时间。"
                f"amendment {self.number} states an end and changes none"
            )

    @property
    def order(self) -> tuple[int, date, str]:
        """Amendments hold in this order."""
        return self.effective, self.signed_on, self.number


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldParts:
    """The parts of a contract that held at a minute, by name."""

    contract_id: str
    parts: tuple[ContractPart, ...]

    @property
    def total(self) -> Taxed:
        """The contract's amount: the sum of its parts."""
        return sum_taxed(part.amount for part in self.parts)

    def of_item(self, item: str) -> Taxed:
        """The amount of one item, like `accelerator`."""
        return sum_taxed(part.amount for part in self.parts if part.item == item)

    def without(self, item: str) -> Taxed:
        """The amount of everything but one item."""
        return sum_taxed(part.amount for part in self.parts if part.item != item)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTerms:
    """The parts and amendments of one contract, all that were ever stated."""

    contract_id: str
    parts: tuple[ContractPart, ...] = ()
    amendments: tuple[Amendment, ...] = ()

    @property
    def stated(self) -> bool:
        """Whether anybody stated what the contract is worth."""
        return bool(self.parts)

    def held_at(self, minute: int | None = None) -> HeldParts:
        """What held at a UTC minute; without one, what holds after every amendment.

        An amendment replaces the parts it names and leaves the others.
        """
        held = {part.part: part for part in self._of(ORIGINAL)}
        for amendment in sorted(self.amendments, key=lambda one: one.order):
            if minute is None or amendment.effective <= minute:
                held |= {part.part: part for part in self._of(amendment.number)}
        present = (part for part in held.values() if part.ex_tax_fen)
        ordered = sorted(present, key=lambda part: (ITEMS.index(part.item), part.part))
        return HeldParts(contract_id=self.contract_id, parts=tuple(ordered))

    def _of(self, amendment: str) -> Iterable[ContractPart]:
        return (part for part in self.parts if part.amendment == amendment)
