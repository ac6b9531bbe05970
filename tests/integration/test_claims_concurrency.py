"""Thirty-two at once on PostgreSQL: no voucher, cap or pool is passed, and nobody is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, add_invoice, add_payment, filed, rules
from fixtures_certificates import COMPANY_A
from kashi_server.domain.claim_content import InvoicePart, Officially
from kashi_server.errors import Refused
from kashi_server.services import claim_reviewing
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_evaluation import check_final
from kashi_server.services.claims import Claims
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.ledger import Ledger
from kashi_server.storage.engine import open_engine
from kashi_server.storage.unit_of_work import Work

WRITERS = 32
BASE = 100


def number(place: int) -> str:
    """The invoice of a place."""
    return f"26442000{BASE + place:012d}"


def invoices(work: Work, count: int) -> None:
    """Invoices of 20 yuan of compute each, paid."""
    with work.begin() as unit:
        for place in range(count):
            add_invoice(unit, number(place), "HT-A", COMPANY_A, (20_00, 1_00))
            add_payment(unit, f"PAY-{BASE + place}", COMPANY_A, number(place), 21_00)
        unit.commit()


def papers(place: int) -> Papers:
    """The papers of one invoice: 20 yuan, of which the rules pay 10."""
    part = InvoicePart(number(place), "HT-A", "accelerator", 20_00)
    return Papers(invoices=(part,), payments=(f"PAY-{BASE + place}",))


def at_once(ready: Filed, do: Callable[[Claims, int], object]) -> list[str]:
    """Run it 32 times at once, each on a connection of its own; what each refusal said, empty
    where it was done."""
    url = ready.work.engine.url.render_as_string(hide_password=False)

    def attempt(place: int) -> str:
        engine = open_engine(url)
        try:
            do(Claims(Work(engine), ready.clock), place)
        except Refused as error:
            return str(error)
        finally:
            engine.dispose()
        return ""

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(attempt, range(WRITERS)))


def test_a_voucher_is_never_used_beyond_its_face(postgresql_claims_work: Work) -> None:
    """32 uses of 10 yuan on a voucher of 200: twenty are taken, twelve refused."""
    invoices(postgresql_claims_work, WRITERS)
    ready = filed(postgresql_claims_work, rules())
    claim_id = ready.issued(200_00)

    said = at_once(ready, lambda claims, place: claims.use(CLERK, claim_id, papers=papers(place)))

    assert said.count("") == 20
    # The twentieth use leaves nothing to use.
    assert all("use is not possible" in one for one in said if one)
    with ready.work.begin(writes=False) as unit:
        stored = unit.claims.claim(claim_id)
    assert stored is not None
    assert (stored.claim.balance_fen, stored.claim.outstanding_fen) == (0, 200_00)


def prepared_claims(ready: Filed, count: int) -> list[str]:
    """Claims of one invoice each, before experts; 10 yuan computed each."""
    found = []
    for place in range(count):
        content = ready.content().with_papers((), papers(place).invoices, papers(place).payments)
        claim_id = ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id
        ready.claims.submit(CLERK, claim_id)
        ready.claims.check(OFFICER, claim_id)
        ready.claims.review(OFFICER, claim_id, WHY)
        found.append(claim_id)
    return found


def test_cap_and_pool_hold_against_every_officer(postgresql_claims_work: Work) -> None:
    """16 claims of 10 yuan approved at once by 32 pairs: the cap of 70 and the pool of 100 hold."""
    invoices(postgresql_claims_work, 16)
    known = rules(cap__company_year_yuan='"70.00"', redemption_mode='"post_use"')
    ready = filed(postgresql_claims_work, known, fen=100_00)
    prepared = prepared_claims(ready, 16)

    said = at_once(
        ready,
        lambda claims, place: claims.approve(BOTH, prepared[place % 16], 10_00, WHY),
    )

    assert any(said)
    stands = ready.balances("")
    reserved = {name: fen for name, fen in stands.items() if name.startswith("reserved:")}
    assert sum(reserved.values()) == 70_00
    assert stands[f"cap_left:test-voucher/2026/{COMPANY_A}"] == 0
    assert stands["pool:test-voucher/2026"] == 30_00
    assert Ledger(ready.work, ready.clock).check() == []


def test_the_quota_holds_against_every_officer(postgresql_claims_work: Work) -> None:
    """8 claims approved at once by 32 pairs: three awards are given, and the books say so."""
    invoices(postgresql_claims_work, 8)
    known = rules(quota_per_year="3", redemption_mode='"post_use"')
    ready = filed(postgresql_claims_work, known)
    prepared = prepared_claims(ready, 8)
    for claim_id in prepared:
        ready.claims.assess(OFFICER, claim_id, Officially(rank=1), WHY)

    said = at_once(
        ready,
        lambda claims, place: claims.approve(BOTH, prepared[place % 8], 10_00, WHY),
    )

    assert all("quota_left:test-voucher/2026 holds 0" in one for one in said if one)
    assert ready.balances("quota") == {
        "quota:test-voucher/2026": -3,
        "quota_left:test-voucher/2026": 0,
        "quota_used:test-voucher/2026": 3,
    }
    assert check_claim_books(postgresql_claims_work) == []


def test_one_payment_is_made_once(postgresql_claims_work: Work) -> None:
    """The same certified amount paid by 32 at once: disbursed once, refused otherwise."""
    ready = filed(postgresql_claims_work, rules())
    claim_id = ready.issued(200_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)

    said = at_once(ready, lambda claims, _place: claims.pay(BOTH, claim_id, WHY))

    assert said.count("") == 1
    assert sum(ready.balances("disbursed:").values()) == 200_00
    assert Ledger(ready.work, ready.clock).check() == []


def test_one_paper_serves_one_of_many_claims(postgresql_claims_work: Work) -> None:
    """32 drafts of the same papers handed in at once: one is taken, the others name it."""
    ready = filed(postgresql_claims_work, rules())
    drafts = [ready.draft() for _ in range(WRITERS)]

    said = at_once(ready, lambda claims, place: claims.submit(CLERK, drafts[place]))

    assert said.count("") == 1
    with ready.work.begin(writes=False) as unit:
        holders = unit.claims.holding_statement("KS-2026-09-HT-A")
    assert holders == [drafts[said.index("")]]


def test_two_approvals_at_once_keep_the_line_of_their_contract(
    postgresql_claims_work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each alone stays below 30 % of 900 yuan; decided at once the second sees the first."""
    ready = filed(
        postgresql_claims_work, rules(redemption_mode='"post_use"', stacking__ratio='"0.30"')
    )
    with postgresql_claims_work.begin() as unit:
        for place in (0, 1):
            add_invoice(unit, number(place), "HT-A", COMPANY_A, (450_00, 1_00))
            add_payment(unit, f"PAY-{BASE + place}", COMPANY_A, number(place), 451_00)
        unit.commit()
    claim_ids = []
    for place in (0, 1):
        part = InvoicePart(number(place), "HT-A", "accelerator", 450_00)
        content = replace(ready.content(), invoices=(part,), payments=(f"PAY-{BASE + place}",))
        claim_ids.append(ready.claims.draft(CLERK, ready.batch.batch_id, content).claim.claim_id)
        ready.claims.submit(CLERK, claim_ids[-1])
        ready.claims.check(OFFICER, claim_ids[-1])
        ready.claims.review(OFFICER, claim_ids[-1], WHY)
    both_evaluated, checked = Barrier(2), check_final

    def waits(*arguments: Any, **options: Any) -> None:
        # Nobody meets here where they go one after the other.
        with suppress(BrokenBarrierError):
            both_evaluated.wait(1)
        checked(*arguments, **options)

    monkeypatch.setattr(claim_reviewing, "check_final", waits)

    def approve(claims: Claims, place: int) -> None:
        if place < len(claim_ids):
            claims.approve(BOTH, claim_ids[place], 225_00, WHY)

    refused = [one for one in at_once(ready, approve) if one]

    assert len(refused) == 1
    assert sum(ready.balances("reserved:").values()) == 225_00
