"""On the day an agreement changes the claims that rest on it are told: flagged, or reopened."""

from dataclasses import replace

import pytest
from changed_agreements import amendment, declaration, founded, listing
from claim_cases import BOTH, CLERK, OFFICER, RIVAL, WHY, Filed, filed, rules
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ledger import Ledger
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

S = ClaimState
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def taken(ready: Filed, text: str) -> None:
    """An officer imports a file of agreements, on a server that keeps claims."""
    importing = Importing(ready.work, ready.clock, ready.claims)
    importing.take([ImportFile("agreed.toml", text)], "officer", "来件")


def paid(ready: Filed, fen: int) -> str:
    """A claim of which so much was paid."""
    claim_id = ready.approved(fen)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    return claim_id


def state(ready: Filed, claim_id: str) -> ClaimState:
    """Where a claim stands."""
    return ready.claims.show(OFFICE, claim_id).stored.claim.state


def sound(ready: Filed) -> bool:
    """The books and the log's word on every claim hold."""
    books = Ledger(ready.work, ready.clock).check() + check_claim_books(ready.work)
    return books == []


def test_an_amendment_flags_the_open_claims_on_its_contract_that_day(claims_work: Work) -> None:
    """With who brought it and what they come to now; a claim on another contract hears nothing,
    and importing the file again says nothing again."""
    ready = filed(claims_work)
    claim_id, other = ready.approved(200_00), ready.approved(100_00, RIVAL, "HT-B")
    taken(ready, amendment())
    taken(ready, amendment())
    shown = ready.claims.show(OFFICE, claim_id)

    assert [one.step for one in shown.events].count("flag") == 1
    event, (flag,) = shown.events[-1], shown.flags
    assert (event.step, event.actor, shown.stored.claim.state) == (
        "flag", "kashi-server", S.EXPERT_REVIEW,
    )  # fmt: skip
    assert "补充协议 补-1" in event.reason
    assert event.reason.index("金额须重新核实") < event.reason.index("Worth is to be asked again")
    assert event.terms["told_by"] == "officer"
    assert (flag.comes_to_fen, flag.paid_fen) == (50_00, 0)
    assert shown.stored.claim.amounts.approved_fen == 200_00
    assert ready.claims.show(OFFICE, other).flags == ()
    assert ready.claims.to_recover(OFFICE) == []
    assert sound(ready)


def test_a_flag_stands_until_the_worth_is_asked_again(claims_work: Work) -> None:
    """A step that asks nothing leaves it; an approval by what the claim comes to now takes it."""
    ready = filed(claims_work)
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    taken(ready, amendment())
    ready.claims.review(OFFICER, claim_id, WHY)
    assert len(ready.claims.show(OFFICE, claim_id).flags) == 1

    with pytest.raises(Refused):
        ready.claims.approve(BOTH, claim_id, 200_00, WHY)
    ready.claims.approve(BOTH, claim_id, 50_00, WHY)

    assert ready.claims.show(OFFICE, claim_id).flags == ()


def test_what_a_first_officer_proposed_before_the_change_is_proposed_no_more(
    claims_work: Work,
) -> None:
    """The second officer meets a claim that has moved on, and proposes anew."""
    ready = filed(claims_work)
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    assert ready.claims.approve(OFFICER, claim_id, 200_00, WHY).awaits
    taken(ready, amendment(accelerator_yuan="2000.00"))

    shown = ready.claims.show(OFFICE, claim_id)
    assert shown.proposals == ()


def test_what_was_paid_above_an_amended_contract_is_to_be_recovered(claims_work: Work) -> None:
    """200 yuan were paid and it comes to 50 now: on the office's list until two officers recover;
    nobody else has such a list."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_id = paid(ready, 200_00)
    assert ready.claims.to_recover(OFFICE) == []
    taken(ready, amendment())

    assert state(ready, claim_id) is S.PAID
    (found,) = ready.claims.to_recover(OFFICE)
    assert (found.stored.claim.claim_id, found.paid_fen, found.comes_to_fen, found.due_fen) == (
        claim_id, 200_00, 50_00, 150_00,
    )  # fmt: skip
    company = Reader(account_id=1, role=Role.COMPANY, party_id=found.stored.claim.company_id)
    assert ready.claims.to_recover(company) == ()
    ready.claims.claw_back(BOTH, claim_id, 150_00, WHY)
    assert ready.claims.to_recover(OFFICE) == []
    assert sound(ready)


def test_a_claw_back_of_less_leaves_the_rest_to_be_recovered(claims_work: Work) -> None:
    """One fen of 150 yuan settles nothing; the rest does."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_id = paid(ready, 200_00)
    taken(ready, amendment())
    ready.claims.claw_back(BOTH, claim_id, 1, WHY)

    (left,) = ready.claims.to_recover(OFFICE)
    assert (left.paid_fen, left.comes_to_fen, left.due_fen) == (199_99, 50_00, 149_99)
    ready.claims.claw_back(BOTH, claim_id, 149_99, WHY)
    assert ready.claims.to_recover(OFFICE) == []


def stopped(ready: Filed, fen: int) -> str:
    """A claim that is paid and then stopped: its sides turn out to be related."""
    claim_id = paid(ready, fen)
    taken(ready, declaration("false"))
    assert state(ready, claim_id) is S.SUSPENDED
    return claim_id


def forbidding(claims_work: Work) -> Filed:
    """An office whose rules forbid related sides."""
    asked = {"related_party_forbidden": "true", "stacking__ratio": '"none"'}
    return filed(claims_work, rules(redemption_mode='"post_use"', **asked))


def test_a_claw_back_of_less_leaves_a_stopped_claim_on_the_list(claims_work: Work) -> None:
    """It comes to nothing since it was stopped: one fen of 200 yuan settles nothing."""
    ready = forbidding(claims_work)
    claim_id = stopped(ready, 200_00)
    stop = ready.claims.show(OFFICE, claim_id).events[-1]
    assert stop.terms["paid_yuan"] == "200.00"
    ready.claims.claw_back(BOTH, claim_id, 1, WHY)

    (left,) = ready.claims.to_recover(OFFICE)
    assert (state(ready, claim_id), left.paid_fen, left.comes_to_fen or 0) == (
        S.CLAWED_BACK,
        199_99,
        0,
    )
    ready.claims.claw_back(BOTH, claim_id, 199_99, WHY)
    assert ready.claims.to_recover(OFFICE) == []
    assert sound(ready)


def test_two_officers_say_that_no_more_is_recovered(claims_work: Work) -> None:
    """Part of it, and the matter is settled by their word; what comes later is told again."""
    ready = forbidding(claims_work)
    claim_id = stopped(ready, 200_00)
    first = replace(BOTH, second="")
    assert ready.claims.claw_back(first, claim_id, 120_00, WHY, settles=True).awaits
    assert len(ready.claims.to_recover(OFFICE)) == 1
    ready.claims.claw_back(BOTH, claim_id, 120_00, WHY, settles=True)

    assert ready.claims.to_recover(OFFICE) == []
    taken(ready, amendment())
    assert len(ready.claims.to_recover(OFFICE)) == 1
    assert sound(ready)


def test_a_company_that_turns_out_older_gives_back_what_start_ups_alone_get(
    claims_work: Work,
) -> None:
    """Paid at six tenths of 450 yuan as a start-up, it comes to half: flagged and to be recovered;
    another name of the company says nothing, nor does it to claims of others."""
    young = rules(
        redemption_mode='"post_use"',
        ratio_by='"startup"',
        ratio__startup='"0.60"',
        startup__max_age_months="36",
        startup__age_basis='"application_date"',
    )
    ready = filed(claims_work, young)
    taken(ready, founded("2025-01-01"))
    claim_id, other = paid(ready, 270_00), ready.draft(RIVAL, "HT-B")
    ready.claims.submit(RIVAL, other)
    taken(ready, founded("2025-01-01", "深圳甲智能科技"))
    assert ready.claims.show(OFFICE, claim_id).flags == ()

    taken(ready, founded("2015-01-01", "深圳甲智能科技"))

    (found,) = ready.claims.to_recover(OFFICE)
    assert (found.stored.claim.claim_id, found.paid_fen, found.comes_to_fen) == (
        claim_id, 270_00, 225_00,
    )  # fmt: skip
    assert "2025-01-01" in ready.claims.show(OFFICE, claim_id).events[-1].reason
    assert ready.claims.show(OFFICE, other).flags == ()
    assert sound(ready)


def test_what_still_comes_to_what_was_paid_is_no_candidate(claims_work: Work) -> None:
    """The contract grew: the claim says so, and nothing is to be recovered."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_id = paid(ready, 200_00)
    taken(ready, amendment(accelerator_yuan="2000.00"))

    assert ready.claims.show(OFFICE, claim_id).events[-1].step == "flag"
    assert ready.claims.to_recover(OFFICE) == []


def test_officers_who_let_a_paid_claim_go_on_settle_its_flag(claims_work: Work) -> None:
    """Suspended, and resumed by two officers with their reason."""
    ready = filed(claims_work, rules(redemption_mode='"post_use"'))
    claim_id = paid(ready, 200_00)
    taken(ready, amendment())
    ready.claims.suspend(OFFICER, claim_id, WHY)
    assert len(ready.claims.to_recover(OFFICE)) == 1
    ready.claims.resume(BOTH, claim_id, WHY)

    assert (state(ready, claim_id), ready.claims.to_recover(OFFICE)) == (S.PAID, [])


@pytest.mark.parametrize("forbidden", [True, False])
def test_related_sides_stop_a_claim_where_its_rules_forbid_them(
    claims_work: Work, forbidden: bool
) -> None:
    """As a void invoice does: back to the check of form, or stopped where money is out. Where the
    rules do not ask, it is a flag."""
    rule = "true" if forbidden else "false"
    ready = filed(
        claims_work,
        rules(redemption_mode='"post_use"', related_party_forbidden=rule, stacking__ratio='"none"'),
    )
    first = paid(ready, 200_00)
    taken(ready, declaration("false"))

    assert state(ready, first) is (S.SUSPENDED if forbidden else S.PAID)
    step = ready.claims.show(OFFICE, first).events[-1].step
    assert step == ("reopen" if forbidden else "flag")
    assert len(ready.claims.to_recover(OFFICE)) == (1 if forbidden else 0)
    assert sound(ready)


def test_related_sides_take_an_approval_back(claims_work: Work) -> None:
    """Under review, and approved: nothing is approved any more, and nothing is reserved."""
    ready = filed(claims_work)
    claim_id = ready.approved(200_00)
    taken(ready, declaration("false"))
    claim = ready.claims.show(OFFICE, claim_id).stored.claim

    assert (claim.state, claim.amounts.approved_fen) == (S.FORM_CHECK, 0)
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00}
    assert "声明为关联方" in ready.claims.show(OFFICE, claim_id).events[-1].reason


@pytest.mark.parametrize(
    ("until", "item", "required", "told"),
    [
        ("2026-05-01", "训练", "true", "reopen"),  # it ended before the contract was signed
        ("2026-05-01", "训练", "false", "flag"),
        ("2026-10-01", "训练", "true", "flag"),  # it held on the day of signature
        ("2026-10-01", "推理", "true", "submit"),  # another item: nothing is said
    ],
)
def test_the_end_of_a_listing_is_told_to_the_claims_that_rest_on_it(
    claims_work: Work, until: str, item: str, required: str, told: str
) -> None:
    """Of the provider's contracts, for the item that the claim names."""
    ready = filed(claims_work, rules(provider_list_required=required))
    taken(ready, listing())
    content = ready.content()
    content = replace(content, declared=replace(content.declared, service_item=item))
    stored = ready.claims.draft(CLERK, ready.batch.batch_id, content, gather=True)
    claim_id = stored.claim.claim_id
    ready.claims.submit(CLERK, claim_id)
    taken(ready, listing(until))

    assert ready.claims.show(OFFICE, claim_id).events[-1].step == told


def test_a_draft_hears_nothing_and_is_computed_when_it_is_looked_at(claims_work: Work) -> None:
    """It has no step but its own."""
    ready = filed(claims_work)
    claim_id = ready.draft()
    taken(ready, amendment())

    assert [one.step for one in ready.claims.show(OFFICE, claim_id).events] == ["draft"]


def test_an_import_that_is_refused_tells_nobody(claims_work: Work) -> None:
    """The file names a contract that is not there beside the amendment: nothing stands."""
    ready = filed(claims_work)
    claim_id = ready.approved(200_00)
    with pytest.raises(Exception, match="HT-NONE"):
        taken(ready, amendment() + amendment("HT-NONE"))

    assert ready.claims.show(OFFICE, claim_id).flags == ()
