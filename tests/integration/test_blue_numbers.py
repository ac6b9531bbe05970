"""Which invoice a red one takes back, put right by two officers, and how that one stands then."""

import pytest
from claim_cases import filed
from contested_cases import (
    CLERK_OF_A,
    DECISION,
    DOCUMENT,
    NUMBER,
    OFFICE,
    OTHER,
    RED,
    SELLER,
    THE_OFFICE,
    damaged,
    deciding,
    said,
    shown,
    told,
)
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.errors import InvalidValue, Refused
from kashi_server.storage.unit_of_work import Work


def test_a_false_blue_number_of_a_red_invoice_is_put_right_by_two_officers(
    claims_work: Work,
) -> None:
    """Its buyer named an invoice of which it claims nothing: put right, that one stands again, the
    true one is taken back, the claim on it reopens, and both words stay kept with who and why."""
    ready = filed(claims_work)
    claim_id = ready.issued(200_00)
    told(ready, said(500_00, OTHER), CLERK_OF_A)
    told(ready, said(-500_00, RED, blue_number=OTHER), CLERK_OF_A)
    assert shown(ready, OTHER).stored.status is InvoiceStatus.RED

    deciding(ready).name_blue(RED, NUMBER, DECISION, DOCUMENT)

    assert shown(ready, OTHER).stored.status is InvoiceStatus.NORMAL
    assert shown(ready).stored.status is InvoiceStatus.RED
    assert ready.claims.show(OFFICE, claim_id).stored.claim.state is ClaimState.SUSPENDED
    history = shown(ready, RED)
    assert [one.invoice.blue_number for one in history.versions] == [OTHER, NUMBER]
    assert history.decisions[0].reason == DECISION.reason
    with claims_work.begin(writes=False) as unit:
        acts = [(one.actor, one.reference) for one in unit.identity.acts()]
    assert acts[-2:] == [("officer", RED), ("second", RED)]
    told(ready, said(-500_00, RED, blue_number=OTHER), SELLER)
    assert shown(ready, OTHER).stored.status is InvoiceStatus.NORMAL
    assert not damaged(claims_work, RED) + damaged(claims_work, OTHER)


def test_no_files_name_makes_a_status_one_of_red_invoices(claims_work: Work) -> None:
    """The bureau's export says red-flushed, in a file named like a red invoice: that a red one of a
    part takes back another now makes nothing of it claimable again."""
    ready = filed(claims_work)
    told(ready, said(500_00, OTHER), CLERK_OF_A)
    told(ready, said(-100_00, RED, blue_number=OTHER), SELLER)
    flushed, file = InvoiceStatus.RED, "red invoice 11 月.xlsx"
    told(ready, said(500_00, OTHER), THE_OFFICE, status=flushed, file=file)

    deciding(ready).name_blue(RED, NUMBER, DECISION, DOCUMENT)

    other = shown(ready, OTHER)
    assert other.stored.status is InvoiceStatus.RED
    assert [one.by_reds for one in other.statuses] == [False, True, False]
    assert shown(ready).stored.status is InvoiceStatus.PARTLY_RED
    assert shown(ready).statuses[-1].by_reds
    assert not damaged(claims_work, OTHER) + damaged(claims_work, RED)


def test_a_blue_number_is_put_right_of_a_red_invoice_alone(claims_work: Work) -> None:
    """A blue one takes back nothing; the same number again, or no number, is refused."""
    ready = filed(claims_work)
    told(ready, said(-500_00, RED, blue_number=NUMBER), CLERK_OF_A)

    with pytest.raises(Refused, match="is not red"):
        deciding(ready).name_blue(NUMBER, OTHER, DECISION, DOCUMENT)
    with pytest.raises(Refused, match="already"):
        deciding(ready).name_blue(RED, NUMBER, DECISION, DOCUMENT)
    with pytest.raises(InvalidValue, match="20"):
        deciding(ready).name_blue(RED, "12", DECISION, DOCUMENT)
