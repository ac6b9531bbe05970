"""A real correction supersedes a certificate, from the changed price to the refused redemption."""

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from hashlib import sha256
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
from insider import unguard
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.errors import Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.claim_case import Papers
from kashi_server.services.claims import Claims
from kashi_server.services.correcting import Correcting
from kashi_server.services.fsck_certificates import certificate_faults
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.importing import store
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.services.views import Views
from kashi_server.storage.tables.certificates import certificate_files
from kashi_server.storage.unit_of_work import Work
from kashi_verify import document
from kashi_verify.findings import CheckFailed, Findings, Level, Step, Verdict
from kashi_verify.pages import check_pages
from kashi_verify.verification import Question, verify
from pypdf import PdfReader
from sqlalchemy import update

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


def head(month: CertifiedMonth, one: StoredCertificate) -> bytes:
    """A certificate's head, as it is attached to its PDF."""
    reader = PdfReader(io.BytesIO(month.keeping.file(one.number, "pdf")))
    (content,) = reader.attachments["certificate.json"]
    return content


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


def test_a_certificate_names_what_it_supersedes_by_hash(
    month: CertifiedMonth, tmp_path: Path
) -> None:
    """The hash is that of the old one's head; the pages print it; the verifier holds it against
    the old one, as PDF or as bundle, and refuses another certificate in its place."""
    old, other = month.issue()[COMPANY_A], month.issue()[COMPANY_B]
    correct(month)
    new = month.issue()[COMPANY_A]
    named = sha256(head(month, old)).hexdigest()

    assert json.loads(head(month, old))["supersedes_sha256"] is None
    assert json.loads(head(month, new))["supersedes_sha256"] == named
    reader = PdfReader(io.BytesIO(month.keeping.file(new.number, "pdf")))
    assert named in "".join("".join(page.extract_text().split()) for page in reader.pages)
    files = {
        one.number: write_files(month, one.number, tmp_path / one.number)
        for one in (old, new, other)
    }
    asked = Question(
        pdf=files[new.number].pdf.read_bytes(), now=NOW, bundle=files[new.number].bundle
    )
    for one, step in ((old, None), (other, Step.ATTACHMENTS), (new, Step.ATTACHMENTS)):
        for before in (files[one.number].pdf, files[one.number].bundle):
            findings = verify(replace(asked, superseded=before))
            failed = findings.failure and findings.failure.step
            assert (failed, findings.summary.get("supersedes_sha256", named)) == (step, named)
    first = replace(asked, pdf=files[old.number].pdf.read_bytes(), bundle=None)
    findings = verify(replace(first, superseded=files[new.number].pdf))
    assert findings.failure is not None
    assert "names no superseded certificate by its hash" in findings.failure.detail


def test_pages_that_show_another_hash_of_what_is_superseded_fail(month: CertifiedMonth) -> None:
    """A reader of the paper sees number and hash of the old certificate as the data has them."""
    old = month.issue()[COMPANY_A]
    correct(month)
    opened = document.open_pdf(month.keeping.file(month.issue()[COMPANY_A].number, "pdf"))
    files = document.attachments(opened)
    said, statement = (json.loads(files[f"{one}.json"]) for one in ("certificate", "statement"))
    pages = document.page_texts(opened)
    check_pages(pages, said, statement)
    for shown, words in (
        (old.number, "the superseded certificate '"),
        (said["supersedes_sha256"], "the superseded certificate's hash"),
    ):
        other = f"{shown[:-1]}{'1' if shown[-1] == '0' else '0'}"
        with pytest.raises(CheckFailed, match=words):
            check_pages([page.replace(shown, other) for page in pages], said, statement)


@pytest.mark.parametrize("change", ["another", "none", "one too many"])
def test_a_bundle_whose_superseded_head_is_another_fails(
    month: CertifiedMonth, tmp_path: Path, change: str
) -> None:
    """The bundle carries the head that is superseded: that one, and only where one is named."""
    old = month.issue()[COMPANY_A]
    correct(month)
    new = month.issue()[COMPANY_A]
    one = old if change == "one too many" else new
    files = write_files(month, one.number, tmp_path)
    with zipfile.ZipFile(files.bundle) as bundle:
        members = {name: bundle.read(name) for name in bundle.namelist()}
    if change == "none":
        del members["superseded.json"]
    else:
        members["superseded.json"] = head(month, new)
    with zipfile.ZipFile(files.bundle, "w") as bundle:
        for name, content in members.items():
            bundle.writestr(name, content)
    findings = verify(Question(pdf=files.pdf.read_bytes(), now=NOW, bundle=files.bundle))

    assert findings.failure is not None
    assert findings.failure.step is Step.BUNDLE
    assert "superseded" in findings.failure.detail.lower()


def test_fsck_finds_another_hash_of_what_is_superseded(month: CertifiedMonth) -> None:
    """A superseded head that was altered, or a head that names another hash, is told."""
    old = month.issue()[COMPANY_A]
    correct(month)
    new = month.issue()[COMPANY_A]
    assert [one for one in check_logged(month.work) if "certificate" in one] == []
    for one, field, value in (
        (old, "issued_at", "2026-10-03"),
        (new, "supersedes_sha256", "0" * 64),
    ):
        with month.work.begin() as unit:
            unguard(unit, "certificate_files")
            whole = json.loads(month.keeping.file(one.number, "certificate"))
            whole["certificate"][field] = value
            files = certificate_files.c
            kept = (files.number == one.number, files.kind == "certificate")
            changed = update(certificate_files).where(*kept)
            unit.connection.execute(changed.values(content=canonical_bytes(whole)))
            found = list(certificate_faults(unit.certificates))
        said = f"certificate {new.number} names another hash of {old.number}"
        assert [fault for fault in found if said in fault] != []


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
