"""A real correction supersedes a certificate, from the changed price to the refused redemption."""

import io
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, add_accounts, add_papers, filed
from cryptography import x509
from fixtures_certificates import (
    COMPANY_A,
    COMPANY_B,
    MONTH,
    CertifiedMonth,
    make_month,
    write_files,
)
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.errors import Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.claim_case import Papers
from kashi_server.services.claims import Claims
from kashi_server.services.correcting import Correcting
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.importing import store
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.services.views import Views
from kashi_server.storage.unit_of_work import Work
from kashi_verify.findings import Findings, Level, Verdict
from kashi_verify.verification import Question, verify
from pypdf import PdfReader

NOW = datetime(2027, 1, 5, tzinfo=UTC)


@pytest.fixture
def month(work: Work) -> CertifiedMonth:
    """A certified month with papers, officers and a company's clerk."""
    made = make_month(work)
    made.issue()
    add_accounts(work)
    add_papers(work)
    return made


def correct(month: CertifiedMonth) -> None:
    """The first price was a tenth: two officers correct the month."""
    with month.work.begin() as unit:
        price = next(one for one in unit.expense.prices() if one.price_id == "HT-A-12.50")
        store(unit, replace(price, yuan=Fraction("1.25")), month.clock.now_ms)
        unit.commit()
    head = partial(sequence, month.work, month.keyring, month.clock)
    decision = OfficersDecision(officers=("officer", "second"), reason="wrong price")
    watches = (Claims(month.work, month.clock),)
    made = Correcting(month.work, head, month.clock, demo=False, watches=watches).make(
        MONTH, decision
    )
    assert made is not None


def status(month: CertifiedMonth, one: StoredCertificate) -> CertificateStatus:
    """How a certificate stands, as whoever holds number and code is told."""
    found = month.keeping.look_up(one.number, one.code)
    assert found is not None
    return found.status


def verified(month: CertifiedMonth, one: StoredCertificate, folder: Path) -> Findings:
    """What the verifier finds in its files."""
    files = write_files(month, one.number, folder / one.number)
    root = x509.load_pem_x509_certificate(files.root.read_bytes())
    return verify(Question(pdf=files.pdf.read_bytes(), now=NOW, root=root, bundle=files.bundle))


def test_a_correction_supersedes_the_certificate_end_to_end(
    month: CertifiedMonth, tmp_path: Path
) -> None:
    """Corrected: who asks is told of revision 2; certified: the old one is superseded, names the
    new one, and is redeemed no more; both files verify as what they are; the log holds."""
    views = Views(month.work, month.clock)
    old, other = month.issue()[COMPANY_A], month.issue()[COMPANY_B]
    correct(month)
    between = views.verify_number(old.number)
    assert between is not None
    assert (between.status, between.newer_revision) == (CertificateStatus.ISSUED, 2)

    new = month.issue()[COMPANY_A]
    month.sequence()

    assert (new.statement_revision, new.supersedes) == (2, old.number)
    assert new.amount_fen < old.amount_fen
    assert status(month, old) is CertificateStatus.SUPERSEDED
    assert status(month, new) is CertificateStatus.ISSUED
    assert status(month, other) is CertificateStatus.ISSUED
    told = views.verify_number(old.number)
    assert told is not None
    assert told.status_reason == f"superseded by {new.number}"
    with pytest.raises(Refused, match="superseded"):
        month.keeping.redeem(old.number, "claim SQ-1", "officer")
    with pytest.raises(Refused, match="superseded"):
        month.keeping.withdraw(old.number, "wrong", "officer")
    reader = PdfReader(io.BytesIO(month.keeping.file(new.number, "pdf")))
    assert old.number in "".join(page.extract_text() for page in reader.pages)
    for one, supersedes in ((old, ""), (new, old.number)):
        findings = verified(month, one, tmp_path)
        assert (findings.verdict, findings.level) == (Verdict.VALID, Level.EVIDENCE), one.number
        assert findings.summary["supersedes"] == supersedes
    assert [fault for fault in check_logged(month.work) if "certificate" in fault] == []


def test_no_payment_rests_on_a_superseded_certificate(month: CertifiedMonth) -> None:
    """A claim whose month is corrected before it is paid goes back to where nothing was used, is
    told which revision holds, and redeems neither the old certificate nor the new one; it goes on
    once the revision that holds is named, and its payment redeems that one's certificate."""
    old = month.issue()[COMPANY_A]
    ready = filed(month.work)
    claim_id = ready.issued(100_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    correct(month)
    new = month.issue()[COMPANY_A]
    with pytest.raises(Refused, match="is issued; pay is not possible"):
        ready.claims.pay(BOTH, claim_id, WHY)
    with pytest.raises(Refused, match="was corrected: revision 2 holds, the claim names 1"):
        ready.claims.use(CLERK, claim_id)

    assert status(month, old) is CertificateStatus.SUPERSEDED
    assert status(month, new) is CertificateStatus.ISSUED

    with month.work.begin(writes=False) as unit:
        stored = unit.claims.claim(claim_id)
    assert stored is not None
    content = stored.content
    (corrected,) = content.statements
    named = Papers(
        statements=(replace(corrected, revision=2),),
        invoices=content.invoices,
        payments=content.payments,
    )
    ready.claims.use(CLERK, claim_id, papers=named)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    assert status(month, new) is CertificateStatus.REDEEMED
    assert status(month, old) is CertificateStatus.SUPERSEDED
