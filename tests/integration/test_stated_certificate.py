"""A certificate with lines that a provider stated: valid, flagged, and shown as what they are."""

import json
from datetime import UTC, datetime
from fractions import Fraction
from io import BytesIO
from pathlib import Path

from cryptography import x509
from fixtures_certificates import (
    CLOSE_UTC_MS,
    COMPANY_A,
    MONTH,
    PROVIDER,
    make_month,
    write_files,
)
from fixtures_database import Database
from fixtures_ingest import START_UTC_MS
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.tariff import Basis, Price
from kashi_server.services.acting import Acting
from kashi_server.services.stating import SourceFile, UsageStating
from kashi_server.storage.unit_of_work import Work
from kashi_verify.findings import Level, Verdict
from kashi_verify.verification import Question, verify
from pypdf import PdfReader

NOW = datetime(2026, 11, 1, tzinfo=UTC)
DEVICE = "GPU-eeeeeeee-1111-4000-8000-000000000000"
STATED_MODEL = "NVIDIA L40S"
PRICE_ID = "20261001000000000001"
"""All digits: on the certificate's own table it stands as it is."""
MAPPING = f"""\
format = "kashi/v1/usage-mapping"
kind = "series"
site = "k8s-b"
provider = "{PROVIDER}"
vendor = "nvidia"
utc_offset = "Z"
metric = "DCGM_FI_DEV_GPU_UTIL"
gap_limit_s = 60
contract = {{ value = "HT-A" }}
model = {{ value = "{STATED_MODEL}" }}
"""


def _state(work: Work) -> None:
    """Ten minutes of a card without an agent, stated by its samples and countersigned; its price
    is called by a long number."""
    with work.begin() as unit:
        unit.expense.put_price(
            Price(
                price_id=PRICE_ID,
                contract_id="HT-A",
                model=STATED_MODEL,
                yuan=Fraction("6.00"),
                basis=Basis.LEASED_OBSERVED,
                interval=Interval(START_UTC_MS // MINUTE_MS, None),
            )
        )
        unit.commit()
    first = START_UTC_MS // 1000
    values = [[first + second, "50"] for second in range(0, 601, 60)]
    result = [{"metric": {"UUID": DEVICE}, "values": values}]
    source = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    stating = UsageStating(work, lambda: CLOSE_UTC_MS)
    files = [SourceFile("series.json", json.dumps(source).encode())]
    taken = stating.take(SourceFile("mapping.toml", MAPPING.encode()), files, "officer-a")
    company = Acting(actor="company-a", party_id=COMPANY_A)
    for one in taken.attestations:
        stating.countersign(one.attestation_id, company, "已核对")


def test_a_stated_line_on_a_certificate_is_valid_and_flagged(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """Signature, arithmetic, recount of the reports: all hold. The verifier says which line no host
    reported; the page shows level E1 and the site."""
    month = make_month(sqlite_database.work, once_agreed=_state)
    issued = month.issue()[COMPANY_A]
    files = write_files(month, issued.number, tmp_path / "certificate")

    findings = verify(
        Question(
            pdf=files.pdf.read_bytes(),
            now=NOW,
            root=x509.load_pem_x509_certificate(files.root.read_bytes()),
            bundle=files.bundle,
        )
    )

    assert (findings.verdict, findings.level) == (Verdict.FLAGGED, Level.EVIDENCE)
    assert {flag.code for flag in findings.flags} == {"stated_by_provider"}
    with month.work.begin(writes=False) as unit:
        stored = unit.expense.statement(f"KS-{MONTH}-HT-A")
    assert stored is not None
    lines = json.loads(stored.content)["lines"]
    (stated,) = [line for line in lines if line["hardware_id"] == DEVICE]
    assert (stated["evidence_level"], stated["billed_ms"]) == ("E1", 600_000)
    (attached,) = PdfReader(BytesIO(files.pdf.read_bytes())).attachments["lines.csv"]
    assert f",{PRICE_ID},".encode() in attached
    pages = " ".join(
        page.extract_text() for page in PdfReader(BytesIO(files.pdf.read_bytes())).pages
    )
    assert "site:k8s-b" in "".join(pages.split())
    assert "E1" in pages
