"""A claim in which nothing is claimed is not taken, and a draft says why it gathered nothing."""

import pytest
from claim_cases import CLERK, Filed, filed, invoice_number, rules
from kashi_server.commands.claim_printing import print_draft
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import Refused
from kashi_server.services.claim_desk import try_draft
from kashi_server.storage.unit_of_work import Work

AWARD = {
    "kind": '"discretionary"',
    "redemption_mode": '"post_use"',
    "ratio__general": '"1.00"',
    "stacking__ratio": '"none"',
}


def bare(ready: Filed) -> str:
    """A draft that names no paper; its id."""
    stored = ready.claims.draft(CLERK, ready.batch.batch_id, ready.content())
    return stored.claim.claim_id


def test_a_claim_that_names_no_paper_is_not_handed_in(claims_work: Work) -> None:
    """Refused with what to do next, and so says its trial; it stays a draft and may be filled."""
    ready = filed(claims_work)
    claim_id = bare(ready)

    with pytest.raises(Refused, match=rf"claim add {claim_id} --gather"):
        ready.claims.submit(CLERK, claim_id)
    with ready.work.begin(writes=False) as unit:
        stored = unit.claims.claim(claim_id)
        assert stored is not None
        assert "nothing is claimed" in try_draft(unit, stored, ready.clock()).problem
    assert stored.claim.state is ClaimState.DRAFT
    ready.claims.change(CLERK, claim_id, stored.content, gather=True)
    assert ready.claims.submit(CLERK, claim_id).stored.claim.state is ClaimState.SUBMITTED


def test_an_award_without_papers_is_handed_in(claims_work: Work) -> None:
    """Where the authority decides, there is no paper to name."""
    ready = filed(claims_work, rules(**AWARD))

    assert ready.claims.submit(CLERK, bare(ready)).stored.claim.state is ClaimState.SUBMITTED


def test_a_draft_names_the_claim_that_holds_its_papers(claims_work: Work) -> None:
    """Of the company's own claims: which, and which papers; a draft holds none."""
    ready = filed(claims_work)
    first, second = ready.draft(), ready.draft()
    assert ready.claims.left_out(CLERK, second).held == ()
    ready.claims.submit(CLERK, first)

    (held,) = ready.claims.left_out(CLERK, ready.draft()).held

    assert (held.claim_id, held.invoices) == (first, (invoice_number(0),))
    assert held.statements == ("KS-2026-09-HT-A",)


def test_a_draft_without_papers_says_so_and_why(
    claims_work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is gathered in silence: the warning names the contract and the holding claim."""
    ready = filed(claims_work)
    first = ready.draft()
    ready.claims.submit(CLERK, first)
    second = ready.draft()
    with ready.work.begin(writes=False) as unit:
        stored = unit.claims.claim(second)
    assert stored is not None

    print_draft(stored, ready.claims.left_out(CLERK, second), as_json=False)

    said = capsys.readouterr().out
    assert "未列入任何材料 no paper is named: HT-A" in said
    assert f"held by claim {first}: KS-2026-09-HT-A" in said
