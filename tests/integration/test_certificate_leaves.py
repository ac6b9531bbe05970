"""What of a certificate's data nobody can recompute is written down, field by field.

Each leaf of a real certificate is altered, everything that follows from it is made to agree, and
the verifier is asked. `tests/golden/certificate-fields.txt` says of every field who notices: the
document's own data, the evidence bundle, or nobody: then it is `attested`, the office's word alone,
and docs/certificate.md says why.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from certificate_leaves import HEAD, Altering, Files, chosen, variants
from claim_cases import add_papers, add_project
from cryptography.hazmat.primitives.asymmetric import ec
from fixtures_certificates import COMPANY_A, MONTH, make_month, write_files
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from kashi_verify import document
from kashi_verify.attached import read_files
from kashi_verify.bundle import Bundle, open_bundle
from kashi_verify.detail import Detail
from kashi_verify.findings import Findings, Step
from kashi_verify.log import check_log
from kashi_verify.receipts import Receipted, check_receipts, server_key
from kashi_verify.recount import check_recount
from kashi_verify.reports import check_reports
from kashi_verify.statement_steps import check_figures, check_programme
from kashi_verify.stepping import Stopped, take
from stated_month import state_ten_minutes

FIELDS = Path(__file__).parents[1] / "golden" / "certificate-fields.txt"
PAGE = Path(__file__).parents[2] / "docs" / "certificate.md"
ISSUED = datetime(2026, 11, 30, 4, tzinfo=UTC)
_OF_REPORTS = ("lines", "devices", "days")
"""What of a statement the recount reads."""
_WHO = ("document", "bundle", "attested")
"""Who notices, the later the worse."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A certificate with a stated line and money papers, its files, its open bundle."""

    altering: Altering
    opened: document.Opened
    bundle: Bundle
    key: ec.EllipticCurvePublicKey
    said: Receipted

    def told_apart(self, name: str) -> Iterator[tuple[str, str]]:
        """Each field of a file with who notices that it is altered."""
        content = json.loads(self.altering.files[name])
        for field, found in chosen(content).items():
            beside = [leaf for _, leaf in found]
            who = "document"
            for place, leaf in found:
                for value in variants(leaf, beside):
                    files = self.altering.altered(name, place, value)
                    who = max(who, self._who(files, name, str(place[0])), key=_WHO.index)
                    if who == "attested":
                        break
            yield f"{name.removesuffix('.json')}.{field}", who

    def _who(self, files: Files, name: str, top: str) -> str:
        if self._noticed_in_data(files):
            return "document"
        if name == "evidence.json":
            return "bundle" if self._noticed_in_evidence(files) else "attested"
        if name == "statement.json" and (top in _OF_REPORTS or top == "cut_off"):
            return "bundle" if self._noticed_in_statement(files, top) else "attested"
        return "attested"

    def _noticed_in_data(self, files: Files) -> bool:
        def checked() -> None:
            attached = read_files(files, self.opened)
            check_figures(attached)
            check_programme(attached)

        return _stops(checked)

    def _noticed_in_evidence(self, files: Files) -> bool:
        """Steps 10 to 13."""
        evidence = json.loads(files["evidence.json"])
        statement = json.loads(files["statement.json"])

        def checked() -> None:
            key = server_key(self.bundle, evidence, ISSUED)
            reports = check_reports(self.bundle, evidence)
            said = check_receipts(self.bundle, evidence, reports, key, Findings())
            check_log(self.bundle, evidence, statement["cut_off"], said.payloads, key)
            check_recount(self.bundle, evidence, statement, said, Findings())

        return _stops(checked)

    def _noticed_in_statement(self, files: Files, top: str) -> bool:
        """Of steps 12 and 13 what reads the altered part; the reports are those of before."""
        evidence = json.loads(self.altering.files["evidence.json"])
        statement = json.loads(files["statement.json"])

        def checked() -> None:
            if top == "cut_off":
                payloads = self.said.payloads
                check_log(self.bundle, evidence, statement["cut_off"], payloads, self.key)
            else:
                check_recount(self.bundle, evidence, statement, self.said, Findings())

        return _stops(checked)


def _stops(checked: Callable[[], None]) -> bool:
    def step() -> tuple[None, Detail]:
        checked()
        return None, Detail("", "")

    try:
        take(Findings(), Step.ARITHMETIC, step)
    except Stopped:
        return True
    return False


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """A certificate of a month with reports, a provider's statement, a contract and its invoice."""
    folder = tmp_path_factory.mktemp("leaves")
    engine = open_engine(f"sqlite:///{folder / 'kashi.sqlite'}")
    migrate(engine)
    month = make_month(Work(engine), once_agreed=state_ten_minutes)
    add_papers(month.work)
    add_project(month.work)
    month.clock.now_ms = int(ISSUED.timestamp()) * 1000
    issued = month.issue()[COMPANY_A]
    written = write_files(month, issued.number, folder)
    opened = document.open_pdf(written.pdf.read_bytes())
    files = document.attachments(opened)
    with month.work.begin(writes=False) as unit:
        (stored,) = (
            one
            for one in unit.expense.statements(month=MONTH)
            if one.number == issued.statement_number
        )
    engine.dispose()
    evidence = json.loads(files["evidence.json"])
    with open_bundle(written.bundle) as bundle:
        key = server_key(bundle, evidence, ISSUED)
        said = check_receipts(bundle, evidence, check_reports(bundle, evidence), key, Findings())
        altering = Altering(files=files, stored=stored)
        yield Subject(altering, opened, bundle, key, said)


def test_every_field_is_recomputed_compared_or_said_to_be_attested(subject: Subject) -> None:
    """The list of fields says what the verifier notices, no more and no less."""
    assert not subject.altering.unlike()
    names = (HEAD, "statement.json", "evidence.json", "rules.json", "summary.json")
    found = [f"{field} {who}" for name in names for field, who in subject.told_apart(name)]

    assert found == FIELDS.read_text(encoding="utf-8").splitlines()


def test_the_page_says_why_of_every_attested_field_and_of_no_other() -> None:
    """docs/certificate.md gives the reason of each, and names none that somebody checks."""
    listed = [line.rsplit(" ", 1) for line in FIELDS.read_text(encoding="utf-8").splitlines()]
    attested = [field for field, who in listed if who == "attested"]
    page = PAGE.read_text(encoding="utf-8").split("**What nobody can recompute.**")[1]
    rows = [row for row in page.split("**Recount.**")[0].splitlines() if row.startswith("| `")]
    told = [name for row in rows for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])]

    assert [field for field in attested if not any(_of(name, field) for name in told)] == []
    assert [name for name in told if not any(_of(name, field) for field in attested)] == []


def _of(name: str, field: str) -> bool:
    return field.startswith(name[:-1]) if name.endswith("*") else field == name
