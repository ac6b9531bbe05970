"""Issuing certificates: exactly once, in the log, superseded and withdrawn, on both databases."""

import io
import json
import zipfile
from dataclasses import replace
from hashlib import sha256

import pytest
from fixtures_certificates import (
    CARDS,
    COMPANY_A,
    COMPANY_B,
    HOST_1,
    MONTH,
    PROVIDER,
    CertifiedMonth,
    leased_sums,
    make_month,
)
from insider import unguard
from kashi.v1 import report_pb2
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import CertificateStatus, TimeStamping
from kashi_server.domain.interval import Month
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.confirming import Confirming
from kashi_server.services.fsck_certificates import certificate_faults
from kashi_server.services.fsck_log import check_logged
from kashi_server.storage.tables.certificates import (
    certificate_changes,
    certificate_confirmations,
    certificate_files,
    certificates,
)
from kashi_server.storage.tables.expense import statements
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import delete, insert, select, text, update
from sqlalchemy.exc import DatabaseError


@pytest.fixture
def month(work: Work) -> CertifiedMonth:
    """A closed month on a fresh database, nothing issued yet."""
    return make_month(work)


def test_a_month_is_certified_once(month: CertifiedMonth) -> None:
    """Issuing again issues nothing: the same numbers, codes and bytes."""
    first = month.keeping.issue_month(MONTH, "officer")
    again = month.keeping.issue_month(MONTH, "officer")

    assert list(again) == list(first)
    assert {one.user_id for one in first} == {COMPANY_A, COMPANY_B, PROVIDER}
    assert [one.serial for one in first] == [1, 2, 3]
    for one in first:
        pdf = month.keeping.file(one.number, "pdf")
        assert sha256(pdf).hexdigest() == one.pdf_sha256
        statement = month.keeping.file(one.number, "statement")
        assert sha256(statement).hexdigest() == one.statement_sha256


def test_lines_are_the_plain_sums_of_the_reports(month: CertifiedMonth) -> None:
    """Every certified quantity equals the plain sum over the minutes that hosts reported."""
    for one in month.keeping.issue_month(MONTH, "officer"):
        statement = month.keeping.file(one.number, "statement")
        expected = leased_sums(month, statement)
        found = {
            line["line"]: {name: line["quantities"][name] for name in expected[line["line"]]}
            for line in json.loads(statement)["lines"]
        }
        assert found == expected


def test_certificate_is_written_to_the_log(month: CertifiedMonth) -> None:
    """The head of a certificate, and each change of its status, become log entries."""
    issued = month.issue()[COMPANY_A]
    month.keeping.withdraw(issued.number, "错误的合同 wrong contract", "officer")
    month.sequence()

    with month.work.begin(writes=False) as unit:
        entries = {
            one.kind: one for one in unit.log.entries(0, 10_000) if one.reference == issued.number
        }
    head = json.loads(entries["certificate"].entry)
    assert head["statement"]["sha256"] == issued.statement_sha256
    assert canonical_bytes(head) == entries["certificate"].entry
    assert json.loads(entries["certificate-status"].entry)["status"] == "withdrawn"


def test_withdrawn_stays_withdrawn(month: CertifiedMonth) -> None:
    """Withdrawing needs a reason, is kept with who did it, and cannot be done twice."""
    issued = month.issue()[COMPANY_A]

    with pytest.raises(InvalidValue):
        month.keeping.withdraw(issued.number, "  ", "officer")
    changed = month.keeping.withdraw(issued.number.lower(), "duplicate claim", "officer")

    assert changed.status is CertificateStatus.WITHDRAWN
    assert month.keeping.look_up(issued.number, issued.code) == changed
    with pytest.raises(Refused):
        month.keeping.withdraw(issued.number, "again", "officer")
    with month.work.begin(writes=False) as unit:
        history = unit.certificates.history(issued.number)
    assert [(one.status.value, one.actor) for one in history] == [
        ("issued", "officer"),
        ("withdrawn", "officer"),
    ]


def test_next_revision_supersedes(month: CertifiedMonth) -> None:
    """The certificate of revision 2 names the one of revision 1, which no longer stands."""
    before = month.issue()[COMPANY_A]
    _add_revision(month, before.statement_number)
    after = month.keeping.issue(before.statement_number, "officer")

    assert after.supersedes == before.number
    assert after.statement_revision == 2
    stands = month.keeping.look_up(before.number, before.code)
    assert stands is not None
    assert stands.status is CertificateStatus.SUPERSEDED
    assert after.number in stands.status_reason
    assert month.keeping.issue(before.statement_number, "officer") == after


def _add_revision(month: CertifiedMonth, number: str) -> None:
    with month.work.begin() as unit:
        row = unit.connection.execute(select(statements).where(statements.c.number == number)).one()
        data = json.loads(row.content)
        data["statement"]["revision"] = 2
        content = canonical_bytes(data)
        values = row._asdict() | {
            "revision": 2,
            "content": content,
            "sha256": sha256(content).digest(),
        }
        unit.connection.execute(insert(statements).values(values))
        unit.commit()


def test_lookup_needs_number_and_code(month: CertifiedMonth) -> None:
    """A wrong code, another certificate's code or a mistyped number all find nothing."""
    issued = month.issue()
    mine, other = issued[COMPANY_A], issued[COMPANY_B]

    assert month.keeping.look_up(f" {mine.number.lower()} ", mine.code.lower()) == mine
    assert month.keeping.look_up(mine.number, other.code) is None
    assert month.keeping.look_up(mine.number[:-1] + "x", mine.code) is None
    assert month.keeping.look_up(mine.number, "") is None


def test_open_month_and_unknown_statement_are_refused(month: CertifiedMonth) -> None:
    """Only what was closed can be certified."""
    with pytest.raises(Refused, match="close"):
        month.keeping.issue_month(Month(2026, 10), "officer")
    with pytest.raises(NotFound):
        month.keeping.issue("KS-2026-09-NONE", "officer")
    with pytest.raises(NotFound):
        month.keeping.file("KC-202609-000009-75", "pdf")


def test_a_signature_that_fails_takes_no_number(month: CertifiedMonth) -> None:
    """When the seal fails, nothing is stored, and the next try starts with the same serial."""

    class Broken:
        seal = month.keeping._making._press.seal
        time_stamping = TimeStamping.NONE

        def document(self, *_arguments: object) -> bytes:
            raise OSError("the token is not there")

    press = month.keeping._making._press
    month.keeping._making._press = Broken()
    with pytest.raises(OSError, match="token"):
        month.issue()
    month.keeping._making._press = press

    assert sorted(one.serial for one in month.issue().values()) == [1, 2, 3]


def test_database_keeps_what_was_issued(month: CertifiedMonth) -> None:
    """Rows of certificates and their changes refuse to be changed or deleted."""
    issued = month.issue()[COMPANY_A]

    for statement in (
        update(certificates).values(amount_fen=1),
        delete(certificates).where(certificates.c.number == issued.number),
        update(certificate_changes).values(status="issued"),
        delete(certificate_changes),
    ):
        with month.work.begin() as unit, pytest.raises(DatabaseError):
            unit.connection.execute(statement)


def test_database_refuses_a_second_certificate_of_a_revision(month: CertifiedMonth) -> None:
    """Whoever writes: one certificate a statement revision."""
    issued = month.issue()[COMPANY_A]
    second = replace(issued, number="KC-202609-000099-98", serial=99, pdf_sha256="0" * 64)

    with month.work.begin() as unit, pytest.raises(DatabaseError):
        unit.certificates.add(second, [], {"pdf": b""}, "officer")


def test_fsck_finds_what_an_insider_changes(month: CertifiedMonth) -> None:
    """A document swapped, a status or a confirmation made up: each is named from the log."""
    issued = month.issue()
    mine, other = issued[COMPANY_A], issued[COMPANY_B]
    Confirming(month.work, month.clock).confirm(mine.number, mine.code, COMPANY_A, "company-a")
    month.keeping.withdraw(other.number, "错误 wrong", "officer")
    month.sequence()
    assert [one for one in check_logged(month.work) if "ertificate" in one] == []

    with month.work.begin() as unit:
        unguard(unit, "certificate_files", "certificate_changes", "certificate_confirmations")
        files = certificate_files.c
        swapped = update(certificate_files).values(content=b"x")
        told = update(certificate_changes).values(reason="ok")
        for changed in (
            swapped.where(files.number == mine.number, files.kind.in_(("pdf", "lines"))),
            told.where(certificate_changes.c.number == other.number),
            update(certificate_confirmations).values(actor="another"),
        ):
            unit.connection.execute(changed)
        unit.commit()
    found = "\n".join(check_logged(month.work))

    assert f"the PDF of certificate {mine.number} is not the one" in found
    assert f"lines.csv of certificate {mine.number} is not what its head names" in found
    assert f"certificate-document {mine.number} is not what the log has" in found
    assert f"certificate-status {other.number} is not what the log has" in found
    assert f"certificate-confirmation {mine.number}/user is not what the log has" in found


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"amount_fen": 99_999_999}, "the amount_fen of"),
        ({"eligible_fen": 99_999_999}, "the eligible_fen of"),
        ({"card_hours": "123456"}, "the card_hours of"),
        ({"user_id": COMPANY_B}, "the user of"),
        ({"contract_id": "HT-B"}, "the contract of"),
        ({"code": "AAAA-AAAA-AAAA-AAAA"}, "the code of"),
        ({"statement_sha256": "0" * 64}, "the statement's hash of"),
        ({"issued_utc_ms": 1}, "the time of issue of"),
    ],
)
def test_fsck_finds_a_row_that_is_not_its_head(
    closed_month: CertifiedMonth, values: dict[str, object], words: str
) -> None:
    """Whoever asks for a certificate is answered from its row: it says what was signed."""
    with closed_month.work.begin() as unit:
        assert not list(certificate_faults(unit.certificates))
        mine = next(one for one in unit.certificates.certificates() if one.user_id == COMPANY_A)
        unit.connection.execute(text("DROP TRIGGER certificates_no_update"))
        changed = update(certificates).where(certificates.c.number == mine.number)
        unit.connection.execute(changed.values(**values))
        (fault,) = certificate_faults(unit.certificates)

        assert f"。{words} certificate {mine.number} is " in fault


def test_fsck_finds_another_bundle(closed_month: CertifiedMonth) -> None:
    """A bundle swapped for rubbish, or for another certificate's, is named."""
    with closed_month.work.begin() as unit:
        mine, other = (one.number for one in list(unit.certificates.certificates())[:2])
        unit.connection.execute(text("DROP TRIGGER certificate_files_no_update"))
        files = certificate_files.c
        swapped = update(certificate_files).where(files.number == mine, files.kind == "bundle")
        unit.connection.execute(swapped.values(content=b"x"))
        (fault,) = certificate_faults(unit.certificates)
        assert f"the bundle of certificate {mine} cannot be read" in fault

        theirs = unit.certificates.file(other, "bundle")
        unit.connection.execute(swapped.values(content=theirs))
        found = "\n".join(certificate_faults(unit.certificates))
        assert f"certificate.json in the bundle of certificate {mine} is not" in found


def members(bundle: bytes) -> dict[str, bytes]:
    """Files of a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def messages(content: bytes) -> list[bytes]:
    """Messages behind their lengths."""
    found, place = [], 0
    while place < len(content):
        length = shift = 0
        while True:
            byte = content[place]
            place += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        found.append(content[place : place + length])
        place += length
    return found


def test_bundle_reveals_a_companys_blocks_only(month: CertifiedMonth) -> None:
    """Other cards' blocks are withheld whole; a card that moved is shown for its reports only."""
    for user, shown in ((COMPANY_A, {CARDS[0], CARDS[1]}), (COMPANY_B, {CARDS[1], CARDS[3]})):
        bundle = members(month.keeping.file(month.issue()[user].number, "bundle"))
        revealed: set[str] = set()
        for name, content in bundle.items():
            if name.startswith("reports/"):
                for wire in messages(content):
                    revealed |= _revealed(wire)
        assert revealed == shown

    bundle = members(month.keeping.file(month.issue()[COMPANY_A].number, "bundle"))
    late = messages(bundle[f"reports/{HOST_1}.bin"])[40]
    assert _revealed(late) == {CARDS[0]}


def _revealed(wire: bytes) -> set[str]:
    report = report_pb2.Report.FromString(wire)
    assert all(bool(block.salt) == bool(block.content) for block in report.blocks)
    return {
        report_pb2.DeviceBlock.FromString(block.content).device.hardware_id
        for block in report.blocks
        if block.content
    }


def test_bundle_is_the_same_bytes_again(month: CertifiedMonth) -> None:
    """The bundle depends on content alone: gathering again gives the stored evidence."""
    issued = month.issue()[COMPANY_A]
    with month.work.begin(writes=False) as unit:
        statement = unit.expense.statement(issued.statement_number)
        assert statement is not None
        gathered = month.keeping._gathering.gather(unit, statement)

    assert gathered.evidence.to_bytes() == month.keeping.file(issued.number, "evidence")
    bundle = members(month.keeping.file(issued.number, "bundle"))
    assert bundle["proofs/inclusion.json"] == gathered.inclusion
    assert bundle["checkpoint.bin"] == gathered.checkpoint


def test_json_holds_the_parts_as_they_hash(month: CertifiedMonth) -> None:
    """The certificate as one JSON document: each part, spelled canonically, hashes as named."""
    issued = month.issue()[COMPANY_A]
    data = json.loads(month.keeping.file(issued.number, "certificate"))

    for part in ("statement", "evidence"):
        named = data["certificate"][part]["sha256"]
        assert sha256(canonical_bytes(data[part])).hexdigest() == named
    assert data["format"] == "kashi/v2/certificate-document"
    assert (
        sha256(canonical_bytes(data["rules"])).hexdigest()
        == data["statement"]["programme"]["sha256"]
    )
