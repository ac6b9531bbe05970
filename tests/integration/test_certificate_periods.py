"""Certificates of several months and of later editions, and those that were issued before them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path

import pytest
from claim_cases import add_accounts
from cryptography import x509
from fixtures_certificates import (
    CLOSE_UTC_MS,
    COMPANY_A,
    MONTH,
    CertificateFiles,
    CertifiedMonth,
    make_month,
    write_files,
)
from fixtures_database import Database
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.closing import MonthClosing
from kashi_server.services.correcting import Correcting
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.importing import store
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.services.views import Views
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.tables.papers import contract_parts
from kashi_server.storage.unit_of_work import Work
from kashi_verify.findings import Findings, Level, Verdict
from kashi_verify.verification import Question, verify
from sqlalchemy import insert

NEXT = Month(2026, 10)
GOLDEN = Path(__file__).parents[1] / "golden" / "certificate-v1"
NOW = datetime(2027, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Year:
    """Two closed months, the certificate of both, and each month's own files."""

    month: CertifiedMonth
    issued: StoredCertificate
    folder: Path

    def ask(self, pdf: bytes, months: int) -> Findings:
        """Verify with the bundles of the first so many months."""
        bundles = tuple(self.folder / f"{number}.zip" for number in range(months))
        root = x509.load_pem_x509_certificate((self.folder / "root.pem").read_bytes())
        return verify(Question(pdf=pdf, now=NOW, root=root, more_bundles=bundles))


def close_next(month: CertifiedMonth) -> None:
    """Close the month after, in which nobody reported."""
    month.clock.now_ms = CLOSE_UTC_MS + 30 * 86_400_000
    head = partial(sequence, month.work, month.keyring, month.clock)
    MonthClosing(month.work, head, month.clock, demo=False).close(NEXT)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Year]:
    """Two months of contract HT-A, certified together."""
    folder = tmp_path_factory.mktemp("year")
    engine = open_engine(f"sqlite:///{folder / 'kashi.sqlite'}")
    migrate(engine)
    month = make_month(Work(engine))
    close_next(month)
    issued = month.keeping.issue_period("HT-A", MONTH, NEXT, "officer")
    own = [one for one in month.keeping.certificates() if one.contract_id == "HT-A"]
    singles = [one for one in own if one.first_month is None]
    for place, one in enumerate(sorted(singles, key=lambda one: one.month)):
        files = write_files(month, one.number, folder / str(place))
        (folder / f"{place}.zip").write_bytes(files.bundle.read_bytes())
        (folder / "root.pem").write_bytes(files.root.read_bytes())
    yield Year(month, issued, folder)
    engine.dispose()


def test_two_months_are_one_certificate(year: Year) -> None:
    """Its amounts are the sums of its statements; each month is a row; asking again is the same."""
    month, issued = year.month, year.issued
    summary = json.loads(month.keeping.file(issued.number, "summary"))
    statements = [
        json.loads(month.keeping.file(one.number, "statement"))
        for one in month.keeping.certificates()
        if one.contract_id == "HT-A" and one.first_month is None
    ]

    assert (issued.first_month, issued.month) == (MONTH, NEXT)
    assert issued.statement_number == "KS-2026-09..2026-10-HT-A"
    assert [row["month"] for row in summary["months"]] == ["2026-09", "2026-10"]
    assert issued.amount_fen == sum(one["totals"]["amount_fen"] for one in statements)
    assert summary["totals"]["amount_capitals"] == "柒拾陆元陆角伍分"
    assert month.keeping.issue_period("HT-A", MONTH, NEXT, "officer") == issued


def test_the_verifier_proves_each_month(year: Year) -> None:
    """With both bundles to the evidence; with one it says which month nobody proved."""
    pdf = year.month.keeping.file(year.issued.number, "pdf")
    whole, half, none = (year.ask(pdf, count) for count in (2, 1, 0))

    assert whole.failure is None, whole.failure
    assert whole.level is Level.EVIDENCE
    assert "months_unproven" not in {flag.code for flag in whole.flags}
    assert half.level is Level.STATEMENT
    assert [flag.detail for flag in half.flags if flag.code == "months_unproven"] == [
        "没有给出 2026-10 的证据包。No bundle was given for 2026-10"
    ]
    assert none.failure is None
    assert none.summary["months"] == "2026-09..2026-10"


def test_months_that_cannot_be_together_are_refused(year: Year) -> None:
    """An open month, one month alone, and a contract without a statement are sentences."""
    keeping = year.month.keeping
    with pytest.raises(Refused, match="not closed"):
        keeping.issue_period("HT-A", MONTH, Month(2026, 11), "officer")
    with pytest.raises(Refused, match="not several months"):
        keeping.issue_period("HT-A", MONTH, MONTH, "officer")
    with pytest.raises(Refused, match="no statement"):
        keeping.issue_period("HT-NONE", MONTH, NEXT, "officer")


def test_withdrawing_a_month_withdraws_what_rests_on_it(database: Database) -> None:
    """The certificate of several months falls with that of one, and is not issued again."""
    month = make_month(database.work)
    close_next(month)
    several = month.keeping.issue_period("HT-A", MONTH, NEXT, "officer")
    own = month.issue()[COMPANY_A]
    month.keeping.withdraw(own.number, "wrong", "officer")

    fallen = month.keeping.look_up(several.number, several.code)
    assert fallen is not None
    assert fallen.status is CertificateStatus.WITHDRAWN
    assert fallen.status_reason == f"with {own.number}: wrong"
    with pytest.raises(Refused, match=f"{own.number} is withdrawn"):
        month.keeping.issue_period("HT-A", MONTH, NEXT, "officer")
    with pytest.raises(Refused, match=f"{own.number} is withdrawn"):
        month.keeping.issue(own.statement_number, "officer")
    assert month.issue()[COMPANY_A].status is CertificateStatus.WITHDRAWN
    month.sequence()
    assert [fault for fault in check_logged(month.work) if "certificate" in fault] == []


def test_correcting_a_month_supersedes_what_rests_on_it(sqlite_database: Database) -> None:
    """From the correction on the certificate of several months says that a revision is newer; once
    that is certified, it no longer stands; the next one of the months does."""
    month = make_month(sqlite_database.work)
    close_next(month)
    several = month.keeping.issue_period("HT-A", MONTH, NEXT, "officer")
    views = Views(month.work, month.clock)
    shown = views.verify_number(several.number)
    assert shown is not None
    assert shown.newer_revision is None
    _correct(month)
    shown = views.verify_number(several.number)
    assert shown is not None
    assert (shown.newer_revision, shown.status) == (2, CertificateStatus.ISSUED)
    own = month.issue()[COMPANY_A]

    fallen = month.keeping.look_up(several.number, several.code)
    assert fallen is not None
    assert fallen.status is CertificateStatus.SUPERSEDED
    assert fallen.status_reason == f"month {MONTH} is corrected by {own.number}"
    after = month.keeping.issue_period("HT-A", MONTH, NEXT, "officer")
    assert after.supersedes == several.number
    assert after.status is CertificateStatus.ISSUED
    assert after.amount_fen != several.amount_fen


def _correct(month: CertifiedMonth) -> None:
    """A price that was a tenth, by two officers."""
    add_accounts(month.work)
    with month.work.begin() as unit:
        before = next(one for one in unit.expense.prices() if one.price_id == "HT-A-12.50")
        store(unit, replace(before, yuan=Fraction("1.25")), month.clock.now_ms)
        unit.commit()
    head = partial(sequence, month.work, month.keyring, month.clock)
    decision = OfficersDecision(officers=("officer", "second"), reason="wrong price")
    Correcting(month.work, head, month.clock, demo=False).make(MONTH, decision)


def test_later_papers_make_a_new_edition(sqlite_database: Database, tmp_path: Path) -> None:
    """The same statement is certified again with what is known by now; the first is superseded."""
    month = make_month(sqlite_database.work)
    before = month.issue()[COMPANY_A]
    with pytest.raises(Refused, match="everything that is known"):
        month.keeping.reissue(before.statement_number, "officer", "contract came")
    with month.work.begin() as unit:
        unit.connection.execute(insert(contract_parts), _PARTS)
        unit.commit()
    with pytest.raises(InvalidValue, match="reason"):
        month.keeping.reissue(before.statement_number, "officer", " ")
    after = month.keeping.reissue(before.statement_number, "officer", "contract came")

    assert (after.edition, after.supersedes) == (2, before.number)
    stands = month.keeping.look_up(before.number, before.code)
    assert stands is not None
    assert stands.status is CertificateStatus.SUPERSEDED
    assert "contract came" in stands.status_reason
    summary = json.loads(month.keeping.file(after.number, "summary"))
    assert summary["stated"]["contract"]["ex_tax_fen"] == 90_000_000
    files = write_files(month, after.number, tmp_path)
    findings = ask(files)
    assert findings.verdict is Verdict.VALID, findings.failure
    assert findings.summary["edition"] == "2"
    assert findings.summary["supersedes"] == before.number
    assert month.keeping.issue(before.statement_number, "officer") == after


_PARTS = [
    {
        "contract_id": "HT-A",
        "amendment": "",
        "part": part,
        "item": item,
        "ex_tax_fen": fen,
        "tax_fen": fen * 6 // 100,
        "domestic": None,
        "owned": False,
    }
    for part, item, fen in (("gpu", "accelerator", 78_000_000), ("disk", "storage", 12_000_000))
]


def ask(files: CertificateFiles) -> Findings:
    """Verify a certificate with its bundle."""
    root = x509.load_pem_x509_certificate(files.root.read_bytes())
    pdf = files.pdf.read_bytes()
    return verify(Question(pdf=pdf, now=NOW, root=root, bundle=files.bundle))


def test_a_certificate_of_the_first_generation_still_verifies() -> None:
    """Issued before summaries, editions and time-stamps: valid to the evidence, nothing flagged."""
    root = x509.load_pem_x509_certificate((GOLDEN / "root.pem").read_bytes())
    findings = verify(
        Question(
            pdf=(GOLDEN / "certificate.pdf").read_bytes(),
            now=datetime(2026, 12, 1, tzinfo=UTC),
            root=root,
            bundle=GOLDEN / "bundle.zip",
        )
    )

    assert findings.failure is None, findings.failure
    assert (findings.verdict, findings.level) == (Verdict.VALID, Level.EVIDENCE)
    assert findings.summary["number"] == "KC-202609-000002-96"
    assert findings.summary["time_stamp"] == "none"
