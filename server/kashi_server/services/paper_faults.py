"""Bounds of papers, proven from the rows again: what the database's guards keep, fsck looks at."""

from collections.abc import Iterator
from dataclasses import replace

from kashi_server.domain.invoice import amounts_by_part
from kashi_server.domain.money import yuan_text
from kashi_server.services.paper_entries import PapersRows


def paper_faults(unit: PapersRows) -> Iterator[str]:
    """Every invoice or payment of which more is taken or covered than it is for, in words.

    And every invoice that stands with another content than two officers let stand, and every
    content that stood and whose lines are not what was told of it.
    """
    yield from _allocations(unit)
    yield from _covers(unit)
    yield from _standing(unit)
    yield from _beside(unit)


def _allocations(unit: PapersRows) -> Iterator[str]:
    taken: dict[str, dict[tuple[str, str, str], int]] = {}
    for one in unit.invoices.allocations():
        of_invoice = taken.setdefault(one.number, {})
        key = (one.contract_id, one.part, one.claim_id)
        of_invoice[key] = of_invoice.get(key, 0) + one.amount_fen
    for stored in unit.invoices.invoices(numbers=sorted(taken)):
        number = stored.invoice.number
        amounts = amounts_by_part(stored.invoice.lines, stored.parts)
        by_part: dict[tuple[str, str], int] = {}
        for (contract_id, part, claim_id), fen in taken[number].items():
            by_part[contract_id, part] = by_part.get((contract_id, part), 0) + fen
            if fen < 0:
                yield (
                    f"发票 {number}：申报 {claim_id} 退回的多于其占用的。"
                    f"invoice {number}: claim {claim_id} gave back more than it took"
                )
        for of_part, fen in by_part.items():
            whole = amounts[of_part].incl_fen if of_part in amounts else 0
            if fen > whole:
                yield (
                    f"发票 {number}：各申报占用合同部分 {of_part[1]} {yuan_text(fen)} 元，"
                    f"而该部分为 {yuan_text(whole)} 元。"
                    f"invoice {number}: claims hold {yuan_text(fen)} of part {of_part[1]}, which is"
                    f" for {yuan_text(whole)}"
                )
        if sum(by_part.values()) > stored.invoice.amount.incl_fen:
            yield (
                f"发票 {number}：各申报占用的多于其票面金额。"
                f"invoice {number}: claims hold more than it is for"
            )


def _covers(unit: PapersRows) -> Iterator[str]:
    paid: dict[str, int] = {}
    for stored in unit.payments.payments():
        total = sum(one.amount_fen for one in stored.covers)
        if total > stored.payment.amount_fen:
            yield (
                f"付款 {stored.payment.reference} 所付发票的金额多于实付金额。"
                f"payment {stored.payment.reference} covers more than was paid"
            )
        for number, counted_fen in stored.counted.items():
            paid[number] = paid.get(number, 0) + counted_fen
            if counted_fen < 0:
                yield (
                    f"付款 {stored.payment.reference}：退回的发票 {number} 金额多于其所付。"
                    f"payment {stored.payment.reference}: more went back of invoice {number} than"
                    " it covers"
                )
    for invoice in unit.invoices.invoices(numbers=sorted(paid)):
        number = invoice.invoice.number
        if paid[number] > invoice.invoice.amount.incl_fen:
            yield (
                f"发票 {number}：各付款所付的多于其票面金额。"
                f"invoice {number}: payments cover more than it is for"
            )


def _standing(unit: PapersRows) -> Iterator[str]:
    decided = {one.number: one.version for one in unit.invoices.decisions()}
    contents = {(one.invoice.number, one.version): one.invoice for one in unit.invoices.versions()}
    for stored in unit.invoices.invoices():
        number, last = stored.invoice.number, decided.get(stored.invoice.number, 1)
        if stored.version != last:
            now = stored.version
            yield (
                f"发票 {number}：现为第 {now} 版，而决定的是第 {last} 版。"
                f"invoice {number}: version {now} stands, not version {last} as decided"
            )
        said = contents.get((number, stored.version))
        if said is not None and not said.blue_number:
            # Which invoice it takes back may be told later, once.
            said = replace(said, blue_number=stored.invoice.blue_number)
        if said not in (None, stored.invoice):
            yield (
                f"发票 {number} 与其第 {stored.version} 版所述不符。"
                f"invoice {number} is not what version {stored.version} of it says"
            )


def _beside(unit: PapersRows) -> Iterator[str]:
    """Lines of contents that stand no more: a decision may let each stand again as it is kept."""
    contents = {(one.invoice.number, one.version): one.invoice for one in unit.invoices.versions()}
    stood = {(number, 1) for number, _version in contents}
    stood |= {(one.number, one.version) for one in unit.invoices.decisions()}
    standing = {(one.invoice.number, one.version) for one in unit.invoices.invoices()}
    lines = unit.invoices.lines_beside()
    for number, version in sorted((stood | lines.keys()) - standing):
        said = contents.get((number, version))
        if (number, version) not in stood or said is None:
            yield (
                f"发票 {number}：第 {version} 版存有行，却从未采用。"
                f"invoice {number}: version {version} has lines and never stood"
            )
        elif tuple(lines.get((number, version), ())) != said.lines:
            yield (
                f"发票 {number}：第 {version} 版的行与其所述不符。"
                f"invoice {number}: lines of version {version} are not what was told of it"
            )
