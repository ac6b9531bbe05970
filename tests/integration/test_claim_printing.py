"""What claim commands print: days of public notice, and steps that somebody can take."""

from datetime import timedelta

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, filed, rules
from kashi_server.commands.claim_printing import print_claim, print_taken
from kashi_server.domain.claim_states import Mode, Review, Step, Who, transitions
from kashi_server.services.accounts import Role
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def test_whoever_makes_a_claim_public_reads_its_last_day(
    sqlite_claims_work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """Seven days from the first, which counts; `show` tells them too, while they run."""
    ready = filed(sqlite_claims_work)
    claim_id = ready.approved(100_00)
    taken = ready.claims.publicise(OFFICER, claim_id)
    first = taken.stored.claim.publicised_on
    assert first is not None
    public = f"公示期 public {first} – {first + timedelta(days=6)}"

    print_taken(taken, as_json=False)
    print_claim(ready.claims.show(OFFICE, claim_id), trace=False)
    assert capsys.readouterr().out.count(public) == 2

    ready.clock.advance((7 * 24 + 1) * 3_600_000)
    print_taken(ready.claims.issue(OFFICER, claim_id), as_json=False)
    assert "公示期" not in capsys.readouterr().out


def test_rules_without_days_of_notice_tell_no_last_one(
    sqlite_claims_work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """None are asked for: the claim can go on at once."""
    ready = filed(sqlite_claims_work, rules(publicity_days='"none"'))
    claim_id = ready.approved(100_00)

    print_taken(ready.claims.publicise(OFFICER, claim_id), as_json=False)

    assert "公示期" not in capsys.readouterr().out


def test_steps_of_the_clock_are_offered_to_nobody(
    sqlite_claims_work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """A claim under review may be approved, rejected, withdrawn; what happens by itself is not
    listed among what can be done."""
    ready = filed(sqlite_claims_work)
    shown = ready.claims.show(OFFICE, ready.approved(100_00))
    state = shown.stored.claim.state
    by_itself = {
        one.step
        for one in transitions(Mode.CLAIM_FIRST, Review())
        if one.who is Who.CLOCK and state in one.sources
    }
    assert by_itself == {Step.REOPEN, Step.FLAG}

    print_claim(shown, trace=False)

    offered = "".join(capsys.readouterr().out.partition("可办 possible:")[2].split())
    assert all(word in offered for word in ("核定approve", "公示publicise", "不予支持reject"))
    assert not any(word in offered for word in ("reopen", "flag", "clock"))


def test_a_step_that_awaits_a_second_officer_is_named_in_both_languages(
    sqlite_claims_work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the steps that are offered."""
    ready = filed(sqlite_claims_work)
    claim_id = ready.approved(100_00)
    ready.claims.suspend(OFFICER, claim_id, WHY)
    ready.claims.resume(OFFICER, claim_id, WHY)

    print_claim(ready.claims.show(OFFICE, claim_id), trace=False)

    told = f"待第二人 awaits a second officer: 恢复 resume ({BOTH.login})"
    assert told in capsys.readouterr().out


def test_nothing_is_recovered_of_a_claim_that_was_paid_nothing(
    sqlite_claims_work: Work,
) -> None:
    """A withdrawn claim offers no step; with money out two officers may claw it back."""
    ready = filed(sqlite_claims_work)
    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.withdraw(CLERK, claim_id, WHY)

    assert ready.claims.show(OFFICE, claim_id).possible == ()
