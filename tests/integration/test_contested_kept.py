"""Contents of one number in the database: none stands that was not decided, none is edited."""

import pytest
from claim_cases import filed
from contested_cases import (
    CLERK_OF_A,
    DECISION,
    DOCUMENT,
    NUMBER,
    OTHER,
    RIVAL,
    SELLER,
    damaged,
    deciding,
    said,
    shown,
    told,
)
from fixtures_certificates import COMPANY_B
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError


def test_the_database_lets_no_content_stand_that_two_officers_did_not_decide(
    claims_work: Work,
) -> None:
    """Whoever writes: a version without a decision, or an amount with none, is refused."""
    ready = filed(claims_work)
    told(ready, said(99_00), SELLER)

    for change in ("version = 2", "version = 2, ex_tax_fen = 1, incl_fen = 1", "tax_fen = 1"):
        with pytest.raises(DatabaseError), claims_work.begin() as unit:
            unit.connection.execute(text(f"UPDATE invoices SET {change} WHERE number = '{NUMBER}'"))
    assert shown(ready).stored.version == 1


def test_fsck_tells_of_a_version_that_no_decision_names(sqlite_claims_work: Work) -> None:
    """Two contents with the same lines: whoever turns the row back behind the server is told of,
    and so is a row with the right version and another buyer."""
    ready = filed(sqlite_claims_work)
    told(ready, said(300_00, OTHER, COMPANY_B), RIVAL, (1, "HT-B", "accelerator"))
    told(ready, said(300_00, OTHER), CLERK_OF_A)
    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)
    assert not damaged(sqlite_claims_work, OTHER)

    with sqlite_claims_work.begin() as unit:
        unit.connection.execute(text("DROP TRIGGER invoices_no_update"))
        unit.connection.execute(text(f"UPDATE invoices SET version = 1 WHERE number = '{OTHER}'"))
        unit.commit()

    found = damaged(sqlite_claims_work, OTHER)
    assert f"invoice {OTHER}: version 1 stands, not version 2 as decided" in found
    assert f"invoice {OTHER} is not what version 1 of it says" in found


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (
            "UPDATE invoice_lines SET ex_tax_fen = 1 WHERE number = '{}' AND version = 1",
            "invoice {}: lines of version 1 are not what was told of it",
        ),
        (
            "DELETE FROM invoice_lines WHERE number = '{}' AND version = 1",
            "invoice {}: lines of version 1 are not what was told of it",
        ),
        (
            "INSERT INTO invoice_lines VALUES ('{}', 7, 1, '算力', 1, 0)",
            "invoice {}: version 7 has lines and never stood",
        ),
    ],
)
def test_fsck_tells_of_edited_lines_of_a_content_that_does_not_stand(
    sqlite_claims_work: Work, edit: str, found: str
) -> None:
    """Two officers may let it stand again, with the lines that are kept of it then."""
    ready = filed(sqlite_claims_work)
    told(ready, said(700_00, OTHER, COMPANY_B), RIVAL)
    told(ready, said(300_00, OTHER), CLERK_OF_A)
    told(ready, said(200_00, OTHER), CLERK_OF_A)
    deciding(ready).decide(OTHER, 2, DECISION, DOCUMENT)
    assert not damaged(sqlite_claims_work, OTHER)

    with sqlite_claims_work.begin() as unit:
        for act in ("update", "delete"):
            unit.connection.execute(text(f"DROP TRIGGER invoice_lines_no_{act}"))
        unit.connection.execute(text(edit.format(OTHER)))
        unit.commit()

    assert damaged(sqlite_claims_work, OTHER) == [found.format(OTHER)]
