"""A batch under rules that two officers ended early: who applies after the end gets nothing."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed
from kashi_server.domain.interval import Interval
from kashi_server.domain.rules import Decision, RulesVersion
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.rulebook import Rulebook
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
ENDED = Decision(
    officers=("officer-a", "officer-b"),
    decided_on="2026-10-01",
    reason="措施提前废止",
    document="废止通知〔2026〕3号",
)


def later(ready: Filed, days: int | None) -> RulesVersion:
    """A version that begins where the closed months end: ended after some days, or open."""
    with ready.work.begin(writes=False) as unit:
        last = unit.expense.last_close()
    assert last is not None
    start = last.cut_off.event_end
    if days is None:
        return replace(ready.rules, version="2", in_force=Interval(start, None))
    return replace(
        ready.rules, version="2", in_force=Interval(start, start + days * 1440), ended=ENDED
    )


def register(ready: Filed, version: RulesVersion) -> None:
    """As a decision does."""
    Rulebook(ready.work, ready.clock).register([version])


def test_who_applies_after_the_end_is_refused(claims_work: Work) -> None:
    """The batch's own version has no end; ended, it takes no application, and the paper is named.
    What was handed in before goes its way."""
    ready = filed(claims_work)
    before = ready.draft()
    ready.claims.submit(CLERK, before)
    after = ready.draft()
    register(ready, later(ready, 1))

    with pytest.raises(Refused, match=r"were ended early by version 2 \(废止通知〔2026〕3号\)"):
        ready.claims.submit(CLERK, after)
    ready.claims.check(OFFICER, before)
    ready.claims.review(OFFICER, before, WHY)
    ready.claims.approve(BOTH, before, 100_00, WHY)
    shown = ready.claims.show(OFFICE, before).stored.claim
    assert (shown.amounts.approved_fen, shown.computed_fen) == (100_00, 225_00)


def test_what_was_returned_is_handed_in_again_after_the_end(claims_work: Work) -> None:
    """It was applied for while the rules held."""
    ready = filed(claims_work)
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.send_back(OFFICER, claim_id, WHY)
    register(ready, later(ready, 1))

    ready.claims.submit(CLERK, claim_id)


def test_a_later_version_in_force_closes_no_batch(claims_work: Work) -> None:
    """A batch keeps its own version where another one follows, or ends later."""
    ready = filed(claims_work)
    register(ready, later(ready, None))

    ready.claims.submit(CLERK, ready.draft())
