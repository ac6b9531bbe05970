"""Taking parts of invoices for claims, and giving them back, in the unit of work of whoever claims.

One invoice may serve several claims; together they never take more than it is for, part by part and
in all. The unit locks the invoice first, so what is said to be left is left; the database refuses
what this code would let pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kashi_server.domain.invoice import InvoiceStatus, amounts_by_part
from kashi_server.domain.money import yuan_text
from kashi_server.domain.taxed import Taxed
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.invoice_words import STATUS_ZH
from kashi_server.services.paper_entries import allocation_entry
from kashi_server.services.papers_port import Allocation, PapersUnit, StoredInvoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a claim wants of a part of an invoice, including tax."""

    number: str
    contract_id: str
    part: str
    claim_id: str
    amount_fen: int

    def __post_init__(self) -> None:
        """Refuse nothing and less."""
        if self.amount_fen <= 0:
            raise InvalidValue(
                f"发票 {self.number} 的申报金额不能为 {self.amount_fen} 分。"
                f"a claim of {self.amount_fen} fen of invoice {self.number}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartLeft:
    """How a part of an invoice stands.

    Attributes:
        amount: what its lines come to.
        held: the claims that hold some of it, each with how much including tax, by id.
        left_fen: what another claim can still take, including tax; never more than is left of the
            whole invoice after red invoices, and 0 of one that is red-flushed or void.
    """

    number: str
    contract_id: str
    part: str
    amount: Taxed
    held: tuple[tuple[str, int], ...]
    left_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What a claim holds of a part of an invoice.

    `amount.ex_tax_fen` is cut to a fen for each claim by itself, so claims together never have more
    without tax than the invoice.
    """

    number: str
    contract_id: str
    part: str
    amount: Taxed


def allocate(
    unit: PapersUnit, wanted: Sequence[Wanted], acting: Acting, reason: str, utc_ms: int
) -> None:
    """Take parts of invoices for claims; all of them, or the unit must not be committed.

    Raises:
        NotFound: there is no such invoice for this party.
        Refused: less is left; the claims that hold the rest are named.
    """
    for one in sorted(wanted, key=lambda one: (one.number, one.contract_id, one.part)):
        unit.invoices.lock(one.number)
        stored = _claimable(unit, one.number, acting)
        left = _left(unit, stored).get((one.contract_id, one.part))
        if left is None:
            raise Refused(
                f"发票 {one.number} 没有对应合同 {one.contract_id} 的 {one.part} 部分的"
                "明细行，请先注明对应关系。"
                f"invoice {one.number} has no line for part {one.part} of contract"
                f" {one.contract_id}; say what its lines are for first"
            )
        if one.amount_fen > left.left_fen:
            raise Refused(_too_much(one, left))
        _store(unit, one, one.amount_fen, acting, reason, utc_ms)


def free(
    unit: PapersUnit,
    claim_id: str,
    acting: Acting,
    reason: str,
    utc_ms: int,
    *,
    number: str | None = None,
) -> tuple[Held, ...]:
    """Give back everything a claim holds, or what it holds of one invoice; what that was."""
    given = [one for one in held_by(unit, claim_id) if number in (None, one.number)]
    for one in given:
        unit.invoices.lock(one.number)
    # Read again under the locks: another unit may have given some of it back meanwhile.
    given = [one for one in held_by(unit, claim_id) if number in (None, one.number)]
    for one in given:
        wanted = Wanted(
            number=one.number,
            contract_id=one.contract_id,
            part=one.part,
            claim_id=claim_id,
            amount_fen=one.amount.incl_fen,
        )
        _store(unit, wanted, -wanted.amount_fen, acting, reason, utc_ms)
    return tuple(given)


def release(unit: PapersUnit, number: str, acting: Acting, reason: str, utc_ms: int) -> None:
    """Give back what every claim holds of an invoice, whatever its lines are for now."""
    for key, incl_fen in sorted(_sums(unit.invoices.allocations(number=number)).items()):
        if incl_fen > 0:
            _number, contract_id, part, claim_id = key
            wanted = Wanted(
                number=number,
                contract_id=contract_id,
                part=part,
                claim_id=claim_id,
                amount_fen=incl_fen,
            )
            _store(unit, wanted, -incl_fen, acting, reason, utc_ms)


def held_by(unit: PapersUnit, claim_id: str) -> tuple[Held, ...]:
    """What a claim holds, by invoice, contract and part."""
    taken = _sums(unit.invoices.allocations(claim_id=claim_id))
    held = []
    for (number, contract_id, part, _claim), incl_fen in sorted(taken.items()):
        stored = unit.invoices.invoice(number)
        if stored is None or not incl_fen:
            continue
        whole = amounts_by_part(stored.invoice.lines, stored.parts)[contract_id, part]
        ex_tax_fen = whole.ex_tax_of(incl_fen)
        amount = Taxed(ex_tax_fen=ex_tax_fen, tax_fen=incl_fen - ex_tax_fen)
        held.append(Held(number=number, contract_id=contract_id, part=part, amount=amount))
    return tuple(held)


def left_of(unit: PapersUnit, number: str, acting: Acting) -> tuple[PartLeft, ...]:
    """How the parts of an invoice stand, by contract and part.

    Raises:
        NotFound: there is no such invoice for this party.
    """
    stored = unit.invoices.invoice(number)
    if stored is None or not acting.may_see(stored.invoice.buyer_id):
        raise NotFound(f"没有发票 {number}，请先导入。there is no invoice {number}")
    return tuple(_left(unit, stored).values())


def claims_on(unit: PapersUnit, number: str) -> tuple[tuple[str, int], ...]:
    """The claims that hold a part of an invoice, each with how much including tax, by id."""
    claims: dict[str, int] = {}
    for one in unit.invoices.allocations(number=number):
        claims[one.claim_id] = claims.get(one.claim_id, 0) + one.amount_fen
    return tuple((claim, fen) for claim, fen in sorted(claims.items()) if fen)


def whole_left_fen(unit: PapersUnit, stored: StoredInvoice) -> int:
    """What red invoices leave of an invoice, including tax; 0 of one that cannot be claimed.

    Of one that is partly red-flushed by an invoice that is not here nobody knows what is left:
    nothing can be claimed until that comes.
    """
    if not stored.status.claimable:
        return 0
    number = stored.invoice.number
    reds = unit.invoices.reds_of(number)
    if stored.status is InvoiceStatus.PARTLY_RED and not reds:
        return 0
    taken_back = sum(red.amount.incl_fen for red in reds)
    return max(0, stored.invoice.amount.incl_fen + taken_back)


def _left(unit: PapersUnit, stored: StoredInvoice) -> dict[tuple[str, str], PartLeft]:
    number = stored.invoice.number
    taken = _sums(unit.invoices.allocations(number=number))
    whole_fen = whole_left_fen(unit, stored) - sum(taken.values())
    found: dict[tuple[str, str], PartLeft] = {}
    for (contract_id, part), amount in amounts_by_part(stored.invoice.lines, stored.parts).items():
        held = {
            claim: fen
            for (_number, *of, claim), fen in taken.items()
            if (contract_id, part) == tuple(of) and fen
        }
        left_fen = min(amount.incl_fen - sum(held.values()), whole_fen)
        found[contract_id, part] = PartLeft(
            number=number,
            contract_id=contract_id,
            part=part,
            amount=amount,
            held=tuple(sorted(held.items())),
            left_fen=max(0, left_fen),
        )
    return found


def _sums(allocations: Sequence[Allocation]) -> dict[tuple[str, str, str, str], int]:
    sums: dict[tuple[str, str, str, str], int] = {}
    for one in allocations:
        key = (one.number, one.contract_id, one.part, one.claim_id)
        sums[key] = sums.get(key, 0) + one.amount_fen
    return sums


def _claimable(unit: PapersUnit, number: str, acting: Acting) -> StoredInvoice:
    stored = unit.invoices.invoice(number)
    if stored is None or not acting.may_see(stored.invoice.buyer_id):
        raise NotFound(f"没有发票 {number}，请先导入。there is no invoice {number}")
    if not stored.status.claimable or stored.invoice.red:
        said = "a red invoice" if stored.invoice.red else str(stored.status)
        zh = "红字发票" if stored.invoice.red else STATUS_ZH[stored.status]
        raise Refused(
            f"发票 {number} 状态为“{zh}”，不能申报。"
            f"invoice {number} is {said}; nothing can be claimed of it"
        )
    return stored


def _too_much(wanted: Wanted, left: PartLeft) -> str:
    held = "、".join(f"{claim} {yuan_text(fen)} 元" for claim, fen in left.held)
    others = ", ".join(f"{claim} holds {yuan_text(fen)}" for claim, fen in left.held)
    return (
        f"申报 {wanted.claim_id} 需用发票 {wanted.number} 的 {wanted.part} 部分 "
        f"{yuan_text(wanted.amount_fen)} 元，{yuan_text(left.amount.incl_fen)} "
        f"元中仅余 {yuan_text(left.left_fen)} 元"
        f"{f'（占用：{held}）' if held else ''}。"
        f"invoice {wanted.number}: {yuan_text(wanted.amount_fen)} yuan of part {wanted.part} are"
        f" wanted for claim {wanted.claim_id}, {yuan_text(left.left_fen)} are left of"
        f" {yuan_text(left.amount.incl_fen)}{f' ({others})' if others else ''}"
    )


def _store(
    unit: PapersUnit, wanted: Wanted, amount_fen: int, acting: Acting, reason: str, utc_ms: int
) -> None:
    allocation = Allocation(
        number=wanted.number,
        contract_id=wanted.contract_id,
        part=wanted.part,
        claim_id=wanted.claim_id,
        amount_fen=amount_fen,
        allocated_by=acting.actor,
        reason=reason,
        allocated_utc_ms=utc_ms,
    )
    allocation_id = unit.invoices.allocate(allocation)
    unit.log.append_pending(*allocation_entry(allocation, allocation_id))
