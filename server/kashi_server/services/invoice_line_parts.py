"""What a line of an invoice can be for: a part of a contract between the invoice's two sides."""

from collections.abc import Iterable, Mapping, Sequence

from kashi_server.domain.contract import Contract
from kashi_server.domain.invoice import Invoice, LinePart
from kashi_server.services.invoice_taking import Taking
from kashi_server.services.paper_entries import mapping_entry
from kashi_server.services.papers_port import LineMapping, PapersUnit
from kashi_server.services.told import Place


def map_lines(
    taking: Taking,
    invoice: Invoice,
    before: Iterable[LinePart],
    parts: Sequence[LinePart],
    place: Place,
    version: int = 1,
) -> bool:
    """Store what lines are for where that is news; whether anything was.

    Args:
        taking: the unit of work; a line that cannot be for its part is a mistake of it.
        invoice: whose lines.
        before: what they were for.
        parts: what they are for.
        place: where that is said.
        version: of which content of the number.
    """
    known = {part.line: part for part in before}
    news = [part for part in parts if known.get(part.line) != part]
    for part in news:
        trouble = misfit(taking.unit, taking.contracts, invoice, part)
        if trouble:
            taking.mistakes.append(place.mistake(f"line {part.line}", trouble))
    if taking.mistakes:
        return False
    for part in news:
        mapping = LineMapping(
            number=invoice.number,
            part=part,
            version=version,
            mapped_by=taking.acting.actor,
            mapped_utc_ms=taking.utc_ms,
        )
        taking.unit.invoices.map_line(mapping)
        taking.unit.log.append_pending(*mapping_entry(mapping))
    taking.done.mapped += len(news)
    return bool(news)


def misfit(
    unit: PapersUnit, contracts: Mapping[str, Contract], invoice: Invoice, part: LinePart
) -> str:
    """Why a line cannot be for a part of a contract, in both languages; "" where it can.

    Args:
        unit: where contracts' terms stand.
        contracts: those that are known, by number.
        invoice: whose line it is.
        part: which line, and what it is said to be for.
    """
    contract = contracts.get(part.contract_id)
    if not 1 <= part.line <= len(invoice.lines):
        return (
            f"发票 {invoice.number} 没有第 {part.line} 行。"
            f"invoice {invoice.number} has no line {part.line}"
        )
    if contract is None:
        return (
            f"没有合同 {part.contract_id}，请先导入或核对编号。"
            f"there is no contract {part.contract_id}"
        )
    if (contract.provider_id, contract.user_id) != (invoice.seller_id, invoice.buyer_id):
        return (
            f"发票 {invoice.number} 由 {invoice.seller_id} 开给 {invoice.buyer_id}，"
            f"合同 {part.contract_id} 不是这两方之间的合同。"
            f"invoice {invoice.number} is from {invoice.seller_id} to {invoice.buyer_id},"
            f" contract {part.contract_id} is not between them"
        )
    terms = unit.papers.terms(part.contract_id)
    if part.part not in {one.part for one in terms.parts}:
        known = ", ".join(sorted({one.part for one in terms.parts})) or "none"
        return (
            f"合同 {part.contract_id} 没有“{part.part}”部分，现有部分："
            f"{known}。"
            f"contract {part.contract_id} has no part '{part.part}'; it has {known}"
        )
    return ""
