"""What a claim names, looked up: contracts, parts of invoices, statements; each the claimant's own.

Each is refused where it does not hold good now: red-flushed, void, corrected, not certified.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kashi_server.domain.claim_content import InvoicePart, StatementRevision
from kashi_server.domain.claim_states import mode_of
from kashi_server.domain.contract import Contract
from kashi_server.domain.evaluation.case import (
    Metered,
)
from kashi_server.domain.evaluation.counted_gaps import counted_gaps
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import NotFound, Refused
from kashi_server.services.claims_port import (
    ClaimsUnit,
    HeldPart,
    InvoicePaper,
    StoredClaim,
)


def contracts_of(
    unit: ClaimsUnit, company_id: str, contract_ids: Iterable[str]
) -> tuple[Contract, ...]:
    """The contracts a claim names, which are the company's.

    Raises:
        NotFound: one is not there. Refused: it is another company's.
    """
    contract_ids = tuple(contract_ids)
    known = {one.contract_id: one for one in unit.expense.contracts(contract_ids)}
    found = []
    for contract_id in contract_ids:
        contract = known.get(contract_id)
        if contract is None:
            raise NotFound(
                f"没有合同“{contract_id}”，请核对合同编号。there is no contract '{contract_id}'"
            )
        if contract.user_id != company_id:
            raise Refused(
                f"合同 {contract_id} 的使用方不是 {company_id}，请核对合同编号。"
                f"contract {contract_id} is not one that {company_id} rents under"
            )
        found.append(contract)
    return tuple(found)


def check_together(rules: RulesVersion, contracts: Sequence[Contract], payee_id: str = "") -> None:
    """Refuse contracts in one claim that the rules would have to tell apart.

    Args:
        rules: of the batch.
        contracts: of the claim.
        payee_id: whom the claim pays since it was drafted.

    Raises:
        Refused: the provider is paid and there are two, or it is another than before; the rules
            count days of a term and the terms differ, or go by the day of signature or of service
            and the days differ.
    """
    if mode_of(rules).pays_provider:
        providers = {one.provider_id for one in contracts}
        if len(providers) > 1:
            raise Refused(
                "规则规定向供给方兑付，而所列合同分属两家供给方，请每家单独申报。"
                "the rules pay the provider, and these are two: file one claim for each"
            )
        if payee_id and providers != {payee_id}:
            raise Refused(
                f"本申报向 {payee_id} 兑付，其他供给方请另行起草。"
                f"this claim pays {payee_id}: draft another for another provider"
            )
    terms = {one.term for one in contracts}
    signed = {one.signed_on for one in contracts}
    if len(terms) > 1 and rules.parameter("prorate").value == "by_days":
        raise Refused(
            "规则按合同期限的天数计算，请每份合同单独申报。"
            "the rules count days of a contract's term: file one claim a contract"
        )
    bases = {rules.parameter(name).value for name in ("date_basis", "startup.age_basis")}
    if len(signed) > 1 and "contract_signed" in bases:
        raise Refused(
            "规则以合同签订日期为准，请每份合同单独申报。"
            "the rules go by the day of signature: file one claim a contract"
        )
    if len({one.start for one in terms}) > 1 and "service_date" in bases:
        raise Refused(
            "规则以服务开始日期为准，请每份合同单独申报。"
            "the rules go by the day service began: file one claim a contract"
        )


def paper_of(unit: ClaimsUnit, part: HeldPart | InvoicePart) -> InvoicePaper | None:
    """What an invoice is for a part, if any line of it is."""
    found = unit.claim_papers.invoice_parts(part.contract_id, part.number)
    return next((one for one in found if one.part == part.part), None)


def invoice_paper(unit: ClaimsUnit, claimed: InvoicePart, stored: StoredClaim) -> InvoicePaper:
    """The paper of what is claimed of an invoice.

    Raises:
        NotFound: no line of it is for that part.
        Refused: it is red-flushed or void, another's, or for less.
    """
    paper = paper_of(unit, claimed)
    if paper is None:
        raise NotFound(
            f"发票 {claimed.number} 没有对应合同 {claimed.contract_id} 的 "
            f"{claimed.part} 部分的明细行，请先注明对应关系，或不列入该发票。"
            f"no line of invoice {claimed.number} is for part {claimed.part} of contract"
            f" {claimed.contract_id}; say which is, or leave it out"
        )
    if paper.buyer_id != stored.claim.company_id:
        raise Refused(
            f"发票 {claimed.number} 的购买方是 {paper.buyer_id}，不是申报企业。"
            f"invoice {claimed.number} was issued to {paper.buyer_id}"
        )
    if not paper.claimable:
        raise Refused(
            f"发票 {claimed.number} 已失效：已红冲、已作废，或被未导入的红字发票部分"
            "红冲。"
            f"invoice {claimed.number} does not hold good: it is red-flushed or void, or"
            " partly red-flushed by an invoice that is not here"
        )
    if claimed.amount_fen > min(paper.amount.incl_fen, paper.total_fen):
        raise Refused(
            f"发票 {claimed.number} 的 {claimed.part} 部分为 {paper.amount.incl_fen}"
            f" 分，申报了 {claimed.amount_fen} 分。"
            f"invoice {claimed.number} is for {paper.amount.incl_fen} fen of part {claimed.part};"
            f" {claimed.amount_fen} fen are claimed"
        )
    return paper


def metered_lines(
    unit: ClaimsUnit, stored: StoredClaim, statement: StatementRevision
) -> tuple[str, list[Metered]]:
    """The contract and the eligible lines of a certified statement of the claimant.

    Raises:
        NotFound: it is not there.
        Refused: it is another's, of another contract, corrected since, or not certified.
    """
    found = unit.expense.statement(statement.number)
    if found is None:
        raise NotFound(
            f"没有结算单“{statement.number}”，请核对编号。"
            f"there is no statement '{statement.number}'"
        )
    if found.user_id != stored.claim.company_id:
        raise Refused(
            f"结算单 {statement.number} 的使用方是 {found.user_id}，不是申报企业。"
            f"statement {statement.number} is of {found.user_id}"
        )
    if found.contract_id not in stored.content.contract_ids:
        raise Refused(
            f"结算单 {statement.number} 不属于本申报的任何合同。"
            f"statement {statement.number} is of no contract of this claim"
        )
    if found.revision != statement.revision:
        raise Refused(
            f"结算单 {statement.number} 已更正：现行为第 {found.revision} 版，申报所"
            f"列为第 {statement.revision} 版，请改列现行版本。"
            f"statement {statement.number} was corrected: revision {found.revision} holds, the"
            f" claim names {statement.revision}"
        )
    if unit.claims.certified(statement) is None:
        raise Refused(
            f"结算单 {statement.number} 第 {statement.revision} 版没有有效的使用证"
            "明，请用 certify 出具。"
            f"statement {statement.number} revision {statement.revision} has no usage certificate"
            " in force; issue it with: certify"
        )
    said: Mapping[str, Any] = json.loads(found.content)
    domestic = {one["hardware_id"]: one.get("domestic") for one in said["devices"]}
    eligible = [line for line in said["lines"] if line["eligible"]]
    measured = [
        Metered(
            evidence_level=line["evidence_level"],
            domestic=domestic[line["hardware_id"]],
            amount_fen=line["amount_fen"],
        )
        for line in eligible
    ]
    gaps = (counted_gaps(line, domestic[line["hardware_id"]]) for line in eligible)
    return found.contract_id, [*measured, *(one for group in gaps for one in group)]
