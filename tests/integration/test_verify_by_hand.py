"""The page docs/verify-by-hand.md: its very commands, run on a fresh certificate of a demo."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_certificates import COMPANY_A, CertifiedMonth, make_month, write_files
from fixtures_database import Database
from kashi_server.documents.signing import sign_pdf
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.services.certificate_preparing import Prepared

PAGE = Path(__file__).parents[2] / "docs" / "verify-by-hand.md"
TOOLS = {
    "qpdf": "qpdf",
    "pdfsig": "poppler-utils",
    "openssl": "openssl",
    "jq": "jq",
    "basenc": "coreutils",
}
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


@pytest.fixture
def month(sqlite_database: Database) -> CertifiedMonth:
    """A closed month whose certificates are not issued yet."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        pytest.skip(f"tools are not installed: apt-get install {' '.join(missing)}")
    return make_month(sqlite_database.work, demo=True)


@pytest.fixture
def folder(month: CertifiedMonth, tmp_path: Path) -> Path:
    """A folder as the page asks for it."""
    return by_hand(month, tmp_path)


def by_hand(month: CertifiedMonth, tmp_path: Path) -> Path:
    """Company A's certificate, issued, in a folder as the page asks for it."""
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path / "issued")
    here = tmp_path / "by-hand"
    here.mkdir()
    shutil.copy(files.pdf, here / "certificate.pdf")
    shutil.copy(files.root, tmp_path / "documents-root.pem")
    return here


@pytest.fixture
def other_root(tmp_path: Path) -> Path:
    """The root of somebody who is not the office."""
    other = tmp_path / "other.pem"
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", "/dev/null", "-out", str(other), "-subj", "/CN=Other"),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return other


def follow(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the page from its first command to its last."""
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) == 7
    script = "set -euo pipefail\n" + "\n".join(blocks)
    return subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_page_verifies_a_fresh_certificate(folder: Path) -> None:
    """Every command holds."""
    done = follow(folder)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "statement.json: OK" in done.stdout
    assert "false" not in done.stdout


def test_the_page_finds_a_changed_byte(folder: Path) -> None:
    """One byte of one figure, and the page ends before its end."""
    pdf = folder / "certificate.pdf"
    content = bytearray(pdf.read_bytes())
    content[5000] ^= 1
    pdf.write_bytes(content)

    assert follow(folder).returncode != 0


def test_the_page_finds_another_root(folder: Path, other_root: Path) -> None:
    """Signed by somebody, but not by the office whose root was given."""
    shutil.copy(other_root, folder.parent / "documents-root.pem")
    done = follow(folder)

    assert done.returncode != 0
    assert "verif" in done.stderr.lower()


def attaching(name: str, content: bytes, monkeypatch: pytest.MonkeyPatch, scratch: Path) -> None:
    """From now on whoever signs attaches one more file to the document first."""
    more, plain = scratch / "more", scratch / "plain.pdf"
    more.write_bytes(content)

    def signed(pdf: bytes, *rest: object) -> bytes:
        plain.write_bytes(pdf)
        added = ["--add-attachment", str(more), f"--key={name}", f"--filename={name}", "--"]
        done = subprocess.run(
            ["qpdf", str(plain), *added, "-"], capture_output=True, timeout=60, check=True
        )
        return sign_pdf(done.stdout, *rest)  # type: ignore[arg-type]  # what the press gave

    monkeypatch.setattr("kashi_server.documents.press.sign_pdf", signed)


def test_a_forgery_that_brings_its_own_root_is_found(
    month: CertifiedMonth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_root: Path
) -> None:
    """Signed by somebody else, whose root is attached under the name of the trusted one: the page
    ends before anything is taken out of the file."""
    root = month.keyring.document_chain[-1].public_bytes(Encoding.PEM)
    attaching("documents-root.pem", root, monkeypatch, tmp_path)
    folder = by_hand(month, tmp_path)
    shutil.copy(other_root, tmp_path / "documents-root.pem")
    done = follow(folder)

    assert done.returncode != 0
    assert "verif" in done.stderr.lower()
    assert [path.name for path in folder.rglob("*.pem")] == []
    assert (tmp_path / "documents-root.pem").read_bytes() == other_root.read_bytes()


@pytest.mark.parametrize("name", ["signed.bin", "../documents-root.pem", "statement-x.json"])
def test_a_file_that_no_certificate_carries_is_not_taken_out(
    month: CertifiedMonth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Not even where the office signed it."""
    attaching(name, b"anything", monkeypatch, tmp_path)
    root = month.keyring.document_chain[-1].public_bytes(Encoding.PEM)
    done = follow(by_hand(month, tmp_path))

    assert done.returncode != 0
    assert f"a file that no certificate carries: {name}" in done.stdout
    assert (tmp_path / "documents-root.pem").read_bytes() == root


@pytest.mark.parametrize(
    ("part", "figure"),
    [("totals", "amount_fen"), ("totals", "card_hours"), ("months", "billed_card_hours")],
)
def test_a_summary_that_says_more_than_its_statements_is_found(
    month: CertifiedMonth,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    figure: str,
) -> None:
    """Signed by the office, and its summary is not what its statements come to."""
    prepare = month.keeping._preparing.month

    def lying(*arguments: object) -> Prepared:
        prepared = prepare(*arguments)  # type: ignore[arg-type]  # what the keeping gave
        summary = json.loads(prepared.parts.summary)
        row = summary["totals"] if part == "totals" else summary["months"][0]
        row[figure] = row[figure] + 100 if figure == "amount_fen" else "999"
        parts = replace(prepared.parts, summary=canonical_bytes(summary))
        return replace(prepared, parts=parts)

    monkeypatch.setattr(month.keeping._preparing, "month", lying)
    done = follow(by_hand(month, tmp_path))

    assert done.returncode != 0
    assert "false" in done.stdout
