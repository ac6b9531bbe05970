"""A month in which the rules changed carries every version that its lines name, and every one that
began within it."""

import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography import x509
from fixtures_certificates import (
    CLOSE_UTC_MS,
    COMPANY_A,
    MONTH,
    START_MINUTE,
    CertifiedMonth,
    make_month,
    rules,
    write_files,
)
from fixtures_database import Database
from kashi_server.domain.interval import Interval
from kashi_server.log.sequencer import sequence
from kashi_server.services.closing import MonthClosing
from kashi_server.services.fsck_certificates import certificate_faults
from kashi_server.storage.unit_of_work import Work
from kashi_verify import document
from kashi_verify.eligibility import check_eligibility
from kashi_verify.findings import CheckFailed, Level, Verdict
from kashi_verify.verification import Question, verify

NOW = datetime(2027, 1, 5, tzinfo=UTC)
LATER = replace(
    rules(), version="2026-09-12", in_force=Interval(START_MINUTE + 120, rules().in_force.end)
)
"""In force from the second hour of the reports on."""


def _add_later(work: Work) -> None:
    with work.begin() as unit:
        unit.expense.add_rules(LATER, CLOSE_UTC_MS)
        unit.commit()


@pytest.fixture
def month(sqlite_database: Database) -> CertifiedMonth:
    """September, in which a second version came into force."""
    return make_month(sqlite_database.work, once_agreed=_add_later)


def test_both_versions_are_attached_and_the_month_is_proven(
    month: CertifiedMonth, tmp_path: Path
) -> None:
    """The statement's own version is `rules.json`; the one before it carries its hash in its name,
    in the document, the bundle and the whole; the verifier holds each line to its own."""
    issued = month.issue()[COMPANY_A]
    files = write_files(month, issued.number, tmp_path)
    root = x509.load_pem_x509_certificate(files.root.read_bytes())
    pdf = files.pdf.read_bytes()
    findings = verify(Question(pdf=pdf, now=NOW, root=root, bundle=files.bundle))
    attached = document.attachments(document.open_pdf(pdf))
    before = f"rules-{rules().sha256}.json"
    statement = json.loads(attached["statement.json"])

    assert findings.failure is None, findings.failure
    assert (findings.verdict, findings.level) == (Verdict.VALID, Level.EVIDENCE)
    assert {line["rules_sha256"] for line in statement["lines"]} == {rules().sha256, LATER.sha256}
    assert attached["rules.json"] == LATER.to_bytes()
    assert attached[before] == rules().to_bytes()
    with zipfile.ZipFile(files.bundle) as archive:
        assert archive.read(before) == rules().to_bytes()
    with pytest.raises(CheckFailed, match="not attached"):
        check_eligibility(statement, {LATER.sha256: LATER.to_bytes()})
    with month.work.begin(writes=False) as unit:
        assert not list(certificate_faults(unit.certificates))


def test_several_months_carry_a_changed_version_once(month: CertifiedMonth, tmp_path: Path) -> None:
    """September beside October: each month's own rules under its name, the third file by hash; and
    both bundles prove it."""
    month.clock.now_ms = CLOSE_UTC_MS + 30 * 86_400_000
    head = partial(sequence, month.work, month.keyring, month.clock)
    MonthClosing(month.work, head, month.clock, demo=False).close(MONTH.next())
    issued = month.keeping.issue_period("HT-A", MONTH, MONTH.next(), "officer")
    own = sorted(
        (one for one in month.keeping.certificates() if one.contract_id == "HT-A"),
        key=lambda one: one.month,
    )
    singles = [one for one in own if one.first_month is None]
    files = [write_files(month, one.number, tmp_path / one.number) for one in singles]
    pdf = month.keeping.file(issued.number, "pdf")
    findings = verify(
        Question(
            pdf=pdf,
            now=NOW,
            root=x509.load_pem_x509_certificate(files[0].root.read_bytes()),
            more_bundles=tuple(one.bundle for one in files),
        )
    )
    attached = document.attachments(document.open_pdf(pdf))

    assert findings.failure is None, findings.failure
    assert findings.level is Level.EVIDENCE
    assert sorted(name for name in attached if name.startswith("rules")) == sorted(
        ["rules-2026-09.json", "rules-2026-10.json", f"rules-{rules().sha256}.json"]
    )
    assert sha256(attached[f"rules-{rules().sha256}.json"]).hexdigest() == rules().sha256


ENDING = replace(
    rules(),
    version="2026-09-ended",
    in_force=Interval(START_MINUTE - 2 * 1440, START_MINUTE - 1440),
)
"""Ended the first version a day before the reports; no line names it."""


def _end_and_begin_anew(work: Work) -> None:
    with work.begin() as unit:
        unit.expense.add_rules(ENDING, CLOSE_UTC_MS)
        unit.expense.add_rules(LATER, CLOSE_UTC_MS)
        unit.commit()


def test_a_version_that_no_line_names_is_attached_where_it_ended_another(
    sqlite_database: Database, tmp_path: Path
) -> None:
    """It ended rules whose own date was still to come, and others began after a time without any:
    the lines of that time name none, and only that version shows whoever checks why."""
    month = make_month(sqlite_database.work, once_agreed=_end_and_begin_anew)
    issued = month.issue()[COMPANY_A]
    files = write_files(month, issued.number, tmp_path)
    root = x509.load_pem_x509_certificate(files.root.read_bytes())
    pdf = files.pdf.read_bytes()
    findings = verify(Question(pdf=pdf, now=NOW, root=root, bundle=files.bundle))
    attached = document.attachments(document.open_pdf(pdf))
    statement = json.loads(attached["statement.json"])

    assert findings.failure is None, findings.failure
    assert (findings.verdict, findings.level) == (Verdict.FLAGGED, Level.EVIDENCE)
    named = {line["rules_sha256"] for line in statement["lines"]}
    assert {None, LATER.sha256} <= named
    assert ENDING.sha256 not in named
    assert attached[f"rules-{ENDING.sha256}.json"] == ENDING.to_bytes()
    with zipfile.ZipFile(files.bundle) as archive:
        assert archive.read(f"rules-{ENDING.sha256}.json") == ENDING.to_bytes()
