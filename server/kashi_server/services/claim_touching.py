"""Which claims a changed agreement touches, and in what words they are told.

Amendments, parts and declarations touch claims on their contract; the end of a listing those on the
provider's contracts for its service item, a new listing those whose day of signature it covers. A
company's day of founding or kind touches every claim it makes: start-ups get another ratio. A price
touches none: it is of months, whose statements corrections tell of.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from kashi_server.domain.contract import Contract
from kashi_server.domain.contract_terms import Amendment, ContractPart
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.party import Party
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.agreement_watch import AgreementChange
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim


class Ground(StrEnum):
    """What a claim loses by a change where its rules ask for it: their parameter's name."""

    NONE = ""
    UNRELATED = "related_party_forbidden"
    LISTED = "provider_list_required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A change of one contract, or of a company, as claims are told of it.

    Attributes:
        zh, en: what changed.
        ground: what is lost by it.
        service_item: only claims for this item, or for none that they name; "": all.
    """

    zh: str
    en: str
    ground: Ground = Ground.NONE
    service_item: str = ""

    def touches(self, stored: StoredClaim) -> bool:
        """Whether a claim on the contract, or of the company, rests on it."""
        named = stored.content.declared.service_item
        return not self.service_item or named in (None, self.service_item)

    def forbidden_by(self, rules: RulesVersion) -> bool:
        """Whether the rules pay nothing any more: what fell away is what they ask for."""
        return bool(self.ground) and rules.parameter(self.ground).value is True


def touched(
    unit: ClaimsUnit, changes: Sequence[AgreementChange]
) -> Mapping[str, tuple[Touch, ...]]:
    """Claims that changes touch, by id, each with what touches it."""
    by_contract = _by_key(_touches(unit.expense.contracts(), changes))
    by_company = _by_key(_party(changes))
    found = {}
    for stored in _resting(unit, by_contract, by_company):
        told = [*by_company.get(stored.claim.company_id, ())]
        for contract_id in stored.content.contract_ids:
            told += by_contract.get(contract_id, ())
        own = [touch for touch in told if touch.touches(stored)]
        if own:
            found[stored.claim.claim_id] = tuple(dict.fromkeys(own))
    return found


def _by_key(touches: Iterable[tuple[str, Touch]]) -> Mapping[str, list[Touch]]:
    found: dict[str, list[Touch]] = {}
    for key, touch in touches:
        found.setdefault(key, []).append(touch)
    return found


def _resting(
    unit: ClaimsUnit, contract_ids: Iterable[str], company_ids: Iterable[str]
) -> Iterator[StoredClaim]:
    """Claims on contracts, and claims of companies; who is both comes twice."""
    wanted = sorted(contract_ids)
    if wanted:
        yield from unit.claims.claims(contract_ids=wanted)
    for company_id in sorted(company_ids):
        yield from unit.claims.claims(company_id=company_id)


def _touches(
    contracts: Iterable[Contract], changes: Sequence[AgreementChange]
) -> Iterator[tuple[str, Touch]]:
    every = list(contracts)
    for change in changes:
        match change.after:
            case Amendment() as paper:
                yield paper.contract_id, _amended(paper)
            case ContractPart() as paper:
                yield paper.contract_id, _part(paper)
            case RelatedDeclaration() as paper:
                yield paper.contract_id, _declared(paper)
            case Contract() as contract if isinstance(change.before, Contract):
                yield from _contract(change.before, contract)
            case ProviderListing() as listing:
                before = change.before if isinstance(change.before, ProviderListing) else None
                yield from _listed(every, before, listing)


def _party(changes: Sequence[AgreementChange]) -> Iterator[tuple[str, Touch]]:
    """What a company is itself; its names and district no claim rests on."""
    for change in changes:
        before, after = change.before, change.after
        if not isinstance(before, Party) or not isinstance(after, Party):
            continue
        if before.established_on != after.established_on:
            old, new = before.established_on or "—", after.established_on or "—"
            yield (
                after.party_id,
                Touch(
                    zh=f"单位 {after.party_id} 的成立日期由 {old} 改为 {new}",
                    en=f"{after.party_id} was founded on {new}, not {old}",
                ),
            )
        if before.kind is not after.kind:
            yield (
                after.party_id,
                Touch(
                    zh=f"单位 {after.party_id} 的类别有变",
                    en=f"{after.party_id} is a {after.kind} now, no {before.kind}",
                ),
            )


def _amended(paper: Amendment) -> Touch:
    return Touch(
        zh=f"合同 {paper.contract_id} 有补充协议 {paper.number}",
        en=f"contract {paper.contract_id} has amendment {paper.number}",
    )


def _part(paper: ContractPart) -> Touch:
    return Touch(
        zh=f"合同 {paper.contract_id} 的明细 {paper.part} 有变",
        en=f"part {paper.part} of contract {paper.contract_id} changed",
    )


def _declared(paper: RelatedDeclaration) -> Touch:
    zh, en = ("非关联", "unrelated") if paper.unrelated else ("关联", "related")
    return Touch(
        zh=f"合同 {paper.contract_id} 双方声明为{zh}方（{paper.document}）",
        en=f"the sides of contract {paper.contract_id} declared to be {en}",
        ground=Ground.NONE if paper.unrelated else Ground.UNRELATED,
    )


def _contract(before: Contract, after: Contract) -> Iterator[tuple[str, Touch]]:
    """A contract's own end and declaration, where a file states them without a paper."""
    if before.term != after.term:
        yield (
            after.contract_id,
            Touch(
                zh=f"合同 {after.contract_id} 的止期有变",
                en=f"the end of contract {after.contract_id} changed",
            ),
        )
    if before.unrelated_declared != after.unrelated_declared:
        lost = after.unrelated_declared is False
        yield (
            after.contract_id,
            Touch(
                zh=f"合同 {after.contract_id} 的关联关系声明有变",
                en=f"what contract {after.contract_id} declares of related sides changed",
                ground=Ground.UNRELATED if lost else Ground.NONE,
            ),
        )


def _listed(
    contracts: Iterable[Contract], before: ProviderListing | None, after: ProviderListing
) -> Iterator[tuple[str, Touch]]:
    for one in contracts:
        if one.provider_id != after.provider_id:
            continue
        held = before is not None and before.holds(one.signed_on)
        holds = after.holds(one.signed_on)
        if before is None and not holds:
            continue
        until = after.listed_until or "—"
        yield (
            one.contract_id,
            Touch(
                zh=f"服务机构 {after.provider_id} 的「{after.service_item}」入库止于 {until}",
                en=f"{after.service_item} of {after.provider_id} is listed until {until}",
                ground=Ground.LISTED if held and not holds else Ground.NONE,
                service_item=after.service_item,
            ),
        )
