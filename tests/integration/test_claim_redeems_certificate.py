"""A payment redeems the month's own certificate, whatever was issued of the month later."""

from functools import partial

from claim_cases import BOTH, CLERK, OFFICER, WHY, add_accounts, add_papers, filed
from fixtures_certificates import CLOSE_UTC_MS, COMPANY_A, MONTH, make_month
from kashi_server.domain.interval import Month
from kashi_server.log.sequencer import sequence
from kashi_server.services.closing import MonthClosing
from kashi_server.storage.unit_of_work import Work


def test_a_payment_redeems_the_months_own_certificate(work: Work) -> None:
    """A certificate of several months, issued later, covers the month as well and stays issued."""
    month = make_month(work)
    own = month.issue()[COMPANY_A]
    month.clock.now_ms = CLOSE_UTC_MS + 30 * 86_400_000
    head = partial(sequence, work, month.keyring, month.clock)
    MonthClosing(work, head, month.clock, demo=False).close(Month(2026, 10))
    several = month.keeping.issue_period("HT-A", MONTH, Month(2026, 10), "officer")
    add_accounts(work)
    add_papers(work)
    ready = filed(work)
    claim_id = ready.issued(100_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)

    with work.begin(writes=False) as unit:
        stands = {one.number: one.status.value for one in unit.certificates.certificates()}
        paid = unit.claims.events(claim_id)[-1]
    assert own.number in paid.terms["certificates"]
    assert (stands[own.number], stands[several.number]) == ("redeemed", "issued")
