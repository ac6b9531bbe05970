"""Claims as rows of an exported table."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from kashi_server.domain.claim import Claim
from kashi_server.domain.interval import Month
from kashi_server.domain.money import yuan_text
from kashi_server.services.claims_port import StoredClaim
from kashi_server.services.export_rows import COLUMNS, Cell, Export, Row


def claims_export(found: Iterable[StoredClaim], names_zh: Mapping[str, str]) -> Export:
    """One row a claim as it stands.

    Args:
        found: the claims.
        names_zh: names of parties by id.
    """
    rows = (_row(stored, names_zh) for stored in found)
    return Export("claims", COLUMNS["claims"], rows)


def claims_of(found: Iterable[StoredClaim], month: Month | None) -> Iterator[StoredClaim]:
    """Those whose period touches a month; None: all of them."""
    for stored in found:
        if month is None:
            yield stored
            continue
        after = month.next()
        begins, ends = date(month.year, month.month, 1), date(after.year, after.month, 1)
        if stored.content.first < ends and begins <= stored.content.last:
            yield stored


def _row(stored: StoredClaim, names_zh: Mapping[str, str]) -> Row:
    claim, batch, content = stored.claim, stored.batch, stored.content
    return (
        claim.claim_id,
        batch.batch_id,
        batch.programme_id,
        batch.year,
        batch.version,
        batch.rules_sha256,
        claim.company_id,
        names_zh.get(claim.company_id),
        claim.payee_id,
        str(claim.mode),
        str(claim.state),
        _day(claim.applied_on),
        content.first.isoformat(),
        content.last.isoformat(),
        "; ".join(content.contract_ids),
        "; ".join(f"{one.number}/{one.revision}" for one in content.statements),
        "; ".join(dict.fromkeys(one.number for one in content.invoices)),
        "; ".join(content.payments),
        None
        if content.other_money is None
        else yuan_text(sum(one.amount_fen for one in content.other_money)),
        claim.corrections,
        _day(claim.publicised_on),
        stored.officially.rank,
        None if claim.computed_fen is None else yuan_text(claim.computed_fen),
        *_amounts(claim),
        *_voucher(claim),
    )


def _amounts(claim: Claim) -> Iterable[Cell]:
    amounts = claim.amounts
    for fen in (
        amounts.approved_fen,
        amounts.reserved_fen,
        amounts.accrued_fen,
        amounts.certified_fen,
        amounts.disbursed_fen,
        amounts.released_fen,
        amounts.recovered_fen,
    ):
        yield yuan_text(fen)


def _voucher(claim: Claim) -> Row:
    voucher = claim.voucher
    if voucher is None:
        return (None,) * 5
    return (
        voucher.number,
        yuan_text(voucher.face_fen),
        yuan_text(voucher.used_fen),
        _day(voucher.valid_from),
        _day(voucher.valid_until),
    )


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
