"""The contracts of a claim as its pack tells them: what each is worth, and the papers on it.

A form check asks for the contract's dates and parts, its amendments, the declaration, the
provider's listing and what the compute is for; a claim that is handed in before any month is
certified has no certificate that would say so.
"""

from collections.abc import Iterator
from typing import Final, Protocol

from kashi_server.domain.contract import Contract
from kashi_server.domain.money import yuan_text
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim
from kashi_server.services.export_rows import Export, Row
from kashi_server.services.papers_port import ContractPapersPort

_CONTRACTS: Final = (
    "contract_id", "provider_id", "provider", "user_id", "user", "signed_on", "from", "until",
    "unrelated_declared", "part", "item", "ex_tax_yuan", "tax_yuan", "incl_yuan",
)  # fmt: skip
_PAPERS: Final = ("contract_id", "kind", "day", "name", "says", "document")


class ContractsUnit(ClaimsUnit, Protocol):
    """A unit of work as the tables of contracts need it."""

    @property
    def papers(self) -> ContractPapersPort:
        """Parts and amendments of contracts, declarations, projects, provider lists."""


def contract_tables(unit: ContractsUnit, stored: StoredClaim) -> tuple[Export, Export]:
    """The claim's contracts part by part as they stand, and the papers on them."""
    contracts = unit.expense.contracts(stored.content.contract_ids)
    return (
        Export("contracts", _CONTRACTS, [row for one in contracts for row in _parts(unit, one)]),
        Export("papers", _PAPERS, [row for one in contracts for row in _papers(unit, one)]),
    )


def _parts(unit: ContractsUnit, contract: Contract) -> Iterator[Row]:
    sides = unit.expense.parties(contract.sides)
    names = {one.party_id: one.name_zh for one in sides}
    end = contract.term.end
    head: Row = (
        contract.contract_id,
        contract.provider_id,
        names.get(contract.provider_id),
        contract.user_id,
        names.get(contract.user_id),
        contract.signed_on.isoformat(),
        shanghai_text(contract.term.start),
        None if end is None else shanghai_text(end),
        contract.unrelated_declared,
    )
    held = unit.papers.terms(contract.contract_id).held_at()
    for part in held.parts:
        amounts = (part.ex_tax_fen, part.tax_fen, part.amount.incl_fen)
        yield (*head, part.part, part.item, *map(yuan_text, amounts))
    if not held.parts:
        yield (*head, *[None] * 5)


def _papers(unit: ContractsUnit, contract: Contract) -> Iterator[Row]:
    number, papers = contract.contract_id, unit.papers
    for change in papers.terms(number).amendments:
        since = f"{shanghai_text(change.effective)} 起 from then on"
        yield (
            number,
            "amendment",
            change.signed_on.isoformat(),
            change.number,
            since,
            change.document,
        )
    for said in papers.declarations(number):
        stands = "非关联 unrelated" if said.unrelated else "关联 related"
        yield number, "declaration", said.declared_on.isoformat(), None, stands, said.document
    for listed in papers.listings(contract.provider_id):
        day = listed.listed_from.isoformat()
        yield number, "listing", day, listed.batch, listed.service_item, listed.document
    for project in papers.projects(number):
        says = "; ".join(one for one in (project.purpose, project.site, project.contact) if one)
        yield (
            number,
            "project",
            project.stated_on.isoformat(),
            project.project,
            says,
            project.document,
        )
