"""Public money of two programmes on one contract, shown by different papers."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, filed, opened, rules
from kashi_server.domain.claim_content import ClaimContent
from kashi_server.errors import Refused
from kashi_server.services.accounts import Role
from kashi_server.services.sight import Reader
from kashi_server.storage.unit_of_work import Work

OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
METERED = {
    "base__contract": '"off"',
    "base__invoice": '"off"',
    "base__payment": '"off"',
    "base__metered": '"ceiling"',
}

Narrow = Callable[[ClaimContent], ClaimContent]


def by_invoice(content: ClaimContent) -> ClaimContent:
    """The invoice and its payment alone."""
    return replace(content, statements=())


def by_meter(content: ClaimContent) -> ClaimContent:
    """The metered month alone."""
    return replace(content, invoices=(), payments=())


def handed_in(ready: Filed, narrow: Narrow) -> str:
    """A claim on some of the papers that are there."""
    claim_id = ready.draft()
    content = ready.claims.content(CLERK, claim_id)
    ready.claims.change(CLERK, claim_id, narrow(content))
    ready.claims.submit(CLERK, claim_id)
    return claim_id


def reviewed(ready: Filed, narrow: Narrow) -> tuple[str, int]:
    """A claim before its approval, and what it is computed at."""
    claim_id = handed_in(ready, narrow)
    ready.claims.check(OFFICER, claim_id)
    ready.claims.review(OFFICER, claim_id, WHY)
    computed_fen = ready.claims.show(OFFICE, claim_id).stored.claim.computed_fen
    return claim_id, computed_fen or 0


def another(ready: Filed, **changed: str) -> Filed:
    """A programme that pays on what is metered."""
    version = rules("other-voucher", **{**METERED, **changed})
    return opened(ready.work, ready.clock, version, batch_id="SQ-2")


def test_the_invoice_here_and_the_metered_month_there_are_one_cost(claims_work: Work) -> None:
    """Either side's exclusion refuses the second claim, and names the first with its programme."""
    ready = filed(claims_work, rules(mutual_exclusions='["other-voucher"]'))
    first = handed_in(ready, by_invoice)
    second = another(ready)

    named = f"claim {first} of test-voucher is for the same.*test-voucher excludes other-voucher"
    with pytest.raises(Refused, match=named):
        handed_in(second, by_meter)


def test_what_the_newcomer_excludes_is_named_with_its_programme(claims_work: Work) -> None:
    """The other way round: the rules that exclude are named, and the claim of the other side."""
    ready = filed(claims_work)
    first = handed_in(ready, by_invoice)
    second = another(ready, mutual_exclusions='["test-voucher"]')

    named = f"claim {first} of test-voucher is for the same.*other-voucher excludes test-voucher"
    with pytest.raises(Refused, match=named):
        handed_in(second, by_meter)


def test_together_they_stay_below_the_strictest_line(claims_work: Work) -> None:
    """225 yuan on the invoice; whose own line is 60 % gets no fen above the other's 25 %."""
    ready = filed(claims_work, rules(stacking__ratio='"0.25"'))
    first, first_fen = reviewed(ready, by_invoice)
    ready.claims.approve(BOTH, first, first_fen, WHY)
    second = another(ready)
    claim_id, computed_fen = reviewed(second, by_meter)

    assert first_fen == 225_00
    assert computed_fen > 0
    with pytest.raises(Refused, match=f"with claim {first} of test-voucher.*line is 225.00 yuan"):
        second.claims.approve(BOTH, claim_id, computed_fen, WHY)


def test_parts_that_only_one_side_pays_for_are_two_costs(claims_work: Work) -> None:
    """Compute here, storage there: an exclusion of the same expense does not reach it."""
    ready = filed(claims_work, rules(mutual_exclusions='["other-voucher"]'))
    handed_in(ready, by_meter)
    storage = dict.fromkeys(METERED, '"ceiling"') | {"base__metered": '"off"'}
    second = another(ready, **storage, expense_scope__include='["storage"]')

    def of_storage(content: ClaimContent) -> ClaimContent:
        parts = tuple(one for one in content.invoices if one.part == "storage")
        return replace(content, statements=(), invoices=parts)

    _claim_id, computed_fen = reviewed(second, of_storage)

    assert computed_fen == 25_00


def test_what_was_withdrawn_shares_nothing(claims_work: Work) -> None:
    """Given up before anything was paid: the contract is free for the other programme."""
    ready = filed(claims_work, rules(mutual_exclusions='["other-voucher"]'))
    first = handed_in(ready, by_invoice)
    ready.claims.withdraw(CLERK, first, WHY)

    _claim_id, computed_fen = reviewed(another(ready), by_meter)

    assert computed_fen > 0
