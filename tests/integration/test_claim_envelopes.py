"""An envelope bounds every programme that it names, whether or not their own rules name it."""

from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, RIVAL, WHY, Filed, filed, opened, rules
from fixtures_certificates import COMPANY_A
from kashi_server.domain.interval import Interval
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.appropriating import Appropriating
from kashi_server.services.claim_desk import ClaimDesk
from kashi_server.services.claim_envelopes import envelopes_around
from kashi_server.services.claim_steps import Acting, Why
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)


def around(name: str, *members: str) -> RulesVersion:
    """An envelope around programmes."""
    listed = ", ".join(f'"{one}"' for one in members)
    return rules(name, kind='"envelope"', envelope__members=f"[{listed}]")


def opened_with(ready: Filed, version: RulesVersion, fen: int) -> None:
    """Register an envelope and open it for 2026."""
    Rulebook(ready.work, ready.clock).register([version])
    Appropriating(ready.work, ready.clock).appropriate(BOTH, version, 2026, fen, WHY)


def left(ready: Filed, name: str) -> int:
    """What an envelope still holds."""
    return ready.balances(f"envelope_left:{name}/2026")[f"envelope_left:{name}/2026"]


def reviewed(ready: Filed, by: Acting = CLERK, contract_id: str = "HT-A") -> str:
    """A claim before its approval; it comes to 225 yuan."""
    claim_id = ready.draft(by, contract_id)
    ready.claims.submit(by, claim_id)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    return claim_id


def test_what_one_programme_took_of_an_envelope_is_gone_for_its_other_members(
    claims_work: Work,
) -> None:
    """300 yuan around two programmes whose pools hold a million each and whose rules name no
    envelope: 225 here leave 75 there, as computed and as granted."""
    ready = filed(claims_work)
    other = opened(claims_work, ready.clock, rules("other-voucher"), batch_id="SQ-2")
    opened_with(ready, around("big", "test-voucher", "other-voucher"), 300_00)
    ready.claims.approve(BOTH, reviewed(ready), 225_00, WHY)
    claim_id = reviewed(other, RIVAL, "HT-B")

    assert left(ready, "big") == 75_00
    assert other.claims.show(OFFICE, claim_id).stored.claim.computed_fen == 75_00
    with pytest.raises(Refused):
        other.claims.approve(BOTH, claim_id, 75_01, WHY)
    other.claims.approve(BOTH, claim_id, 75_00, WHY)
    assert left(ready, "big") == 0


def test_several_envelopes_hold_at_once(claims_work: Work) -> None:
    """The one that its own rules name holds 1 000 yuan, the one that names it 200: the least."""
    ready = filed(claims_work, rules(envelope='"own"'))
    opened_with(ready, around("own"), 1_000_00)
    opened_with(ready, around("big", "test-voucher"), 200_00)
    claim_id = reviewed(ready)
    ready.claims.approve(BOTH, claim_id, 200_00, WHY)

    assert ready.claims.show(OFFICE, claim_id).stored.claim.computed_fen == 200_00
    assert (left(ready, "own"), left(ready, "big")) == (800_00, 0)
    ready.claims.reject(OFFICER, claim_id, WHY)
    assert (left(ready, "own"), left(ready, "big")) == (1_000_00, 200_00)


def test_an_envelope_that_nobody_opened_grants_nothing(claims_work: Work) -> None:
    """Registered, and no money in it yet: the approval waits for it."""
    ready = filed(claims_work)
    Rulebook(claims_work, ready.clock).register([around("big", "test-voucher")])

    with pytest.raises(Refused, match=r"holds 0\.00 yuan.* ledger appropriate big 2026"):
        ready.claims.approve(BOTH, reviewed(ready), 100_00, WHY)


def test_the_office_is_told_of_a_fund_that_nobody_opened_before_an_approval_waits_for_it(
    claims_work: Work,
) -> None:
    """By name, with the command that opens it; a company hears nothing, and once it is opened
    nobody does."""
    ready = filed(claims_work, rules(envelope='"own"'))
    desk = ClaimDesk(claims_work, claims_work, ready.clock, ready.claims)
    Rulebook(claims_work, ready.clock).register([around("big", "test-voucher")])
    (row,) = desk.batches(OFFICE)

    assert [(one.programme_id, one.year, one.is_envelope) for one in row.closed] == [
        ("big", 2026, True),
        ("own", 2026, True),
    ]
    assert row.closed[0].command.startswith("kashi-server ledger appropriate big 2026 YUAN")
    company = Reader(account_id=1, role=Role.COMPANY, party_id=COMPANY_A)
    assert [one.closed for one in desk.batches(company)] == [()]
    for name in ("own", "big"):
        version = around(name, "test-voucher")
        Rulebook(claims_work, ready.clock).register([version])
        Appropriating(claims_work, ready.clock).appropriate(BOTH, version, 2026, 300_00, WHY)
    assert [one.closed for one in desk.batches(OFFICE)] == [()]


def test_a_pool_without_a_budget_is_told_while_its_batch_can_approve(claims_work: Work) -> None:
    """Open, or with a claim under review; a closed batch without any says nothing."""
    ready = filed(claims_work)
    other = rules("other-voucher")
    Rulebook(claims_work, ready.clock).register([other])
    batch = replace(
        ready.batch, batch_id="SQ-2", programme_id=other.programme_id, rules_sha256=other.sha256
    )
    ready.batches.open(OFFICER, batch, other, Why(reason="申报通知"))
    desk = ClaimDesk(claims_work, claims_work, ready.clock, ready.claims)
    told = {row.batch.batch_id: row.closed for row in desk.batches(OFFICE)}

    assert [one.programme_id for one in told["SQ-2"]] == ["other-voucher"]
    assert not told["SQ-2"][0].is_envelope
    assert told[ready.batch.batch_id] == ()
    ready.batches.close(OFFICER, "SQ-2", Why(reason="截止"))
    told = {row.batch.batch_id: row.closed for row in desk.batches(OFFICE)}
    assert told["SQ-2"] == ()


def test_a_release_gives_back_to_what_it_was_taken_from(claims_work: Work) -> None:
    """Approved before the envelope was registered: rejected, it gives that envelope nothing."""
    ready = filed(claims_work)
    claim_id = ready.approved(200_00)
    opened_with(ready, around("big", "test-voucher"), 300_00)
    ready.claims.reject(OFFICER, claim_id, WHY)

    assert left(ready, "big") == 300_00
    assert ready.balances("pool:") == {"pool:test-voucher/2026": 1_000_000_00}


def test_an_envelope_of_another_year_binds_nothing(claims_work: Work) -> None:
    """Its rules ended with 2025; the claims are of 2026."""
    ready = filed(claims_work)
    past = around("big", "test-voucher")
    in_2025 = replace(
        past,
        in_force=replace(
            past.in_force, start=past.in_force.start - 525_600, end=past.in_force.start
        ),
    )
    Rulebook(claims_work, ready.clock).register([in_2025])
    ready.claims.approve(BOTH, reviewed(ready), 100_00, WHY)

    assert ready.balances("envelope") == {}


def test_an_envelope_that_was_ended_early_bounds_nothing_after(claims_work: Work) -> None:
    """In force until 2028 by its own date, ended within 2026: it bounds the claims of 2026, and
    none of 2027."""
    whole = around("big", "test-voucher")
    begins = whole.in_force.start
    minutes = {days: begins + days * 1440 for days in (300, 330, 900)}
    first = replace(whole, in_force=Interval(begins, minutes[900]))
    ended = replace(whole, version="ended", in_force=Interval(minutes[300], minutes[330]))
    Rulebook(claims_work, lambda: 0).register([first])
    with claims_work.begin(writes=False) as unit:
        before = {year: envelopes_around(unit, rules(), year) for year in (2026, 2027)}
    Rulebook(claims_work, lambda: 0).register([ended])
    with claims_work.begin(writes=False) as unit:
        found = {year: envelopes_around(unit, rules(), year) for year in (2026, 2027)}

    assert before == {2026: ("big",), 2027: ("big",)}
    assert found == {2026: ("big",), 2027: ()}


def test_the_city_s_envelope_of_2025_bounds_its_compute_voucher(claims_work: Work) -> None:
    """4.5 bn as shipped: a compute voucher of 2025 is reserved from it, one of 2026 is not."""
    Rulebook(claims_work, lambda: 0).register(shipped_rules())
    (voucher,) = [one for one in shipped_rules() if one.programme_id == "shenzhen-compute-voucher"]
    with claims_work.begin(writes=False) as unit:
        found = {year: envelopes_around(unit, voucher, year) for year in (2025, 2026)}

    assert found == {2025: ("shenzhen-ai-envelope",), 2026: ()}
