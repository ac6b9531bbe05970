"""The signed PDF in other people's tools: poppler, qpdf, zbar and pyHanko's own validation."""

import shutil
import subprocess
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_certificates import VERIFY_ADDRESS, CertificateFiles, CertifiedMonth
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import SignatureCoverageLevel, validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

PACKAGES = {
    "pdfsig": "poppler-utils",
    "pdffonts": "poppler-utils",
    "pdftotext": "poppler-utils",
    "pdfdetach": "poppler-utils",
    "pdftoppm": "poppler-utils",
    "qpdf": "qpdf",
    "zbarimg": "zbar-tools",
}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a Debian tool; skip where it is not installed."""
    tool = str(command[0])
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {PACKAGES[tool]}")
    return subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=60, check=False
    )


def pdfsig_accepts(path: Path) -> bool:
    """What pdfsig prints, read whole: valid, and over the total document."""
    text = run("pdfsig", path).stdout
    return (
        "Signature is Valid" in text
        and "Total document signed" in text
        and text.count("Signature #") == 1
    )


def test_qpdf_finds_no_error(certificate_files: CertificateFiles) -> None:
    """The file is sound PDF."""
    done = run("qpdf", "--check", certificate_files.pdf)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No syntax or stream encoding errors" in done.stdout


def test_pdfsig_reads_one_whole_signature(certificate_files: CertificateFiles) -> None:
    """poppler finds one PAdES signature over the total document."""
    assert pdfsig_accepts(certificate_files.pdf)
    assert "ETSI.CAdES.detached" in run("pdfsig", certificate_files.pdf).stdout


def test_exit_code_of_pdfsig_proves_nothing(
    certificate_files: CertificateFiles, tmp_path: Path
) -> None:
    """A note for whoever builds on it: pdfsig exits 0 on a tampered file; only its words tell."""
    content = bytearray(certificate_files.pdf.read_bytes())
    content[200] ^= 1
    tampered = tmp_path / "tampered.pdf"
    tampered.write_bytes(content)
    done = run("pdfsig", tampered)

    assert done.returncode == 0
    assert not pdfsig_accepts(tampered)


def test_every_font_is_embedded(certificate_files: CertificateFiles) -> None:
    """Chinese text prints the same everywhere."""
    rows = run("pdffonts", certificate_files.pdf).stdout.splitlines()[2:]

    assert rows
    assert all(row.split()[-5:-2] == ["yes", "yes", "yes"] for row in rows), rows


def test_text_can_be_taken_out(certificate_files: CertificateFiles, tmp_path: Path) -> None:
    """The pages hold text, not pictures of it, with the notice on each."""
    out = tmp_path / "text.txt"
    run("pdftotext", "-layout", certificate_files.pdf, out)
    pages = out.read_text(encoding="utf-8").split("\f")[:-1]

    assert len(pages) >= 3
    for place, page in enumerate(pages, 1):
        assert certificate_files.stored.number in page
        assert f"第{place}页共{len(pages)}页" in "".join(page.split())
        assert "neither an entitlement" in page
    assert "深圳甲智能科技有限公司" in pages[0]


def test_code_leads_to_the_check(certificate_files: CertificateFiles, tmp_path: Path) -> None:
    """A telephone reads number and verification code from the first page."""
    run("pdftoppm", "-r", "150", "-png", "-l", "1", certificate_files.pdf, tmp_path / "page")
    (picture,) = tmp_path.glob("page*.png")
    read = run("zbarimg", "-q", "--raw", picture).stdout.strip()

    stored = certificate_files.stored
    assert read == f"{VERIFY_ADDRESS}?number={stored.number}&code={stored.code}"


def test_attachments_are_the_hashed_bytes(
    certificate_files: CertificateFiles, tmp_path: Path
) -> None:
    """Anybody can take the data out and hash it."""
    run("pdfdetach", "-saveall", "-o", tmp_path, certificate_files.pdf)

    stored = certificate_files.stored
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *("certificate.json", "statement.json", "evidence.json", "rules.json"),
        *("summary.json", "lines.csv"),
    }
    for name, wanted in (
        ("statement.json", stored.statement_sha256),
        ("evidence.json", stored.evidence_sha256),
    ):
        assert sha256((tmp_path / name).read_bytes()).hexdigest() == wanted


def test_pyhanko_accepts_it(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """A second validator: trusted under the root, intact, over the entire file."""
    root = closed_month.keyring.document_chain[-1].public_bytes(Encoding.DER)
    context = ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(root)],
        allow_fetching=False,
        moment=None,
    )
    reader = PdfFileReader(BytesIO(certificate_files.pdf.read_bytes()))
    (signature,) = reader.embedded_signatures
    status = validate_pdf_signature(signature, context)

    assert status.bottom_line
    assert status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    assert status.docmdp_ok
