"""A look at the claims beside one asks the database as often as there are claims, not pairs."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from claim_cases import CLERK, OFFICER, Filed
from claims_beside import OFFICE, approve, asked, begun, content, invoiced, pay, submitted
from kashi_server.services.claim_beside import CompanyYear
from kashi_server.services.claim_remembering import remembering
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from sqlalchemy import event

FEW, MANY = 3, 9
FIRST = 60
RULES = {
    "post-use": ("post_use", {"cap__company_year_principle_yuan": '"500000.00"', "years_max": "3"}),
    "voucher": ("claim_first", {}),
    "by-contract": ("post_use", {"threshold__basis": '"contract"'}),
}
"""Rules by which others are asked for their expense, their approvals and their contracts."""


def paid(ready: Filed, places: range) -> list[str]:
    """So many claims of ten yuan more, of each of which half is paid."""
    claim_ids = []
    for place in places:
        contract_id = "HT-A" if place % 2 else "HT-C"
        invoiced(ready, place, 10_00, contract_id)
        claim_ids.append(submitted(ready, content(ready, place, 10_00, contract_id)))
    for claim_id in claim_ids:
        approve(ready, claim_id, 5_00)
    for claim_id in claim_ids:
        if ready.claims.show(OFFICE, claim_id).stored.claim.mode.has_voucher:
            ready.claims.issue(OFFICER, claim_id)
            ready.claims.use(CLERK, claim_id)
            ready.claims.redeem(CLERK, claim_id)
        pay(ready, claim_id)
    return claim_ids


@contextmanager
def statements(ready: Filed) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        sent.append(statement)

    event.listen(ready.work.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(ready.work.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("known", RULES.values(), ids=RULES)
def test_a_look_asks_the_database_as_often_as_there_are_claims(
    sqlite_claims_work: Work,
    known: tuple[str, dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Three times as many claims of a company, programme and year: at most three times as many
    statements, counted where they are sent; each claim comes to what it does asked alone."""
    mode, changed = known
    ready = begun(
        sqlite_claims_work,
        mode,
        **{"threshold__year_yuan": '"20.00"', "publicity_days": "0", **changed},
    )
    # What follows the steps that prepare it is none of what is counted.
    monkeypatch.setattr(UnitOfWork, "follow", lambda _unit: None)
    claim_ids, counts = [], []
    for first, after in ((0, FEW), (FEW, MANY)):
        claim_ids += paid(ready, range(FIRST + first, FIRST + after))
        year = CompanyYear.of(ready.claims.show(OFFICE, claim_ids[0]).stored)
        with statements(ready) as sent:
            assert ready.claims._otherwise(year) == []
        counts.append(len(sent))

    few, many = counts
    assert many <= few * MANY // FEW, counts
    assert asked(ready, claim_ids, remembering) == asked(ready, claim_ids, lambda unit: unit)


def test_a_unit_that_remembers_writes_nothing(sqlite_claims_work: Work) -> None:
    """Nothing by which a claim is changed or locked is there; one that remembers stays itself."""
    ready = begun(sqlite_claims_work)
    with ready.work.begin(writes=False) as unit:
        read = remembering(unit)
        assert remembering(read) is read
        for family, methods in (
            ("claims", ("add_event", "put_claim", "lock_contracts", "hold_parts", "let_go")),
            ("ledger", ("lock", "add")),
        ):
            for method in methods:
                assert hasattr(getattr(unit, family), method)
                assert not hasattr(getattr(read, family), method)
        assert not hasattr(read, "commit")
