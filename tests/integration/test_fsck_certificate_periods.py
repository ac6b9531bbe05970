"""fsck of certificates of several months: their rows, what they carry, and on what they stand."""

from collections.abc import Iterator

import pytest
from fixtures_certificates import CLOSE_UTC_MS, MONTH, CertifiedMonth, make_month
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.interval import Month
from kashi_server.log.sequencer import sequence
from kashi_server.services.certificates_port import StatusChange, StoredCertificate
from kashi_server.services.closing import MonthClosing
from kashi_server.services.fsck_certificates import certificate_faults
from kashi_server.services.fsck_log import check_logged
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.tables.certificates import (
    certificate_files,
    certificate_statements,
    certificates,
)
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from sqlalchemy import delete, text, update

NEXT = Month(2026, 10)
ROWS, FILES = certificate_statements.c, certificate_files.c


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertifiedMonth]:
    """Two closed months of contract HT-A; whoever damages them leaves the unit without commit."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('several') / 'kashi.sqlite'}")
    migrate(engine)
    made = make_month(Work(engine))
    made.clock.now_ms = CLOSE_UTC_MS + 30 * 86_400_000
    closing = MonthClosing(
        made.work, lambda: sequence(made.work, made.keyring, made.clock), made.clock, demo=False
    )
    closing.close(NEXT)
    made.keeping.issue_period("HT-A", MONTH, NEXT, "officer")
    made.sequence()
    yield made
    engine.dispose()


@pytest.fixture
def unit(month: CertifiedMonth) -> Iterator[UnitOfWork]:
    """A unit in which the tables' guards are off; it is rolled back."""
    with month.work.begin() as unit:
        for table in ("certificate_statements", "certificate_files", "certificates"):
            for verb in ("update", "delete"):
                unit.connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))
        yield unit


def several(unit: UnitOfWork) -> StoredCertificate:
    """The certificate of both months."""
    return next(one for one in unit.certificates.certificates() if one.first_month is not None)


def faults(unit: UnitOfWork) -> list[str]:
    """What fsck finds of certificates."""
    return list(certificate_faults(unit.certificates))


def test_a_sound_certificate_of_several_months_has_no_fault(month: CertifiedMonth) -> None:
    """Neither its rows, nor its hashes, nor its files, nor its entries in the log."""
    assert [one for one in check_logged(month.work) if "ertificate" in one] == []


def test_a_month_that_its_rows_lost_is_found(unit: UnitOfWork) -> None:
    """A correction of that month would no longer supersede it."""
    one = several(unit)
    unit.connection.execute(
        delete(certificate_statements).where(ROWS.number == one.number, ROWS.month == str(NEXT))
    )
    (fault,) = faults(unit)

    assert f"。certificate {one.number} is of nothing for {NEXT} by its rows" in fault


def test_a_month_of_another_statement_is_found(unit: UnitOfWork) -> None:
    """Rows that name another company's statement of the month are not what was certified."""
    one = several(unit)
    unit.connection.execute(
        update(certificate_statements)
        .where(ROWS.number == one.number, ROWS.month == str(MONTH))
        .values(statement_number="KS-2026-09-HT-B")
    )
    (fault,) = faults(unit)

    assert "is of KS-2026-09-HT-B r1" in fault
    assert "its data has KS-2026-09-HT-A r1" in fault


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"first_month": "2026-08"}, "the months of"),
        ({"amount_fen": 1}, "the amount_fen of"),
        ({"statement_revision": 2}, "the revision of"),
        ({"evidence_sha256": "0" * 64}, "the evidence's hash of"),
    ],
)
def test_a_row_of_several_months_that_is_not_its_head_is_found(
    unit: UnitOfWork, values: dict[str, object], words: str
) -> None:
    """Whoever asks is answered from the row."""
    one = several(unit)
    changed = update(certificates).where(certificates.c.number == one.number)
    unit.connection.execute(changed.values(**values))

    assert [f"。{words} certificate {one.number} is " in fault for fault in faults(unit)] == [True]


@pytest.mark.parametrize(("kind", "name"), [("summary", "summary.json"), ("lines", "lines.csv")])
def test_a_file_that_is_gone_is_found(unit: UnitOfWork, kind: str, name: str) -> None:
    """What the head names is there, or missing by name."""
    one = several(unit)
    unit.connection.execute(
        delete(certificate_files).where(FILES.number == one.number, FILES.kind == kind)
    )

    assert faults(unit) == [
        (
            f"证明 {one.number} 缺少其首部所列的 {name}。"
            f"certificate {one.number} lacks {name}, which its head names"
        )
    ]


def test_data_swapped_with_its_statements_is_found(unit: UnitOfWork) -> None:
    """A statement in the data that is not the stored one, however it is spelled."""
    one = several(unit)
    whole = unit.certificates.file(one.number, "certificate")
    assert whole is not None
    spoilt = whole.replace(b'"amount_fen":7665', b'"amount_fen":9665')
    at = update(certificate_files).where(FILES.number == one.number, FILES.kind == "certificate")
    unit.connection.execute(at.values(content=spoilt))
    found = "\n".join(faults(unit))

    assert f"hash of statement-{MONTH}.json in the whole" in found
    assert f"the statement of certificate {one.number} is not what its head names" in found
    assert "by its rows; its data has KS-2026-09-HT-A r1" in found


def test_several_months_that_stand_on_a_fallen_one_are_found(unit: UnitOfWork) -> None:
    """A month's own certificate that was withdrawn behind the server's back takes them along."""
    one = several(unit)
    own = unit.certificates.certificate_of("KS-2026-09-HT-A", 1)
    assert own is not None
    unit.certificates.add_change(
        StatusChange(
            number=own.number,
            status=CertificateStatus.WITHDRAWN,
            reason="by hand",
            actor="somebody",
            utc_ms=1,
        )
    )

    assert faults(unit) == [
        (
            f"证明 {one.number} 有效，而 {MONTH} 的 {own.number} 已失效（withdrawn）。"
            f"certificate {one.number} stands; {own.number} of {MONTH} is withdrawn"
        )
    ]
