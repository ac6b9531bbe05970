"""A paid claim that another one lifted over the year's threshold is told when that one falls."""

from collections.abc import Callable

import pytest
from changed_agreements import amendment
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed
from claims_beside import (
    OFFICE,
    STATEMENT,
    approve,
    begun,
    content,
    due,
    lifted,
    pay,
    submitted,
    told_beside,
)
from kashi_server.domain.claim_content import Officially
from kashi_server.domain.claim_states import ClaimState
from kashi_server.services import claim_beside
from kashi_server.services.claim_steps import Taking
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ledger import Ledger
from kashi_server.storage.unit_of_work import Work
from papers_falling import void
from papers_falling import withdraw as withdraw_certificate


def withdrawn(ready: Filed, claim_id: str) -> None:
    """The company gives it up."""
    ready.claims.withdraw(CLERK, claim_id, WHY)


def rejected(ready: Filed, claim_id: str) -> None:
    """An officer refuses it."""
    ready.claims.reject(OFFICER, claim_id, WHY)


def suspended(ready: Filed, claim_id: str) -> None:
    """An officer stops it."""
    ready.claims.suspend(OFFICER, claim_id, WHY)


def reopened(ready: Filed, claim_id: str) -> None:
    """An officer has it checked anew."""
    ready.claims.reopen(OFFICER, claim_id, WHY)


def clawed_back(ready: Filed, claim_id: str) -> None:
    """It is paid, and then recovered."""
    pay(ready, claim_id)
    ready.claims.claw_back(BOTH, claim_id, 75_00, WHY)


def invoice_void(ready: Filed, _claim_id: str) -> None:
    """Its invoice is void, the company's own export says."""
    void(ready, 52)


def contract_cut(ready: Filed, _claim_id: str) -> None:
    """Its contract is cut to 50 yuan of compute."""
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("cut.toml", amendment("HT-C", "50.00"))], "officer", "")


@pytest.mark.parametrize(
    "falls",
    [withdrawn, rejected, suspended, reopened, clawed_back, invoice_void, contract_cut],
)
def test_a_paid_claim_is_told_once_when_the_one_beside_it_falls(
    sqlite_claims_work: Work, falls: Callable[[Filed, str], None]
) -> None:
    """300 yuan alone do not reach 400: all 150 that are out are due, the flag names the claim that
    fell, no look tells it again, and books and log hold."""
    ready, paid, beside = lifted(sqlite_claims_work)
    assert (due(ready), told_beside(ready, paid)) == ({}, [])
    falls(ready, beside)

    assert due(ready)[paid] == (0, 150_00)
    assert told_beside(ready, paid) == [[beside]]
    flag = ready.claims.show(OFFICE, paid).events[-1]
    assert (flag.step, flag.actor, flag.after) == ("flag", "kashi-server", ClaimState.PAID)
    assert flag.reason.index("其他申报有变") < flag.reason.index("other claims of the company")
    assert beside in flag.reason
    assert ready.claims.look_everywhere() == []
    assert Ledger(ready.work, ready.clock).check() + check_claim_books(ready.work) == []


def corrected(ready: Filed) -> None:
    """The metered month is corrected."""

    class Said:
        """A correction as the room of corrections tells it."""

        number, revision, reason = STATEMENT, 2, "迟到的报告"

    with ready.work.begin() as unit:
        ready.claims.corrected(unit, Said(), Said())
        unit.commit()


@pytest.mark.parametrize("falls", [corrected, withdraw_certificate])
def test_a_metered_month_that_falls_is_told_beside(
    sqlite_claims_work: Work, falls: Callable[[Filed], None]
) -> None:
    """A corrected statement or a withdrawn certificate sends the other claim back to the check of
    form: what was paid beside it is due."""
    ready, paid, beside = lifted(sqlite_claims_work, "HT-A")
    falls(ready)

    assert ready.claims.show(OFFICE, beside).stored.claim.state is ClaimState.FORM_CHECK
    assert due(ready) == {paid: (0, 150_00)}
    assert told_beside(ready, paid) == [[beside]]


def test_a_new_assessment_that_takes_the_approval_back_is_told_beside(
    sqlite_claims_work: Work,
) -> None:
    """Until it is approved again nothing of it is granted: the paid one is due so long."""
    ready = begun(sqlite_claims_work, publicity_days="0")
    paid = submitted(ready, content(ready, 50, 300_00))
    beside = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    ready.claims.check(OFFICER, beside)
    ready.claims.review(OFFICER, beside, WHY)
    ready.claims.approve(BOTH, beside, 75_00, WHY)
    approve(ready, paid, 150_00)
    pay(ready, paid)
    ready.claims.assess(OFFICER, beside, Officially(rank=1), WHY)
    assert due(ready) == {paid: (0, 150_00)}
    ready.claims.approve(BOTH, beside, 75_00, WHY)

    assert due(ready) == {}
    assert told_beside(ready, paid) == [[beside], [beside]]


def test_an_expired_voucher_is_told_beside(postgresql_claims_work: Work) -> None:
    """Nothing of it was used: once its last day passed, the paid one beside it comes to nothing."""
    ready = begun(postgresql_claims_work, "claim_first")
    paid = submitted(ready, content(ready, 50, 300_00))
    beside = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    approve(ready, beside, 75_00)
    approve(ready, paid, 150_00)
    ready.days_later(7)
    ready.claims.issue(OFFICER, paid)
    ready.claims.use(CLERK, paid)
    ready.claims.redeem(CLERK, paid)
    pay(ready, paid)
    ready.claims.issue(OFFICER, beside)
    assert due(ready) == {}
    ready.days_later(400)
    ready.claims.expire()

    assert due(ready) == {paid: (0, 150_00)}
    assert told_beside(ready, paid) == [[beside]]


def test_where_contracts_reach_the_threshold_a_cut_one_is_told_beside(
    postgresql_claims_work: Work,
) -> None:
    """1 000 yuan of contracts are asked, 900 each: cut to 50 the two hold 950."""
    ready, paid, beside = lifted(
        postgresql_claims_work, threshold__year_yuan='"1000.00"', threshold__basis='"contract"'
    )
    assert due(ready) == {}
    contract_cut(ready, beside)

    assert due(ready) == {paid: (0, 150_00)}
    assert told_beside(ready, paid) == [[beside]]


def test_without_a_threshold_nobody_is_asked(
    sqlite_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules that ask for no expense in a year: each claim stands alone, and no step pays for
    evaluating others."""
    ready, paid, beside = lifted(sqlite_claims_work, threshold__year_yuan='"0"')

    def asked(_taking: Taking) -> None:
        raise AssertionError("a claim was evaluated")

    monkeypatch.setattr(claim_beside, "tell_worth", asked)
    withdrawn(ready, beside)
    assert ready.claims.look_everywhere() == []

    assert (due(ready), told_beside(ready, paid)) == ({}, [])


def test_who_reaches_the_threshold_alone_is_told_nothing(sqlite_claims_work: Work) -> None:
    """300 of 300 yuan: what falls beside it changes nothing."""
    ready, paid, beside = lifted(sqlite_claims_work, threshold__year_yuan='"300.00"')
    withdrawn(ready, beside)

    assert (due(ready), told_beside(ready, paid)) == ({}, [])
