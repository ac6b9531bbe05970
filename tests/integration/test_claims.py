"""Claims in a database: the whole way in every mode, and what the house refuses on it."""

import json
from dataclasses import replace
from datetime import date
from hashlib import sha256

import pytest
from claim_cases import (
    APPLIED_MS,
    BOTH,
    CLERK,
    DAY_MS,
    OFFICER,
    OTHER,
    RIVAL,
    SELLER,
    WHY,
    Filed,
    add_invoice,
    add_payment,
    filed,
    invoice_number,
    opened,
    rules,
)
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER
from kashi_server.domain.claim_content import InvoicePart, Officially
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.evaluation.case_data import load_case
from kashi_server.domain.evaluation.evaluate import evaluate
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import Role
from kashi_server.services.claim_case import Papers
from kashi_server.services.claims import Acting, Why
from kashi_server.services.invoice_watch import InvoiceChange
from kashi_server.services.ledger import Ledger
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

S = ClaimState
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


@pytest.fixture
def ready(claims_work: Work) -> Filed:
    """A certified month with papers and an open batch."""
    return filed(claims_work)


def sound(ready: Filed) -> bool:
    """The ledger's proof holds."""
    return Ledger(ready.work, ready.clock).check() == []


def state(ready: Filed, claim_id: str) -> ClaimState:
    """Where a claim stands."""
    return ready.claims.show(OFFICE, claim_id).stored.claim.state


def void(ready: Filed, number: str) -> None:
    """The tax bureau says that an invoice is void."""
    change = InvoiceChange(
        number=number,
        before=InvoiceStatus.NORMAL,
        after=InvoiceStatus.VOID,
        left_fen=0,
        claims=(),
        source="export.xlsx",
        told_by="clerk",
        told_utc_ms=APPLIED_MS,
    )
    with ready.work.begin() as unit:
        ready.claims.invoice_changed(unit, change)
        unit.commit()


# The way


def test_a_claim_goes_all_the_way(ready: Filed) -> None:
    """Mode A: half of the invoiced and paid compute; reserved, accrued, certified, disbursed."""
    claims, claim_id = ready.claims, ready.issued(200_00)
    account = f"test-voucher/2026/{claim_id}"
    way = [
        claims.use(CLERK, claim_id).stored.claim.state,
        claims.redeem(CLERK, claim_id).stored.claim.state,
        claims.verify(OFFICER, claim_id, WHY).stored.claim.state,
        claims.pay(BOTH, claim_id, WHY).stored.claim.state,
    ]

    with ready.work.begin(writes=False) as unit:
        standing = {one.user_id: one.status.value for one in unit.certificates.certificates()}

    assert (standing[COMPANY_A], standing[COMPANY_B]) == ("redeemed", "issued")
    assert way == [S.USED, S.CLAIM_SUBMITTED, S.CLAIM_VERIFIED, S.PAID]
    assert ready.balances("disbursed:") == {f"disbursed:{account}": 200_00}
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00 - 200_00}
    assert ready.balances(f"reserved:{account}") == {f"reserved:{account}": 0}
    assert sound(ready)


def test_without_a_voucher_what_was_spent_is_paid(claims_work: Work) -> None:
    """Mode B: approved, public, verified and paid; what is cut goes back to the pool."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_id = ready.approved(225_00)
    ready.claims.publicise(OFFICER, claim_id)
    with pytest.raises(Refused, match="can go on from 2026-11-10"):
        ready.claims.verify(OFFICER, claim_id, WHY)
    ready.days_later(7)
    ready.claims.verify(OFFICER, claim_id, WHY, amount_fen=200_00)
    paid = ready.claims.pay(BOTH, claim_id, WHY).stored.claim

    assert (paid.state, paid.voucher, paid.payee_id) == (S.PAID, None, COMPANY_A)
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00 - 200_00}
    assert sound(ready)


def test_the_provider_deducts_at_once(claims_work: Work) -> None:
    """Mode C: the provider uses the voucher at payment, the office verifies and pays it."""
    ready = filed(claims_work, rules(redemption_mode='"instant_deduction"'))
    claim_id = ready.issued(150_00)
    with pytest.raises(Refused, match=f"for {PROVIDER} to do"):
        ready.claims.use(CLERK, claim_id)
    ready.claims.use(SELLER, claim_id, amount_fen=100_00)
    ready.claims.verify(OFFICER, claim_id, WHY)
    paid = ready.claims.pay(BOTH, claim_id, WHY).stored.claim

    assert (paid.state, paid.payee_id) == (S.PARTIALLY_USED, PROVIDER)
    assert (paid.balance_fen, paid.amounts.disbursed_fen) == (50_00, 100_00)
    assert sound(ready)


def test_the_supplier_redeems(claims_work: Work) -> None:
    """Mode D: the company hands the voucher over, its supplier asks and is paid."""
    ready = filed(claims_work, rules(redemption_mode='"supplier_redeems"'))
    claim_id = ready.issued(150_00)
    ready.claims.use(CLERK, claim_id)
    with pytest.raises(Refused, match=f"for {PROVIDER} to do"):
        ready.claims.redeem(CLERK, claim_id)
    ready.claims.redeem(SELLER, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    paid = ready.claims.pay(BOTH, claim_id, WHY).stored.claim

    assert (paid.state, paid.payee_id, paid.amounts.disbursed_fen) == (S.PAID, PROVIDER, 150_00)
    assert sound(ready)


def test_review_steps_come_from_the_rules(claims_work: Work) -> None:
    """Rules that know a check of form alone: approved there, and issued without public notice."""
    ready = filed(claims_work, rules(review_steps='["形式审查"]'))
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    with pytest.raises(Refused, match="review is not possible"):
        ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, 100_00, WHY)

    assert ready.claims.issue(OFFICER, claim_id).stored.claim.state is S.ISSUED


# Who may what


def test_everything_is_gathered(ready: Filed) -> None:
    """The certified statement, both parts of the invoice, the payment: of this company alone."""
    with ready.work.begin(writes=False) as unit:
        stored = unit.claims.claim(ready.draft())
    assert stored is not None
    content = stored.content

    assert [one.number for one in content.statements] == ["KS-2026-09-HT-A"]
    assert [(one.part, one.amount_fen) for one in content.invoices] == [
        ("accelerator", 450_00),
        ("storage", 50_00),
    ]
    assert content.payments == ("PAY-0",)


@pytest.mark.parametrize("by", [RIVAL, SELLER, OFFICER, Acting(login="nobody")])
def test_a_company_files_its_own_claims(ready: Filed, by: Acting) -> None:
    """Nobody else submits, changes or withdraws them, and no state changes."""
    claim_id = ready.draft()
    for attempt in (
        lambda: ready.claims.submit(by, claim_id),
        lambda: ready.claims.change(by, claim_id, ready.content()),
        lambda: ready.claims.withdraw(by, claim_id, WHY),
    ):
        with pytest.raises((Refused, NotFound)):
            attempt()

    assert state(ready, claim_id) is S.DRAFT


def test_a_contract_of_others_cannot_be_claimed(ready: Filed) -> None:
    """The rival's contract is not the clerk's, and a contract that is not there is named."""
    with pytest.raises(Refused, match="HT-B is not one that"):
        ready.draft(CLERK, "HT-B")
    with pytest.raises(NotFound, match="there is no contract 'HT-X'"):
        ready.draft(CLERK, "HT-X")


@pytest.mark.parametrize("by", [CLERK, SELLER, Acting(login="auditor")])
def test_officers_review(ready: Filed, by: Acting) -> None:
    """A party cannot, nor can an auditor, who changes nothing."""
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)

    with pytest.raises(Refused, match="no officer"):
        ready.claims.check(by, claim_id)
    assert state(ready, claim_id) is S.SUBMITTED


def test_two_officers_approve_one_after_the_other(ready: Filed) -> None:
    """The first proposes, the second with the same terms decides; one officer never does."""
    claims, claim_id = ready.claims, ready.draft()
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)
    first = claims.approve(OFFICER, claim_id, 200_00, WHY)
    again = claims.approve(OFFICER, claim_id, 200_00, WHY)
    with pytest.raises(Refused, match="on other terms"):
        claims.approve(OTHER, claim_id, 190_00, WHY)
    with pytest.raises(Refused, match="two different officers"):
        claims.approve(Acting(login="officer", second="officer"), claim_id, 200_00, WHY)
    second = claims.approve(OTHER, claim_id, 200_00, WHY)

    assert (first.awaits, again.awaits, second.awaits) == (True, True, False)
    assert second.stored.claim.amounts.approved_fen == 200_00
    assert [one.officer for one in claims.show(OFFICE, claim_id).proposals] == []
    event = claims.show(OFFICE, claim_id).events[-1]
    assert (event.step, event.actor, event.second) == ("approve", "officer", "second")
    assert (event.reason, event.document) == (WHY.reason, WHY.document)


def test_a_proposal_that_cannot_be_is_refused_at_once(ready: Filed) -> None:
    """Above what is computed there is nothing to propose, and nothing is kept."""
    claims, claim_id = ready.claims, ready.draft()
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)

    with pytest.raises(Refused, match="above the computed one"):
        claims.approve(OFFICER, claim_id, 225_01, WHY)
    assert claims.show(OFFICE, claim_id).proposals == ()
    assert len(claims.show(OFFICE, claim_id).evaluations) == 2


@pytest.mark.parametrize("why", [Why(reason="x"), Why(document="x"), Why(reason=" ", document="x")])
def test_an_approval_says_why_and_on_what_paper(ready: Filed, why: Why) -> None:
    """Without both it is not taken."""
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)

    with pytest.raises(InvalidValue, match="approve needs a"):
        ready.claims.approve(BOTH, claim_id, 100_00, why)


def test_an_estimate_is_approved_only_where_that_is_said(claims_work: Work) -> None:
    """The refusal names what nobody knows; the approval keeps those names."""
    ready = filed(claims_work, rules(stacking__ratio="unknown"))
    claims, claim_id = ready.claims, ready.draft()
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)
    with pytest.raises(Refused, match=r"stacking\.ratio"):
        claims.approve(BOTH, claim_id, 100_00, WHY)
    claims.approve(BOTH, claim_id, 100_00, WHY, on_estimate=True)

    assert claims.show(OFFICE, claim_id).events[-1].terms["open"] == ["stacking.ratio"]


# Once


def test_a_card_hour_is_redeemed_once(ready: Filed) -> None:
    """A second claim on the same statement is refused and names the first; so is an invoice."""
    first = ready.draft()
    second = ready.draft()
    ready.claims.submit(CLERK, first)
    with pytest.raises(Refused, match=f"claimed already by claim {first}"):
        ready.claims.submit(CLERK, second)
    with ready.work.begin(writes=False) as unit:
        stored = unit.claims.claim(second)
    assert stored is not None
    ready.claims.change(CLERK, second, replace(stored.content, statements=()))
    with pytest.raises(Refused, match=f"0 fen of 45000 are left; held by {first}"):
        ready.claims.submit(CLERK, second)

    assert state(ready, second) is S.DRAFT


def test_a_new_draft_gathers_what_is_left(ready: Filed) -> None:
    """What a claim holds is not gathered for another, until it is withdrawn."""
    first = ready.draft()
    ready.claims.submit(CLERK, first)

    def gathered() -> tuple[int, int]:
        drafted = ready.claims.draft(CLERK, ready.batch.batch_id, ready.content(), gather=True)
        return len(drafted.content.statements), len(drafted.content.invoices)

    assert gathered() == (0, 0)
    ready.claims.withdraw(CLERK, first, WHY)
    assert gathered() == (1, 2)


def test_one_invoice_serves_two_claims_in_parts(ready: Filed) -> None:
    """Together never above the part; the invoice itself keeps what each took."""
    parts = [
        (InvoicePart(invoice_number(0), "HT-A", "accelerator", fen),) for fen in (300_00, 150_00)
    ]
    for part in parts:
        content = replace(ready.content(), invoices=part, payments=("PAY-0",))
        claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
        ready.claims.submit(CLERK, claim_id)
    with ready.work.begin(writes=False) as unit:
        taken = [one.amount_fen for one in unit.invoices.allocations(number=invoice_number(0))]

    assert taken == [300_00, 150_00]


def test_the_database_itself_redeems_once(ready: Filed) -> None:
    """Whatever a program believes, the tables refuse the second holder."""
    first, second = ready.draft(), ready.draft()
    ready.claims.submit(CLERK, first)
    columns = {
        "claim_lines": "number, revision, line, programme_id, hardware_id, hardware_key,"
        " start_minute, end_minute, use_serial",
        "claim_invoices": "number, contract_id, part, use_serial, programme_id, amount_fen,"
        " part_fen",
    }
    for table, told in (("claim_lines", "overlap"), ("claim_invoices", "take more")):
        statement = (
            f"INSERT INTO {table} (claim_id, {columns[table]}) SELECT '{second}', {columns[table]}"
            f" FROM {table} WHERE claim_id = '{first}'"
        )
        with (
            pytest.raises(DatabaseError, match=told),
            ready.work.engine.begin() as connection,
        ):
            connection.execute(text(statement))


@pytest.mark.parametrize("table", ["claim_events", "claim_evaluations"])
def test_steps_and_evaluations_are_only_added(ready: Filed, table: str) -> None:
    """The database refuses to change or delete them."""
    ready.claims.submit(CLERK, ready.draft())
    for statement in (f"UPDATE {table} SET utc_ms = 1", f"DELETE FROM {table}"):
        with (
            pytest.raises(DatabaseError, match="only ever added"),
            ready.work.engine.begin() as connection,
        ):
            connection.execute(text(statement))


def test_a_key_takes_a_step_once(ready: Filed) -> None:
    """A payment that is sent twice is paid once; its key serves nothing else."""
    claims, claim_id = ready.claims, ready.issued(200_00)
    claims.use(CLERK, claim_id)
    claims.redeem(CLERK, claim_id)
    claims.verify(OFFICER, claim_id, WHY)
    keyed = replace(WHY, key="order-7")
    first = claims.pay(BOTH, claim_id, keyed).stored.claim
    again = claims.pay(BOTH, claim_id, keyed).stored.claim

    assert first == again
    assert again.amounts.disbursed_fen == 200_00
    with pytest.raises(Refused, match="was used for pay"):
        claims.suspend(OFFICER, claim_id, keyed)


# Evaluation


def test_the_same_inputs_give_the_same_bytes(ready: Filed) -> None:
    """What was stored is what the pure function makes of the stored case, byte for byte."""
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    first, second = ready.claims.show(OFFICE, claim_id).evaluations
    done = evaluate(ready.rules, load_case(first.inputs.decode(), "case.json"))

    assert (first.inputs, first.trace) == (second.inputs, second.trace)
    assert done.to_bytes() == first.trace
    assert sha256(first.inputs).hexdigest() == first.inputs_sha256
    assert (first.rules_sha256, first.status) == (ready.rules.sha256, "final")
    assert first.amount_fen == 225_00


def test_standings_count_what_others_were_granted(claims_work: Work) -> None:
    """A second claim of the year leaves what the cap leaves."""
    ready = filed(claims_work, rules(cap__company_year_yuan='"250.00"'))
    ready.approved(200_00)
    with claims_work.begin() as unit:
        add_invoice(unit, invoice_number(7), "HT-A", COMPANY_A, (400_00, 1_00))
        add_payment(unit, "PAY-7", COMPANY_A, invoice_number(7), 401_00)
        unit.commit()
    second = ready.draft()
    claim = ready.claims.submit(CLERK, second).stored.claim

    assert claim.computed_fen == 50_00


def test_the_pool_refuses_what_it_does_not_hold(claims_work: Work) -> None:
    """Whatever is computed, the ledger's floor holds, and nothing of the refusal stays."""
    ready = filed(claims_work, rules(pool__year_yuan="unknown"), fen=99)
    claims, claim_id = ready.claims, ready.draft()
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)

    with pytest.raises(Refused, match=r"pool:test-voucher/2026 holds 0\.99 yuan"):
        claims.approve(BOTH, claim_id, 1_00, WHY, on_estimate=True)
    assert state(ready, claim_id) is S.EXPERT_REVIEW
    assert sound(ready)


def test_the_office_says_what_only_it_knows(ready: Filed) -> None:
    """An assessment is evaluated anew, kept with its words, and undoes an approval."""
    claim_id = ready.approved(100_00)
    said = Officially(rank=3, credit_clean=True)
    claim = ready.claims.assess(OFFICER, claim_id, said, WHY).stored.claim

    assert claim.amounts.approved_fen == 0
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00}
    case = json.loads(ready.claims.show(OFFICE, claim_id).evaluations[-1].inputs)
    assert (case["award"]["rank"], case["claimant"]["credit_clean"]) == (3, True)


# Corrections, withdrawal, expiry


def test_corrections_are_counted(ready: Filed) -> None:
    """Two rounds by the rules; the day of the first submission stays, the window does not bind."""
    claims, claim_id = ready.claims, ready.draft()
    for _round in range(2):
        claims.submit(CLERK, claim_id)
        claims.check(OFFICER, claim_id)
        claims.send_back(OFFICER, claim_id, Why(reason="缺少技术说明"))
        ready.days_later(20)
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)

    with pytest.raises(Refused, match="returned 2 times"):
        claims.send_back(OFFICER, claim_id, Why(reason="再补正"))
    assert str(claims.show(OFFICE, claim_id).stored.claim.applied_on) == "2026-11-03"


def test_a_batch_takes_claims_in_its_window(ready: Filed) -> None:
    """After its last day, and once closed, nothing new is handed in."""
    claim_id = ready.draft()
    ready.days_later(40)
    with pytest.raises(Refused, match="takes applications from 2026-11-01 to 2026-11-30"):
        ready.claims.submit(CLERK, claim_id)
    ready.days_later(-40)
    ready.batches.close(OFFICER, ready.batch.batch_id, WHY)

    with pytest.raises(Refused, match="is closed"):
        ready.claims.submit(CLERK, claim_id)


def test_what_is_given_up_is_free_again(ready: Filed) -> None:
    """Withdrawn after approval: pool and cap are as before, and papers serve another claim."""
    claim_id = ready.approved(200_00)
    ready.claims.withdraw(CLERK, claim_id, WHY)

    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00}
    left = f"cap_left:test-voucher/2026/{COMPANY_A}"
    assert ready.balances(left) == {left: 100_000_00}
    assert ready.claims.submit(CLERK, ready.draft()).stored.claim.state is S.SUBMITTED
    assert sound(ready)


def test_a_voucher_ends_with_its_last_day(ready: Filed) -> None:
    """Six months, both days inside; the day after, what it still holds is void."""
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id, amount_fen=80_00)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    ready.clock.now_ms = APPLIED_MS + 7 * DAY_MS + 181 * DAY_MS
    on_its_last_day = ready.claims.expire()
    ready.days_later(1)
    (expired,) = ready.claims.expire()

    assert on_its_last_day == []
    claim = expired.stored.claim
    assert (claim.state, claim.amounts.released_fen, claim.amounts.disbursed_fen) == (
        S.EXPIRED,
        120_00,
        80_00,
    )
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00 - 80_00}
    assert sound(ready)


def test_a_voucher_that_may_not_be_used_in_parts(claims_work: Work) -> None:
    """All of it, or nothing."""
    ready = filed(claims_work, rules(voucher__partial_use="false"))
    claim_id = ready.issued(200_00)
    with pytest.raises(Refused, match="whole or not at all"):
        ready.claims.use(CLERK, claim_id, amount_fen=100_00)

    assert ready.claims.use(CLERK, claim_id).stored.claim.state is S.USED


def test_the_voucher_that_ends_first_is_used_first(ready: Filed) -> None:
    """A younger voucher waits until the older one is used up; the refusal names it."""
    older = ready.issued(100_00)
    with ready.work.begin() as unit:
        add_invoice(unit, invoice_number(7), "HT-A", COMPANY_A, (400_00, 1_00))
        add_payment(unit, "PAY-7", COMPANY_A, invoice_number(7), 401_00)
        unit.commit()
    younger = ready.issued(50_00)

    with pytest.raises(Refused, match=f"V-{older} of claim {older} ends first"):
        ready.claims.use(CLERK, younger)
    ready.claims.use(CLERK, older)
    assert ready.claims.use(CLERK, younger).stored.claim.state is S.USED


def test_papers_carry_one_use(ready: Filed) -> None:
    """Parts of an invoice can be used one after the other, none of it twice."""
    claim_id = ready.issued(200_00)
    half = InvoicePart(invoice_number(0), "HT-A", "accelerator", 225_00)
    papers = Papers(invoices=(half,), payments=("PAY-0",))
    ready.claims.use(CLERK, claim_id, papers=papers)
    rest = replace(half, amount_fen=225_01)
    with pytest.raises(Refused, match="22500 fen of 45000 are left"):
        ready.claims.use(CLERK, claim_id, papers=Papers(invoices=(rest,), payments=("PAY-0",)))
    used = ready.claims.use(CLERK, claim_id, papers=papers).stored.claim

    assert used.state is S.USED
    assert used.balance_fen == 0


def test_a_redemption_is_cut_or_returned(ready: Filed) -> None:
    """What an officer does not grant is the voucher's again; what is returned, altogether."""
    claims, claim_id = ready.claims, ready.issued(200_00)
    claims.use(CLERK, claim_id, amount_fen=150_00)
    claims.redeem(CLERK, claim_id)
    back = claims.send_back(OFFICER, claim_id, Why(reason="发票抬头有误")).stored.claim
    claims.use(CLERK, claim_id, amount_fen=150_00)
    claims.redeem(CLERK, claim_id)
    claims.verify(OFFICER, claim_id, WHY, amount_fen=120_00)
    paid = claims.pay(BOTH, claim_id, WHY).stored.claim

    assert (back.state, back.balance_fen) == (S.ISSUED, 200_00)
    assert (paid.state, paid.balance_fen, paid.amounts.disbursed_fen) == (
        S.PARTIALLY_USED,
        80_00,
        120_00,
    )
    assert sound(ready)


# What falls away


def test_a_void_invoice_reopens_a_claim_under_review(ready: Filed) -> None:
    """Approved and public: back to the check of form, nothing is approved or reserved any more."""
    claim_id = ready.approved(200_00)
    ready.claims.publicise(OFFICER, claim_id)
    void(ready, invoice_number(0))
    claim = ready.claims.show(OFFICE, claim_id).stored.claim

    assert (claim.state, claim.amounts.approved_fen) == (S.FORM_CHECK, 0)
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00}
    event = ready.claims.show(OFFICE, claim_id).events[-1]
    assert (event.step, event.actor) == ("reopen", "kashi-server")
    assert invoice_number(0) in event.reason
    assert sound(ready)


def test_a_void_invoice_takes_back_what_was_used_on_it(ready: Filed) -> None:
    """Used and asked for, not paid: the voucher holds all of it again, and nothing is accrued."""
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    void(ready, invoice_number(0))
    claim = ready.claims.show(OFFICE, claim_id).stored.claim

    assert (claim.state, claim.balance_fen, claim.amounts.accrued_fen) == (S.ISSUED, 200_00, 0)
    assert sound(ready)


def test_a_void_invoice_stops_what_was_paid_on_it(ready: Filed) -> None:
    """Two officers then recover it with interest, and the company is barred for a year."""
    claims, claim_id = ready.claims, ready.issued(200_00)
    claims.use(CLERK, claim_id)
    claims.redeem(CLERK, claim_id)
    claims.verify(OFFICER, claim_id, WHY)
    claims.pay(BOTH, claim_id, WHY)
    void(ready, invoice_number(0))
    stopped = state(ready, claim_id)
    ready.days_later(10)
    with pytest.raises(Refused, match="above what was paid"):
        claims.claw_back(BOTH, claim_id, 200_01, WHY)
    recovered = claims.claw_back(BOTH, claim_id, 200_00, WHY).stored.claim

    assert stopped is S.SUSPENDED
    assert (recovered.state, recovered.amounts.recovered_fen) == (S.CLAWED_BACK, 200_00)
    # 200 yuan x 3.65 % x 10 / 365 days.
    assert ready.balances("interest:") == {"interest:test-voucher/2026": 20}
    assert ready.balances("recovered:") == {"recovered:test-voucher/2026": 200_00}
    with pytest.raises(Refused, match="may apply again from 2027-11-20"):
        claims.submit(CLERK, ready.draft())
    assert sound(ready)


def test_a_corrected_statement_reopens_its_claims(ready: Filed) -> None:
    """A new revision: the claim that names the old one goes back to the check of form."""

    class Said:
        """A correction as the room of corrections tells it."""

        number, revision, reason = "KS-2026-09-HT-A", 2, "迟到的报告"

    claim_id, other = ready.approved(200_00), ready.approved(100_00, RIVAL, "HT-B")
    with ready.work.begin() as unit:
        ready.claims.corrected(unit, Said(), Said())
        unit.commit()

    assert (state(ready, claim_id), state(ready, other)) == (S.FORM_CHECK, S.EXPERT_REVIEW)
    assert "revision 2" in ready.claims.show(OFFICE, claim_id).events[-1].reason


def test_a_suspended_claim_goes_on_by_two_officers(ready: Filed) -> None:
    """Where it stood, and nothing else is possible meanwhile."""
    claim_id = ready.issued(200_00)
    ready.claims.suspend(OFFICER, claim_id, WHY)
    with pytest.raises(Refused, match="use is not possible there"):
        ready.claims.use(CLERK, claim_id)

    assert ready.claims.resume(BOTH, claim_id, WHY).stored.claim.state is S.ISSUED


# Several programmes


def test_two_programmes_share_where_their_rules_allow(ready: Filed) -> None:
    """Together below the strictest line (30 % of 900 yuan); above it the other claim is named."""
    first = ready.approved(200_00)
    second = opened(
        ready.work, ready.clock, rules("other-voucher", stacking__ratio='"0.30"'), batch_id="SQ-2"
    )
    claims, claim_id = second.claims, second.draft()
    claims.submit(CLERK, claim_id)
    claims.check(OFFICER, claim_id)
    claims.review(OFFICER, claim_id, WHY)
    computed_fen = claims.show(OFFICE, claim_id).stored.claim.computed_fen

    assert computed_fen == 70_00
    claims.approve(BOTH, claim_id, 70_00, WHY)
    assert state(ready, first) is S.EXPERT_REVIEW
    told = f"with claim {claim_id} of other-voucher.*strictest stacking line is 270.00"
    with pytest.raises(Refused, match=told):
        ready.claims.approve(BOTH, first, 201_00, WHY)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mutual_exclusions": '["test-voucher"]'}, "same.*other-voucher excludes test-voucher"),
        ({"stacking__ratio": "unknown"}, "nobody knows whether other-voucher allows"),
    ],
)
def test_programmes_that_do_not_share_name_the_other_claim(
    ready: Filed, changed: dict[str, str], told: str
) -> None:
    """Excluded by either side, or not said to be allowed: refused at once."""
    first = ready.draft()
    ready.claims.submit(CLERK, first)
    second = opened(ready.work, ready.clock, rules("other-voucher", **changed), batch_id="SQ-2")

    with pytest.raises(Refused, match=f"claim {first}.*{told}"):
        second.claims.submit(CLERK, second.draft())


# Who sees what


def test_a_company_sees_its_own_claims(ready: Filed) -> None:
    """The rival finds nothing; the office and auditors find all."""
    mine, theirs = ready.draft(), ready.draft(RIVAL, "HT-B")
    seen = {
        party: [
            one.claim.claim_id
            for one in ready.claims.all(
                Reader(
                    account_id=1,
                    role=Role.OFFICER if party is None else Role.COMPANY,
                    party_id=party,
                )
            )
        ]
        for party in (COMPANY_A, COMPANY_B, None)
    }

    assert seen == {COMPANY_A: [mine], COMPANY_B: [theirs], None: sorted((mine, theirs))}
    with pytest.raises(NotFound):
        ready.claims.show(Reader(account_id=1, role=Role.COMPANY, party_id=COMPANY_B), mine)


def test_what_can_follow_is_told(ready: Filed) -> None:
    """With who may do it."""
    claim_id = ready.approved(100_00)
    possible = {one.step for one in ready.claims.show(OFFICE, claim_id).possible}

    assert {Step.APPROVE, Step.PUBLICISE, Step.REJECT, Step.WITHDRAW} <= possible
    assert not {Step.PAY, Step.USE, Step.RESUME} & possible


def test_a_public_notice_begins_within_a_year(ready: Filed) -> None:
    """The last day of the calendar is a slip of the pen: refused where it is written."""
    claim_id = ready.approved(100_00)

    with pytest.raises(InvalidValue, match="more than 366 days ahead"):
        ready.claims.publicise(OFFICER, claim_id, on=date.max)
    ready.claims.publicise(OFFICER, claim_id)
