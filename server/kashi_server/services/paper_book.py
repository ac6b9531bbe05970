"""Papers in the book of agreements: amendments, parts, declarations, projects, provider lists.

A paper never changes once it stands, but for the end of a listing. An amendment that states an end
moves the end of its contract with it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, replace

from kashi_server.domain.contract import Contract
from kashi_server.domain.contract_terms import ORIGINAL, Amendment, ContractPart
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.interval import Interval
from kashi_server.domain.listing import ProviderListing, check_listing
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.errors import KashiError
from kashi_server.services.papers_port import ContractPapersPort

Paper = Amendment | ContractPart | RelatedDeclaration | ProjectDescription | ProviderListing
PAPERS = (Amendment, ContractPart, RelatedDeclaration, ProjectDescription, ProviderListing)

Trouble = tuple[str, str]
"""A field and what is wrong with it."""

_NAMES: Mapping[str, str] = {
    "contract_id": "contract",
    "provider_id": "provider",
    "effective": "from",
    "end": "until",
    "changes_end": "until",
    "ex_tax_fen": "ex_tax_yuan",
    "tax_fen": "tax_yuan",
}
"""How fields of papers are called in files, where that differs."""

_FREE: Mapping[type[Paper], frozenset[str]] = {
    ProviderListing: frozenset({"listed_until"}),
}


def paper_key(paper: Paper) -> tuple[object, ...]:
    """What names a paper."""
    match paper:
        case Amendment():
            return Amendment, paper.contract_id, paper.number
        case ContractPart():
            return ContractPart, paper.contract_id, paper.amendment, paper.part
        case RelatedDeclaration():
            return RelatedDeclaration, paper.contract_id, paper.declared_on
        case ProjectDescription():
            return ProjectDescription, paper.contract_id, paper.stated_on
        case ProviderListing():
            return ProviderListing, paper.listing_id


class PaperBook:
    """Papers by their keys, while files are taken."""

    def __init__(self, papers: ContractPapersPort, broken: Collection[str]) -> None:
        """Read them; `broken` are keys of entries that cannot be read."""
        stored: list[Paper] = [
            *papers.amendments(),
            *papers.parts(),
            *papers.declarations(),
            *papers.projects(),
            *papers.listings(),
        ]
        self._papers = {paper_key(paper): paper for paper in stored}
        self._broken = broken

    def standing(self, paper: Paper) -> Paper | None:
        """What stands under the same key."""
        return self._papers.get(paper_key(paper))

    def add(self, paper: Paper) -> None:
        """Take a paper into the book."""
        self._papers[paper_key(paper)] = paper

    def merged(self, paper: Paper, contracts: Mapping[str, Contract]) -> Paper:
        """A paper with what files cannot say: which end an amendment changed."""
        old = self.standing(paper)
        if not isinstance(paper, Amendment) or not paper.changes_end:
            return paper
        if isinstance(old, Amendment):
            return replace(paper, end_before=old.end_before)
        contract = contracts.get(paper.contract_id)
        return paper if contract is None else replace(paper, end_before=contract.term.end)

    def held_contract(self, contract: Contract, standing: Contract | None) -> Contract:
        """A contract as a file states it, with the end and declaration that papers gave it since.

        So the file with the contract as it was first signed takes back no amendment.
        """
        moved = self._moved(contract.contract_id)
        if standing is not None and moved and contract.term.end == moved[0].end_before:
            contract = replace(contract, term=Interval(contract.term.start, standing.term.end))
        if standing is not None and self._declared(contract.contract_id):
            contract = replace(contract, unrelated_declared=standing.unrelated_declared)
        return contract

    def end_stated(
        self, contract: Contract, contracts: Mapping[str, Contract]
    ) -> Iterator[Trouble]:
        """Refuse another end than the one that an amendment states."""
        moved, standing = self._moved(contract.contract_id), contracts.get(contract.contract_id)
        if moved and standing is not None and contract.term.end != standing.term.end:
            yield (
                "until",
                (
                    f"结束时间由补充协议 {moved[-1].number} 确定，请以新的补充协议变更。"
                    f"amendment {moved[-1].number} states the end; move it by another one"
                ),
            )

    def amended_contract(self, paper: Paper, contract: Contract) -> Contract:
        """The contract after a paper: with the end or the declaration that it states."""
        match paper:
            case Amendment(changes_end=True):
                return replace(contract, term=Interval(contract.term.start, paper.end))
            case RelatedDeclaration():
                later = [
                    one.declared_on
                    for one in self._declared(contract.contract_id)
                    if one.declared_on > paper.declared_on
                ]
                if not later:
                    return replace(contract, unrelated_declared=paper.unrelated)
        return contract

    def troubles(
        self, paper: Paper, contracts: Mapping[str, Contract], parties: Mapping[str, Party]
    ) -> Iterator[Trouble]:
        """Everything that speaks against a paper but history and the rules of its contract."""
        if isinstance(paper, ProviderListing):
            yield from self._listing(paper, parties)
            return
        contract = contracts.get(paper.contract_id)
        if contract is None:
            if paper.contract_id not in self._broken:
                yield (
                    "contract",
                    (
                        f"没有合同 {paper.contract_id}，请核对编号。"
                        f"there is no contract {paper.contract_id}"
                    ),
                )
            return
        if isinstance(paper, Amendment):
            yield from self._amendment(paper, contract)
        if isinstance(paper, ContractPart) and paper.amendment != ORIGINAL:
            key = (Amendment, paper.contract_id, paper.amendment)
            if key not in self._papers and paper.amendment not in self._broken:
                yield (
                    "amendment",
                    (
                        f"合同 {paper.contract_id} 没有补充协议 {paper.amendment}。"
                        f"contract {paper.contract_id} has no amendment {paper.amendment}"
                    ),
                )

    def changed(self, paper: Paper) -> Iterator[Trouble]:
        """What of a paper that stands would change."""
        old = self.standing(paper)
        if old is None:
            return
        for field in fields(old):
            before, after = getattr(old, field.name), getattr(paper, field.name)
            if before != after and field.name not in _FREE.get(type(old), ()):
                name = _NAMES.get(field.name, field.name)
                yield (
                    name,
                    (
                        f"与现有内容（{before}）不同，已登记的文件不得更改。"
                        f"differs from what stands ({before}); a paper never changes"
                    ),
                )

    def _moved(self, contract_id: str) -> list[Amendment]:
        found = [
            one
            for one in self._papers.values()
            if isinstance(one, Amendment) and one.contract_id == contract_id and one.changes_end
        ]
        return sorted(found, key=lambda one: one.order)

    def _declared(self, contract_id: str) -> list[RelatedDeclaration]:
        return [
            one
            for one in self._papers.values()
            if isinstance(one, RelatedDeclaration) and one.contract_id == contract_id
        ]

    def _amendment(self, paper: Amendment, contract: Contract) -> Iterator[Trouble]:
        if self.standing(paper) is not None or not paper.changes_end:
            return
        for earlier in self._moved(paper.contract_id):
            if earlier.order > paper.order:
                yield (
                    "from",
                    (
                        f"补充协议 {earlier.number} 已变更过之后的结束时间。"
                        f"amendment {earlier.number} moved the end later already"
                    ),
                )
        if paper.end is not None and paper.end <= contract.term.start:
            yield (
                "until",
                (
                    f"合同 {paper.contract_id} 的开始时间更晚。"
                    f"contract {paper.contract_id} begins later"
                ),
            )

    def _listing(self, paper: ProviderListing, parties: Mapping[str, Party]) -> Iterator[Trouble]:
        party = parties.get(paper.provider_id)
        if party is None:
            if paper.provider_id not in self._broken:
                yield (
                    "provider",
                    (
                        f"没有主体 {paper.provider_id}，请补充 [[party]]。"
                        f"there is no party {paper.provider_id}; add a [[party]]"
                    ),
                )
        elif party.kind is not PartyKind.PROVIDER:
            yield (
                "provider",
                (
                    f"{paper.provider_id} 的类别为 {party.kind}，不是供给方。"
                    f"{paper.provider_id} is a {party.kind}, not a provider"
                ),
            )
        others = [one for one in self._papers.values() if isinstance(one, ProviderListing)]
        yield from _trouble("listed_from", check_listing, paper, others)


def _trouble(name: str, check: Callable[..., None], *values: object) -> Iterator[Trouble]:
    try:
        check(*values)
    except KashiError as error:
        yield name, str(error)
