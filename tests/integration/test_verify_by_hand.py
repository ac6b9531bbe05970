"""The page docs/verify-by-hand.md: its very commands, run on a fresh certificate of a demo."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fixtures_certificates import COMPANY_A, make_month, write_files
from fixtures_database import Database

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
def folder(sqlite_database: Database, tmp_path: Path) -> Path:
    """A folder as the page asks for it."""
    missing = sorted({package for tool, package in TOOLS.items() if shutil.which(tool) is None})
    if missing:
        pytest.skip(f"tools are not installed: apt-get install {' '.join(missing)}")
    month = make_month(sqlite_database.work, demo=True)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path / "issued")
    here = tmp_path / "by-hand"
    here.mkdir()
    shutil.copy(files.pdf, here / "certificate.pdf")
    shutil.copy(files.root, here / "documents-root.pem")
    return here


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


def test_the_page_finds_another_root(folder: Path, tmp_path: Path) -> None:
    """Signed by somebody, but not by the office whose root was given."""
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
    shutil.copy(other, folder / "documents-root.pem")
    done = follow(folder)

    assert done.returncode != 0
    assert "verif" in done.stderr.lower()
