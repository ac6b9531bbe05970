"""A contract as its two sides and the office read it: what it is worth, and at what prices."""

from collections.abc import Sequence
from dataclasses import dataclass

from kashi_server.domain.contract import Contract
from kashi_server.domain.contract_terms import Amendment, ContractPart, ContractTerms, HeldParts
from kashi_server.domain.tariff import Price
from kashi_server.domain.taxed import Taxed
from kashi_server.services.expense_port import ExpenseUnit

ACCELERATOR = "accelerator"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSheet:
    """The terms of a contract and its prices, everything that was ever stated of it.

    Attributes:
        contract: the contract.
        terms: its parts and amendments.
        held: the parts that hold at the minute it is read.
        prices: prices and rents, by model, profile and start.
    """

    contract: Contract
    terms: ContractTerms
    held: HeldParts
    prices: tuple[Price, ...]

    @property
    def accelerator(self) -> Taxed:
        """What its compute comes to."""
        return self.held.of_item(ACCELERATOR)

    @property
    def rest(self) -> Taxed:
        """What everything else comes to, which rules may exclude."""
        return self.held.without(ACCELERATOR)

    def changed_by(self, amendment: Amendment) -> Sequence[ContractPart]:
        """The parts that an amendment states."""
        return [one for one in self.terms.parts if one.amendment == amendment.number]


def contract_sheet(unit: ExpenseUnit, contract: Contract, minute: int) -> ContractSheet:
    """Read a contract's sheet as it holds at a UTC minute; whether it may be read was asked."""
    terms = unit.papers.terms(contract.contract_id)
    prices = [one for one in unit.expense.prices() if one.contract_id == contract.contract_id]
    prices.sort(key=lambda one: (one.model, one.profile, one.interval.start))
    return ContractSheet(
        contract=contract, terms=terms, held=terms.held_at(minute), prices=tuple(prices)
    )
