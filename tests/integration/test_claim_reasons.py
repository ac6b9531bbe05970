"""The reason that is kept with a step is the one that was given; where none was, that is said."""

from claim_cases import CLERK, OFFICER, WHY, filed, rules
from kashi_server.domain.claim_states import Step
from kashi_server.services.acts import NO_REASON
from kashi_server.storage.unit_of_work import Work


def test_a_step_without_a_reason_says_so_and_not_its_own_name(claims_work: Work) -> None:
    """Among the privileged acts and in the ledger: what needs no reason and got none has none; what
    was given stands there word for word."""
    ready = filed(claims_work, rules())
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)

    with ready.work.begin(writes=False) as unit:
        acts = {one.act: one.reason for one in unit.identity.acts()}
        movements = [one.movement for one in unit.ledger.movements() if one.movement]
    of_claim = {one.reason for one in movements if one.key.startswith(f"claim/{claim_id}/")}
    names = {str(step) for step in Step}

    assert {act: acts[act] for act in ("claim-check", "claim-publicise", "claim-issue")} == (
        dict.fromkeys(("claim-check", "claim-publicise", "claim-issue"), NO_REASON)
    )
    assert acts["claim-verify"] == WHY.reason
    assert NO_REASON in of_claim
    assert WHY.reason in of_claim
    assert not names & {*acts.values(), *(one.reason for one in movements)}
