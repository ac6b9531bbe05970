"""An insider with the database alters a claim's rows: `fsck` and `ledger check` name each."""

import re

import pytest
from claim_cases import BOTH, CLERK, OFFICER, OTHER, RIVAL, WHY, Filed, filed
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.fsck_log import check_logged
from kashi_server.storage import guards
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text

ALTERED = {
    "UPDATE claims SET approved_fen = approved_fen - 1 WHERE approved_fen > 0": (
        "its approved_fen is 9999"
    ),
    "UPDATE claims SET payee_id = (SELECT max(party_id) FROM parties)": "its payee_id is",
    "UPDATE claims SET officially = CAST('{\"rank\": 1}' AS {bytes})": "its officially_sha256 is",
    "UPDATE claims SET computed_fen = computed_fen + 100": "its computed_fen is",
    "DELETE FROM claim_lines WHERE line = 1": "its lines_sha256 is",
    "DELETE FROM claim_lines": "its lines_sha256 is",
    "UPDATE claim_invoices SET use_serial = 99": "its invoices_sha256 is",
    "UPDATE claim_invoices SET amount_fen = amount_fen - 1": "its invoices_sha256 is",
    "DELETE FROM claim_contracts": "is filed under other contracts",
    "UPDATE claim_proposals SET reason = 'x'": "claim-proposal .* is not what the log has",
    "UPDATE claim_proposals SET officer = 'officer'": "claim-proposal .*/officer",
    "UPDATE claims SET serial = serial + 1": "stands at step",
}
GUARDED = {
    "UPDATE claim_evaluations SET trace = inputs": "its trace_sha256 is not what its step says",
    "UPDATE claim_evaluations SET inputs = CAST('{}' AS {bytes})": "its inputs_sha256 is not",
    "UPDATE claim_evaluations SET requested_fen = 1": "its requested_yuan is not",
    "UPDATE claim_evaluations SET utc_ms = 1": "of another time than its step",
    "DELETE FROM claim_evaluations": "evaluation . of claim .* is gone",
    "UPDATE claim_events SET key = 'k' || claim_id WHERE serial = 1": (
        "column key is not what its bytes say"
    ),
    "UPDATE claim_events SET step = 'pay' WHERE serial = 1": "column step is not",
    "DELETE FROM claim_events WHERE serial = 1": "in the log and nowhere else",
}


def books(work: Work) -> Filed:
    """A claim that was approved, a proposal of one officer for another company's."""
    ready = filed(work)
    ready.approved(100_00)
    other = ready.draft(RIVAL, "HT-B")
    ready.claims.submit(RIVAL, other)
    ready.claims.check(OFFICER, other)
    ready.claims.review(OFFICER, other, WHY)
    ready.claims.approve(OTHER, other, 50_00, WHY)
    return ready


def found(ready: Filed) -> tuple[set[str], set[str]]:
    """What fsck tells of claims, whose papers these tests put in by hand, and what the check of
    the ledger tells."""
    of_claims = {one for one in check_logged(ready.work) if "claim" in one}
    return of_claims, set(check_claim_books(ready.work))


def test_books_that_nobody_touched_are_sound(claims_work: Work) -> None:
    """From draft to payment, with a use, a return and a withdrawal: nothing to tell, sequenced or
    not."""
    ready = filed(claims_work)
    claims, claim_id = ready.claims, ready.issued(200_00)
    claims.use(CLERK, claim_id, amount_fen=50_00)
    claims.redeem(CLERK, claim_id)
    claims.verify(OFFICER, claim_id, WHY)
    claims.pay(BOTH, claim_id, WHY)
    claims.suspend(OFFICER, claim_id, WHY)
    claims.claw_back(BOTH, claim_id, 50_00, WHY)
    other = ready.draft(RIVAL, "HT-B")
    claims.submit(RIVAL, other)
    claims.check(OFFICER, other)
    claims.send_back(OFFICER, other, WHY)
    claims.withdraw(RIVAL, other, WHY)

    assert found(ready) == (set(), set())


@pytest.mark.parametrize("statements", [ALTERED, GUARDED], ids=["altered", "guarded"])
def test_what_an_insider_alters_is_named(claims_work: Work, statements: dict[str, str]) -> None:
    """Row after row changed, moved or taken out: both checks tell which claim, and what of it."""
    ready = books(claims_work)
    dialect = claims_work.engine.dialect.name
    lift = [] if statements is ALTERED else ["claim_events", "claim_evaluations"]
    with claims_work.engine.begin() as connection:
        for table in lift:
            for lifted in guards.drop(dialect, table, "append_only"):
                connection.execute(text(lifted))
    assert found(ready) == (set(), set())

    for statement, told in statements.items():
        before = found(ready)
        with claims_work.engine.begin() as connection:
            kind = "BLOB" if dialect == "sqlite" else "bytea"
            connection.execute(text(statement.replace("{bytes}", kind)))
        for was, now in zip(before, found(ready), strict=True):
            assert any(re.search(told, one) for one in now - was), statement
