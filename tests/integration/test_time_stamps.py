"""Time-stamps: asked of a real HTTP authority, kept in the signature, checked by the verifier."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from fixtures_certificates import (
    CLOSE_UTC_MS,
    COMPANY_A,
    CertificateFiles,
    CertifiedMonth,
    make_month,
    write_files,
)
from fixtures_database import Database
from kashi_server.documents.press import DocumentPress
from kashi_server.documents.signing import SoftwareKey, sign_pdf
from kashi_server.documents.time_stamping import HttpTimeStamper, StampAddress
from kashi_server.domain.certificate import Certificate, TimeStamping
from kashi_server.domain.certificate_parts import CertificateParts
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.certificates_port import Press
from kashi_verify.findings import Findings, Step, Verdict
from kashi_verify.verification import Question, verify
from time_stamp_authority import Authority, at_utc_ms, make_authority, serving

ISSUED = at_utc_ms(CLOSE_UTC_MS)


@pytest.fixture(scope="module")
def made() -> Authority:
    """Keys are costly: one authority for all tests here."""
    return make_authority(ISSUED + timedelta(seconds=2))


@pytest.fixture
def authority(made: Authority) -> Iterator[Authority]:
    """It answers, and does nothing wrong yet."""
    made.wrong = None
    made.asked.clear()
    with serving(made):
        yield made


@pytest.fixture
def month(sqlite_database: Database) -> CertifiedMonth:
    """A closed month."""
    return make_month(sqlite_database.work)


def stamped_by(month: CertifiedMonth, address: str, *, required: bool = True) -> None:
    """Let the month's press ask an authority."""
    key = SoftwareKey(month.keyring.document_key, month.keyring.document_chain)
    month.keeping._making._press = DocumentPress(
        key=key, stamper=HttpTimeStamper(StampAddress(address))
    )
    month.keeping._making._issuing = replace(
        month.keeping._making._issuing, stamp_required=required
    )


def ask(files: CertificateFiles, tsa_root: x509.Certificate | None, pdf: bytes = b"") -> Findings:
    """Verify with the documents root, and perhaps with the authority's."""
    return verify(
        Question(
            pdf=pdf or files.pdf.read_bytes(),
            now=ISSUED + timedelta(days=1),
            root=x509.load_pem_x509_certificate(files.root.read_bytes()),
            bundle=files.bundle,
            tsa_root=tsa_root,
        )
    )


def test_a_stamp_is_kept_and_verified(
    month: CertifiedMonth, authority: Authority, tmp_path: Path
) -> None:
    """One request a document; under the authority's root the certificate is valid, no flag."""
    stamped_by(month, authority.address)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path)
    findings = ask(files, authority.root)

    assert findings.failure is None, findings.failure
    assert findings.verdict is Verdict.VALID
    assert len(authority.asked) == 3  # one for each document of the month
    assert "stamped" in findings.outcomes[Step.SIGNATURE - 1].detail
    unvouched = ask(files, None)
    assert unvouched.verdict is Verdict.FLAGGED
    assert [flag.code for flag in unvouched.flags] == ["stamp_unvouched"]


def test_a_foreign_or_damaged_stamp_is_found(
    month: CertifiedMonth, authority: Authority, tmp_path: Path
) -> None:
    """Another authority's root, and flips inside the token, fail and name the step."""
    stamped_by(month, authority.address)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path)
    other = ask(files, make_authority(ISSUED).root)
    assert other.failure is not None
    assert other.failure.step is Step.CHAIN
    assert "time-stamp" in other.failure.detail

    content = files.pdf.read_bytes()
    token = content.index(b"060B2A864886F70D0109100104")  # id-ct-TSTInfo inside the container
    value = len(content[: content.index(b">", token)].rstrip(b"0"))
    for place in (token + 60, token + 120, value - 40, value - 400):
        flipped = bytearray(content)
        flipped[place] = ord("1") if flipped[place] == ord("0") else ord("0")
        findings = ask(files, authority.root, bytes(flipped))
        assert findings.verdict is Verdict.INVALID, place
        assert findings.failure is not None
        assert findings.failure.step <= Step.CHAIN


def test_a_stamp_that_was_taken_away_is_found(
    month: CertifiedMonth, authority: Authority, tmp_path: Path
) -> None:
    """The signed head says that there is a stamp: without it the document is not whole."""
    stamped_by(month, authority.address)
    press = month.keeping._making._press
    month.keeping._making._press = _Forgetful(press)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path)
    findings = ask(files, authority.root)

    assert findings.failure is not None
    assert findings.failure.step is Step.ATTACHMENTS
    assert "there is none" in findings.failure.detail


class _Forgetful:
    """A press that promises a stamp and leaves it out."""

    def __init__(self, press: Press) -> None:
        assert isinstance(press, DocumentPress)
        self._press = press
        self.seal = press.seal
        self.time_stamping = TimeStamping.RFC3161

    def document(self, certificate: Certificate, parts: CertificateParts) -> bytes:
        """The document, signed and not stamped."""
        pdf = self._press.renderer.render(certificate, parts, self.seal)
        return sign_pdf(pdf, self._press.key, certificate.issued_at)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("refuse", "not today"),
        ("other", "stamped something else"),
        ("garbage", "time-stamping authority"),
        ("status", "it answered 503"),
        ("endless", "more than 16384 bytes"),
        ("forged", "signature of its stamp does not verify"),
    ],
)
def test_an_authority_that_fails_stops_the_issue(
    month: CertifiedMonth, authority: Authority, wrong: str, told: str
) -> None:
    """Where a stamp is required, nothing is issued without it, and no number is taken."""
    stamped_by(month, authority.address)
    authority.wrong = wrong
    with pytest.raises(Refused, match="no certificate is issued without its time-stamp") as error:
        month.issue()
    assert told in str(error.value)
    assert month.keeping.certificates() == []

    authority.wrong = None
    assert sorted(one.serial for one in month.issue().values()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("alone", "late", "told"), [(False, 0, "time-stamping alone"), (True, 400, "was not valid at")]
)
def test_an_authority_that_may_not_stamp_stops_the_issue(
    month: CertifiedMonth, alone: bool, late: int, told: str
) -> None:
    """Its certificate is for something else too, or had expired by the time it stamped."""
    clock = ISSUED + timedelta(days=late)
    with serving(make_authority(ISSUED, alone=alone, clock=clock)) as authority:
        stamped_by(month, authority.address)
        with pytest.raises(Refused, match=told):
            month.issue()
    assert month.keeping.certificates() == []


def test_a_stamp_signed_by_pss_is_kept_and_verified(
    month: CertifiedMonth, authority: Authority, tmp_path: Path
) -> None:
    """RSA with PSS padding is as good; a flip in it is found."""
    authority.pss = True
    try:
        stamped_by(month, authority.address)
        files = write_files(month, month.issue()[COMPANY_A].number, tmp_path)
    finally:
        authority.pss = False
    findings = ask(files, authority.root)

    assert findings.verdict is Verdict.VALID, findings.failure


def test_without_its_stamp_a_certificate_says_so(month: CertifiedMonth, tmp_path: Path) -> None:
    """Where it is not required and nobody answers, the document and the verifier say it."""
    with serving(make_authority(ISSUED)) as gone:
        address = gone.address
    stamped_by(month, address, required=False)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path)
    findings = ask(files, None)

    assert findings.verdict is Verdict.FLAGGED
    assert [flag.code for flag in findings.flags] == ["stamp_missing"]
    assert findings.summary["time_stamp"] == "unavailable"


@pytest.mark.parametrize("address", ["", "ftp://a/", "tsa.example", "http://u:p@a/", "http://a/#x"])
def test_what_is_no_address_is_refused(address: str) -> None:
    """Only http and https, without user and fragment."""
    with pytest.raises(InvalidValue):
        StampAddress(address)
