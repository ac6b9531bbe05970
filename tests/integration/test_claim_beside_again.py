"""Claims beside others are told once and in full, whatever crashes or comes at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, invoice_number
from claims_beside import (
    OFFICE,
    approve,
    begun,
    content,
    due,
    invoiced,
    lifted,
    pay,
    submitted,
    told_beside,
)
from kashi_server.commands import claims as commands
from kashi_server.errors import Refused, StorageError
from kashi_server.services import claim_beside, claim_clearing
from kashi_server.services.claim_beside import CompanyYear
from kashi_server.services.claim_steps import Taken, Taking
from kashi_server.services.claim_worth import check_worth
from kashi_server.services.claims import Claims
from kashi_server.services.claims_port import StoredClaim
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.invoice_righting import put_right
from kashi_server.storage.engine import open_engine
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from papers_falling import DECISION, void
from sqlalchemy.exc import ProgrammingError


def flags(ready: Filed, claim_id: str) -> int:
    """How many flags it has."""
    steps = [one.step for one in ready.claims.show(OFFICE, claim_id).events]
    return steps.count("flag")


def test_what_reaches_the_threshold_again_leaves_the_list(claims_work: Work) -> None:
    """The other one is suspended and goes on: the last word is that the paid one comes to all that
    is out. Suspended again it is told again."""
    ready, paid, beside = lifted(claims_work)
    ready.claims.suspend(OFFICER, beside, WHY)
    assert due(ready) == {paid: (0, 150_00)}
    ready.claims.resume(BOTH, beside, WHY)

    assert due(ready) == {}
    assert ready.claims.show(OFFICE, paid).events[-1].terms["comes_to_yuan"] == "150.00"
    ready.claims.suspend(OFFICER, beside, WHY)
    assert due(ready) == {paid: (0, 150_00)}
    assert told_beside(ready, paid) == [[beside]] * 3


def test_an_invoice_that_is_put_right_counts_beside_at_once(sqlite_claims_work: Work) -> None:
    """Void, and two officers let that claim go on: it counts nothing and the paid one is due. With
    the invoice put right it is due no more, before anybody stops anything again."""
    ready = begun(sqlite_claims_work, "claim_first")
    paid = submitted(ready, content(ready, 50, 300_00))
    beside = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    for claim_id, fen in ((beside, 75_00), (paid, 150_00)):
        approve(ready, claim_id, fen)
    ready.days_later(7)
    for claim_id in (beside, paid):
        ready.claims.issue(OFFICER, claim_id)
    ready.claims.use(CLERK, paid)
    ready.claims.redeem(CLERK, paid)
    pay(ready, paid)
    void(ready, 52)
    ready.claims.resume(BOTH, beside, WHY)
    assert due(ready) == {paid: (0, 150_00)}
    number = invoice_number(52)
    put_right(ready.work, ready.clock, number, DECISION, "税务局查询结果", ready.claims)

    assert due(ready) == {}


def test_what_officers_settled_is_not_told_again(sqlite_claims_work: Work) -> None:
    """They recover 50 of 150 yuan and say that no more is due: no later look knows better."""
    ready, paid, beside = lifted(sqlite_claims_work)
    ready.claims.withdraw(CLERK, beside, WHY)
    ready.claims.claw_back(BOTH, paid, 50_00, WHY, settles=True)

    assert ready.claims.look_everywhere() == []
    assert (due(ready), flags(ready, paid)) == ({}, 1)


def test_what_is_recovered_in_parts_is_told_once(sqlite_claims_work: Work) -> None:
    """50 of 150 yuan recovered: 100 are due by the same word, and after them nothing."""
    ready, paid, beside = lifted(sqlite_claims_work)
    ready.claims.withdraw(CLERK, beside, WHY)
    ready.claims.claw_back(BOTH, paid, 50_00, WHY)
    assert (due(ready), flags(ready, paid)) == ({paid: (0, 100_00)}, 1)
    ready.claims.claw_back(BOTH, paid, 100_00, WHY)

    assert ready.claims.look_everywhere() == []
    assert (due(ready), flags(ready, paid)) == ({}, 1)


def test_what_a_crash_left_out_the_daily_command_tells(
    claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended between the step and the look: the next `claim expire` finds it, the one after that
    nothing."""
    ready, paid, beside = lifted(claims_work)
    monkeypatch.setattr(UnitOfWork, "follow", lambda _unit: None)
    ready.claims.withdraw(CLERK, beside, WHY)
    monkeypatch.undo()
    assert due(ready) == {}

    (taken,) = ready.claims.look_everywhere()
    assert taken.stored.claim.claim_id == paid
    assert due(ready) == {paid: (0, 150_00)}
    assert told_beside(ready, paid) == [[]]
    flag = ready.claims.show(OFFICE, paid).events[-1]
    assert "申报合计有变" in flag.reason
    assert ready.claims.look_everywhere() == []
    assert flags(ready, paid) == 1
    assert check_claim_books(ready.work) == []


def test_claim_expire_looks_beside_and_says_so(
    sqlite_claims_work: Work, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The daily command flags what a crash left out, prints it and how many they are."""
    ready, paid, beside = lifted(sqlite_claims_work)
    monkeypatch.setattr(UnitOfWork, "follow", lambda _unit: None)
    ready.claims.withdraw(CLERK, beside, WHY)
    monkeypatch.undo()
    monkeypatch.setattr(commands, "clock_on", lambda _directory: nullcontext(ready.claims))
    commands.expire()
    said = capsys.readouterr().out

    assert f"{paid}: " in said
    assert "0 张券作废 vouchers expired." in said
    assert "另有 1 项申报补记复核提示 claims flagged" in said
    assert due(ready) == {paid: (0, 150_00)}


def test_what_changes_while_a_look_tells_is_told_by_its_next_round(
    sqlite_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one goes on again just after the paid one was flagged, on a server that crashes
    then: whoever flagged looks once more, and the last word is true."""
    ready, _paid, beside = lifted(sqlite_claims_work)
    tell_of, rounds = Claims._tell_of, []

    def between(claims: Claims, *asked: Any) -> Any:
        told = tell_of(claims, *asked)
        rounds.append(len(told))
        if len(rounds) == 1:
            with pytest.MonkeyPatch.context() as crashed:
                crashed.setattr(UnitOfWork, "follow", lambda _unit: None)
                ready.claims.resume(BOTH, beside, WHY)
        return told

    monkeypatch.setattr(Claims, "_tell_of", between)
    ready.claims.suspend(OFFICER, beside, WHY)

    assert rounds == [1, 1]
    assert due(ready) == {}


@pytest.mark.parametrize(
    "error",
    [
        StorageError("数据库没有应答。the database does not answer"),
        ProgrammingError("SELECT 1", {}, Exception("permission denied")),
        KeyError("eligible_yuan"),
    ],
)
def test_a_look_that_fails_takes_no_step_back(
    sqlite_claims_work: Work,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    """Whatever fails after the withdrawal: that stands, whoever took it hears of no error, and it
    is said what to do."""
    ready, paid, beside = lifted(sqlite_claims_work)

    def fails(*_asked: object) -> None:
        raise error

    monkeypatch.setattr(Claims, "_look", fails)
    taken = ready.claims.withdraw(CLERK, beside, WHY)
    monkeypatch.undo()

    assert taken.stored.claim.state == "withdrawn"
    assert "claim expire" in caplog.text
    assert beside in caplog.text
    assert [one.stored.claim.claim_id for one in ready.claims.look_everywhere()] == [paid]


def test_one_company_that_cannot_be_looked_at_hides_no_other(
    sqlite_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep goes on behind a company whose claims cannot be asked, names it in the end, and has
    told the others by then."""
    ready, paid, beside = lifted(sqlite_claims_work)
    with monkeypatch.context() as patched:
        patched.setattr(UnitOfWork, "follow", lambda _unit: None)
        ready.claims.withdraw(CLERK, beside, WHY)
    look, true_year = Claims._look, CompanyYear.of

    def looked(self: Claims, year: CompanyYear, changed: Sequence[str]) -> Sequence[Taken]:
        if year.company_id == "0":
            raise KeyError("eligible_yuan")
        return look(self, year, changed)

    def year_of(stored: StoredClaim) -> CompanyYear:
        year = true_year(stored)
        return year if stored.claim.claim_id == paid else replace(year, company_id="0")

    with monkeypatch.context() as patched:
        patched.setattr(Claims, "_look", looked)
        patched.setattr(CompanyYear, "of", year_of)
        patched.setattr(claim_beside, "_concerned", lambda _stored: True)
        with pytest.raises(Refused, match=r"not looked at, all others were: \S+ 0 \d+"):
            ready.claims.look_everywhere()

    assert due(ready) == {paid: (0, 150_00)}


def test_two_that_lifted_each_other_fall_with_one_cause(sqlite_claims_work: Work) -> None:
    """300 and 200 yuan, both paid, 150 more beside them with 600 asked: with the third one gone
    neither reaches it, and each is told once."""
    ready = begun(sqlite_claims_work, threshold__year_yuan='"600.00"')
    first = submitted(ready, content(ready, 50, 300_00))
    second = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    third = submitted(ready, content(ready, 51, 150_00))
    for claim_id, fen in ((first, 150_00), (second, 100_00), (third, 75_00)):
        approve(ready, claim_id, fen)
    ready.days_later(7)
    pay(ready, first)
    pay(ready, second)
    ready.claims.withdraw(CLERK, third, WHY)

    assert due(ready) == {first: (0, 150_00), second: (0, 100_00)}
    assert told_beside(ready, first) == told_beside(ready, second) == [[third]]


def test_a_refused_step_and_a_proposal_tell_nobody(sqlite_claims_work: Work) -> None:
    """A first officer's word that a claim goes on moves nothing beside it before the second's."""
    ready, paid, beside = lifted(sqlite_claims_work)
    ready.claims.suspend(OFFICER, beside, WHY)
    assert ready.claims.resume(OFFICER, beside, WHY).awaits
    assert due(ready) == {paid: (0, 150_00)}
    assert told_beside(ready, paid) == [[beside]]


def test_what_fell_while_the_other_was_being_paid_is_told(
    postgresql_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one, on a contract of its own, is withdrawn after the payment asked the worth and
    before it is committed: neither saw the other, and the payment looks once more."""
    ready = begun(postgresql_claims_work)
    paid = submitted(ready, content(ready, 50, 300_00))
    beside = submitted(ready, content(ready, 52, 200_00, "HT-C"))
    approve(ready, beside, 75_00)
    approve(ready, paid, 150_00)
    ready.days_later(7)
    ready.claims.verify(OFFICER, paid, WHY)

    def between(taking: Taking, amount_fen: int) -> None:
        check_worth(taking, amount_fen)
        ready.claims.withdraw(CLERK, beside, WHY)

    monkeypatch.setattr(claim_clearing, "check_worth", between)
    ready.claims.pay(BOTH, paid, WHY)

    assert due(ready) == {paid: (0, 150_00)}
    assert flags(ready, paid) == 1


def at_once(ready: Filed, steps: list[Callable[[Claims], object]]) -> None:
    """Take steps at once, each on a connection of its own; whatever one raises is raised."""
    url = ready.work.engine.url.render_as_string(hide_password=False)
    ready_all = Barrier(len(steps))

    def attempt(step: Callable[[Claims], object]) -> None:
        engine = open_engine(url)
        try:
            ready_all.wait(30)
            step(Claims(Work(engine), ready.clock))
        finally:
            engine.dispose()

    with ThreadPoolExecutor(len(steps)) as pool:
        for done in [pool.submit(attempt, step) for step in steps]:
            done.result(timeout=120)


def test_claims_that_fall_at_once_wait_for_nobody_for_ever(postgresql_claims_work: Work) -> None:
    """Six paid claims of a company on two contracts, four of which are suspended at once while two
    beside them are withdrawn: every step is taken, nobody deadlocks, and every claim with money out
    is told of what they left."""
    ready = begun(postgresql_claims_work, threshold__year_yuan='"700.00"')
    claims = []
    for place in range(60, 68):
        contract_id = "HT-A" if place % 2 else "HT-C"
        invoiced(ready, place, 100_00, contract_id)
        claims.append(submitted(ready, content(ready, place, 100_00, contract_id)))
    for claim_id in claims:
        approve(ready, claim_id, 50_00)
    ready.days_later(7)
    for claim_id in claims[:6]:
        pay(ready, claim_id)
    assert due(ready) == {}
    at_once(
        ready,
        [
            *(lambda desk, one=one: desk.suspend(OFFICER, one, WHY) for one in claims[:4]),
            *(lambda desk, one=one: desk.withdraw(CLERK, one, WHY) for one in claims[6:]),
        ],
    )

    assert due(ready) == dict.fromkeys(claims[:6], (0, 50_00))
    assert ready.claims.look_everywhere() == []
    assert check_claim_books(ready.work) == []
