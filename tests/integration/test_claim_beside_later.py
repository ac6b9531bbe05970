"""What a company is awarded later takes nothing back from a claim that was paid before it."""

from datetime import date

from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, rules_text
from claims_beside import OFFICE, approve, begun, content, due, invoiced, pay, submitted
from kashi_server.domain.budget import Act
from kashi_server.domain.claim_content import Officially
from kashi_server.domain.rules_data import load_rules
from kashi_server.services.batches import batch_under
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.ledger import Ledger
from kashi_server.services.rulebook import Rulebook
from kashi_server.storage.unit_of_work import Work

PRINCIPLE = {"threshold__year_yuan": '"100.00"', "cap__company_year_principle_yuan": '"200.00"'}
WINDOWS = {"application_windows": '["2026-11-01/2027-12-31"]'}
ONCE = {"threshold__year_yuan": '"200.00"', "years_max": "1", **WINDOWS}
THRICE = {**ONCE, "years_max": "3"}


def paid_of(ready: Filed) -> str:
    """A claim of 150 yuan that is paid; its id."""
    paid = submitted(ready, content(ready, 50, 300_00))
    approve(ready, paid, 150_00)
    ready.days_later(7)
    pay(ready, paid)
    return paid


def steps(ready: Filed, claim_id: str) -> list[str]:
    """Its steps."""
    return [str(one.step) for one in ready.claims.show(OFFICE, claim_id).events]


def test_an_exception_that_is_approved_later_is_taken_from_nobody(
    sqlite_claims_work: Work,
) -> None:
    """In principle a company gets 200 yuan a year: of these 150 are paid. Another claim is let have
    100 by way of exception: nothing of the first is due."""
    ready = begun(sqlite_claims_work, **PRINCIPLE)
    paid = paid_of(ready)
    excepted = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    ready.claims.check(OFFICER, excepted)
    ready.claims.assess(OFFICER, excepted, Officially(exception_approved=True), WHY)
    ready.claims.review(OFFICER, excepted, WHY)
    ready.claims.approve(BOTH, excepted, 100_00, WHY)

    assert due(ready) == {}
    assert ready.claims.look_everywhere() == []
    assert "flag" not in steps(ready, paid)


def test_an_award_of_a_later_year_is_taken_from_nobody(sqlite_claims_work: Work) -> None:
    """One year is all that the rules of 2026 gave, those of 2027 give three: the award of 2027
    makes nothing of 2026 due, however often the office looks."""
    ready = begun(sqlite_claims_work, **ONCE)
    paid = paid_of(ready)
    ready.days_later(60)
    text = rules_text(**{**THRICE, "redemption_mode": '"post_use"'})
    text = text.replace('version = "1"', 'version = "2"').replace("= 2026-01-01", "= 2026-12-01")
    version = load_rules(text, "rules.toml")
    Rulebook(ready.work, ready.clock).register([version])
    batch = batch_under(
        version,
        batch_id="SQ-2027-1",
        year=2027,
        opens_on=date(2027, 1, 1),
        closes_on=date(2027, 11, 30),
        documents=("深科创〔2027〕1号",),
    )
    ready.batches.open(OFFICER, batch, version, WHY)
    act = Act(key="appropriate/2027", officer="officer, second", reason="预算文件")
    Ledger(ready.work, ready.clock).post(budget_of(version, 2027).appropriate(act, 1_000_00))
    invoiced(ready, 70, 220_00)
    said = content(ready, 70, 220_00)
    later = ready.claims.draft(CLERK, batch.batch_id, said).claim.claim_id
    ready.claims.submit(CLERK, later)
    approve(ready, later, 100_00)

    assert ready.claims.look_everywhere() == []
    assert due(ready) == {}
    assert "flag" not in steps(ready, paid)
