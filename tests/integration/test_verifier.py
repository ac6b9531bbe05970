"""kashi-verify on real certificates, whole and tampered with: it fails and names the step."""

import io
import json
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_certificates import (
    COMPANY_B,
    CertificateFiles,
    CertifiedMonth,
    make_month,
    write_files,
)
from fixtures_database import Database
from kashi import signing
from kashi.v1 import metering_pb2, report_pb2
from kashi_server.documents.signing import SoftwareKey, sign_pdf
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.services.authority import found
from kashi_verify.cli import run
from kashi_verify.findings import Findings, Level, Step, Verdict
from kashi_verify.verification import Question, verify
from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject, TextStringObject

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def ask(files: CertificateFiles, pdf: bytes | None = None, bundle: Path | None = None) -> Findings:
    """Verify with the right root; the given PDF or bundle in place of the issued one."""
    return verify(
        Question(
            pdf=files.pdf.read_bytes() if pdf is None else pdf,
            now=NOW,
            root=x509.load_pem_x509_certificate(files.root.read_bytes()),
            bundle=bundle,
        )
    )


def failed_at(findings: Findings) -> Step:
    """The step that failed; the verdict must be invalid."""
    assert findings.verdict is Verdict.INVALID
    failure = findings.failure
    assert failure is not None
    assert failure.detail
    return failure.step


# Whole certificates ------------------------------------------------------------------------------


def test_issued_certificate_is_valid_to_the_evidence(certificate_files: CertificateFiles) -> None:
    """All thirteen steps hold, and nothing is flagged."""
    findings = ask(certificate_files, bundle=certificate_files.bundle)

    assert [outcome.step for outcome in findings.outcomes] == list(Step)
    assert findings.verdict is Verdict.VALID
    assert findings.level is Level.EVIDENCE


def test_without_a_bundle_the_statement_is_reached(certificate_files: CertificateFiles) -> None:
    """The document alone proves its signature, its data, its arithmetic and its rules."""
    findings = ask(certificate_files)

    assert findings.level is Level.STATEMENT
    assert findings.verdict is Verdict.VALID


def test_without_a_root_nobody_vouches(certificate_files: CertificateFiles) -> None:
    """Whole and unchanged is not the same as issued by the office: exit 3 says so."""
    assert run([str(certificate_files.pdf)], NOW) == 3
    assert run(certificate_files.arguments, NOW) == 0


def test_expired_signer_is_flagged_not_invalid(certificate_files: CertificateFiles) -> None:
    """Ten years on the certificate still verifies; the reader is told that its signer expired."""
    question = Question(
        pdf=certificate_files.pdf.read_bytes(),
        now=NOW + timedelta(days=3650),
        root=x509.load_pem_x509_certificate(certificate_files.root.read_bytes()),
    )
    findings = verify(question)

    assert findings.verdict is Verdict.FLAGGED
    assert [flag.code for flag in findings.flags] == ["signer_expired"]


def test_json_names_everything(
    certificate_files: CertificateFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine's answer carries verdict, level, steps and the certificate's key figures."""
    code = run([*certificate_files.arguments, "--json"], NOW)
    answer = json.loads(capsys.readouterr().out)

    assert code == 0
    assert (answer["verdict"], answer["level"], answer["failed_step"]) == (
        "valid",
        "evidence",
        None,
    )
    assert [step["step"] for step in answer["steps"]] == list(range(1, 14))
    assert answer["certificate"]["number"] == certificate_files.stored.number


def test_every_step_is_told_in_chinese_first(
    certificate_files: CertificateFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    """A person reads each step and what it found in both languages."""
    assert run(certificate_files.arguments, NOW) == 0
    said = capsys.readouterr().out

    findings = ask(certificate_files, bundle=certificate_files.bundle)
    assert len(findings.outcomes) == len(Step)
    for outcome in findings.outcomes:
        assert outcome.detail_zh, outcome.step
        assert f"      {outcome.detail_zh}" in said
    assert not re.search(r"\b1 (reports|hosts|lines|days|pages)\b", said)


def test_demonstration_is_valid_and_says_so(sqlite_database: Database, tmp_path: Path) -> None:
    """A demo server's certificate verifies, is flagged, and every page says that it is void."""
    month = make_month(sqlite_database.work, demo=True)
    issued = month.issue()[COMPANY_B]
    files = write_files(month, issued.number, tmp_path)
    findings = ask(files, bundle=files.bundle)

    assert findings.verdict is Verdict.FLAGGED
    assert findings.level is Level.EVIDENCE
    assert "demo" in {flag.code for flag in findings.flags}
    pages = PdfReader(files.pdf).pages
    assert all("DEMONSTRATION" in page.extract_text() for page in pages)


# The document tampered with ----------------------------------------------------------------------


def flips(content: bytes, count: int) -> list[int]:
    """Places to flip: half anywhere in the file, half in and around the signature itself."""
    chance = random.Random(20261101)
    start = content.index(b"/Contents <") + 10
    end = content.index(b">", start)
    used = start + 2 * (4 + int(content[start + 5 : start + 9], 16))
    return sorted(
        {chance.randrange(len(content)) for _ in range(count // 2)}
        | {chance.randrange(start, used) for _ in range(count // 3)}
        | {chance.randrange(used, end + 1) for _ in range(count // 6)}
    )


@pytest.mark.parametrize("bit", [0, 5])
def test_every_flipped_byte_is_found(certificate_files: CertificateFiles, bit: int) -> None:
    """A flip of any sampled byte, padding and letter case of the signature included, is invalid."""
    content = certificate_files.pdf.read_bytes()
    places = flips(content, 200)
    passed = []
    for place in places:
        changed = bytearray(content)
        changed[place] ^= 1 << bit
        findings = ask(certificate_files, bytes(changed))
        if findings.verdict is not Verdict.INVALID or findings.failure is None:
            passed.append(place)

    assert len(places) > 150
    assert passed == []


def test_bytes_added_after_signing_are_found(certificate_files: CertificateFiles) -> None:
    """Anything behind the signed range is an addition, even white space."""
    for added in (b"\n", b" ", b"%%EOF\n", b"% /ByteRange [0 1 2 3]\n"):
        assert failed_at(ask(certificate_files, certificate_files.pdf.read_bytes() + added)) in (
            Step.OPEN,
            Step.COVERAGE,
        )


def forged_update(content: bytes) -> bytes:
    """An incremental update that rewrites the document's title and leaves the signature alone."""
    written = io.BytesIO(content)
    writer = PdfWriter(written, incremental=True)
    writer.add_metadata({"/Title": "changed after signing"})
    page = writer.pages[0]
    page[NameObject("/Forged")] = TextStringObject("another amount")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def test_incremental_update_is_found(certificate_files: CertificateFiles) -> None:
    """The forgery that signature checks alone call valid: the range does not reach the end."""
    forged = forged_update(certificate_files.pdf.read_bytes())

    assert forged.startswith(certificate_files.pdf.read_bytes())
    assert failed_at(ask(certificate_files, forged)) is Step.COVERAGE


def reprinted(
    closed_month: CertifiedMonth,
    files: CertificateFiles,
    key: SoftwareKey,
    change: Callable[[dict[str, bytes]], None] | None = None,
) -> bytes:
    """The certificate's pages without their signature, attachments changed, signed by a key."""
    source = closed_month.keeping.file(files.stored.number, "pdf")
    unsigned = source[: source.rindex(b"%%EOF", 0, source.index(b"/ByteRange")) + 6]
    if change is None:
        return sign_pdf(unsigned, key, NOW)
    reader = PdfReader(io.BytesIO(unsigned))
    attached = {name: content[0] for name, content in reader.attachments.items()}
    change(attached)
    writer = PdfWriter(clone_from=reader)
    root: Any = writer._root_object
    names = root["/Names"]["/EmbeddedFiles"]["/Names"]
    for place in range(0, len(names), 2):
        name = str(names[place])
        stream = names[place + 1].get_object()["/EF"]["/F"].get_object()
        stream.set_data(attached[name])
    out = io.BytesIO()
    writer.write(out)
    return sign_pdf(out.getvalue(), key, NOW)


def test_another_offices_key_is_found(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """The same pages, perfectly signed under another root."""
    other = found(
        "深圳市算力服务中心", ("kashi.example",), b"n" * 32, 1_790_000_000_000, demo=False
    )
    key = SoftwareKey(other.keyring.document_key, other.keyring.document_chain)

    forged = reprinted(closed_month, certificate_files, key)

    assert failed_at(ask(certificate_files, forged)) is Step.CHAIN


@pytest.mark.parametrize("family", ["receipt", "server_tls"])
def test_other_keys_of_the_office_do_not_sign_documents(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth, family: str
) -> None:
    """A key of the server's own hierarchy is no document key."""
    signer = getattr(closed_month.keyring, family)
    forged = reprinted(closed_month, certificate_files, SoftwareKey(signer.key, signer.chain))

    assert failed_at(ask(certificate_files, forged)) is Step.CHAIN


def _key(closed_month: CertifiedMonth) -> SoftwareKey:
    return SoftwareKey(closed_month.keyring.document_key, closed_month.keyring.document_chain)


def _more_money(attached: dict[str, bytes]) -> None:
    attached["statement.json"] = attached["statement.json"].replace(
        b'"eligible_fen":7665', b'"eligible_fen":9665'
    )


def _rehashed(attached: dict[str, bytes], change: Callable[[dict[str, object]], None]) -> None:
    """Change the statement and make every hash that names it fit again."""
    statement = json.loads(attached["statement.json"])
    change(statement)
    attached["statement.json"] = canonical_bytes(statement)
    named = sha256(attached["statement.json"]).hexdigest()
    evidence = json.loads(attached["evidence.json"])
    evidence["statement_sha256"] = named
    attached["evidence.json"] = canonical_bytes(evidence)
    head = json.loads(attached["certificate.json"])
    head["statement"]["sha256"] = named
    head["evidence"]["sha256"] = sha256(attached["evidence.json"]).hexdigest()
    for name in head["files"]:
        head["files"][name] = sha256(attached[name]).hexdigest()
    attached["certificate.json"] = canonical_bytes(head)


def test_swapped_attachment_is_found(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """Even signed by the office's own key: the attached data is not the data that is named."""
    forged = reprinted(closed_month, certificate_files, _key(closed_month), _more_money)

    assert failed_at(ask(certificate_files, forged)) is Step.ATTACHMENTS


def test_data_that_the_pages_do_not_show_is_found(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """A consistent swap of the data: the pages still show the old figures."""

    def change(attached: dict[str, bytes]) -> None:
        _rehashed(attached, lambda statement: statement["totals"].update(eligible_fen=1))  # type: ignore[attr-defined]  # parsed JSON

    forged = reprinted(closed_month, certificate_files, _key(closed_month), change)

    assert failed_at(ask(certificate_files, forged)) is Step.PAGES


def _summary(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, bytes]], None]:
    def changed(attached: dict[str, bytes]) -> None:
        summary = json.loads(attached["summary.json"])
        change(summary)
        attached["summary.json"] = canonical_bytes(summary)

    return changed


def _table(attached: dict[str, bytes]) -> None:
    head, *rows = attached["lines.csv"].split(b"\r\n")
    rows[0] = rows[0].replace(b",true,", b",false,")
    attached["lines.csv"] = b"\r\n".join([head, *rows])


def _shorter_table(attached: dict[str, bytes]) -> None:
    head, _first, *rows = attached["lines.csv"].split(b"\r\n")
    attached["lines.csv"] = b"\r\n".join([head, *rows])


@pytest.mark.parametrize(
    ("change", "step", "told"),
    [
        (
            _summary(lambda one: one["totals"].update(amount_capitals="壹元整")),
            Step.PAGES,
            "capital",
        ),
        (_summary(lambda one: one["models"][0].update(devices=9)), Step.PAGES, "row of"),
        (_summary(lambda one: one["months"][0].update(amount_fen=1)), Step.PAGES, "row of"),
        (_summary(lambda one: one["gaps"].update(treatment="filled")), Step.ARITHMETIC, "filled"),
        (_summary(lambda one: one["gaps"].update(gap_ms=0)), Step.ARITHMETIC, "gap_ms"),
        (
            _summary(lambda one: one["evidence_levels"][0].update(lines=1)),
            Step.ARITHMETIC,
            "level E2",
        ),
        (_summary(lambda one: one["models"].clear()), Step.ARITHMETIC, "kinds of device"),
        (_table, Step.ARITHMETIC, "eligible of line 1"),
        (_shorter_table, Step.ARITHMETIC, "rows"),
    ],
)
def test_a_summary_or_table_that_says_otherwise_is_found(
    certificate_files: CertificateFiles,
    closed_month: CertifiedMonth,
    change: Callable[[dict[str, bytes]], None],
    step: Step,
    told: str,
) -> None:
    """Even with every hash made to fit and the office's own key: the statements do not say so."""

    def rehashed(attached: dict[str, bytes]) -> None:
        change(attached)
        _rehashed(attached, lambda _statement: None)

    forged = reprinted(closed_month, certificate_files, _key(closed_month), rehashed)
    findings = ask(certificate_files, forged)

    assert failed_at(findings) is step
    assert findings.failure is not None
    assert told in findings.failure.detail


def test_respelled_attachment_is_found(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """The same data with a space in it is not the data that was hashed."""

    def change(attached: dict[str, bytes]) -> None:
        attached["evidence.json"] = attached["evidence.json"].replace(b'":', b'": ', 1)

    forged = reprinted(closed_month, certificate_files, _key(closed_month), change)

    assert failed_at(ask(certificate_files, forged)) is Step.ATTACHMENTS


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"%PDF-1.7\n",
        b"not a pdf at all",
        b"%PDF-1.7\n" + bytes(range(256)) * 64,
        b"%PDF-1.7\n%%EOF\n",
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 1 0 R>>\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF",
    ],
)
def test_what_is_no_pdf_fails_the_first_step(
    certificate_files: CertificateFiles, content: bytes
) -> None:
    """Nothing a file can hold makes the verifier crash."""
    assert failed_at(ask(certificate_files, content)) is Step.OPEN


def test_unsigned_pdf_fails_the_first_step(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """A print without a signature is no certificate."""
    source = closed_month.keeping.file(certificate_files.stored.number, "pdf")
    unsigned = source[: source.rindex(b"%%EOF", 0, source.index(b"/ByteRange")) + 6]

    assert failed_at(ask(certificate_files, unsigned)) is Step.OPEN


def test_ed25519_is_not_accepted(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth
) -> None:
    """A key of another algorithm is refused as a signer before anything is signed."""
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(AttributeError):
        SoftwareKey(key, closed_month.keyring.document_chain)  # type: ignore[arg-type]  # refused
    other_curve = ec.generate_private_key(ec.SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        SoftwareKey(other_curve, closed_month.keyring.document_chain)


def test_unreadable_files_are_a_usage_error(
    certificate_files: CertificateFiles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing file, or a root that holds no certificate, is exit 2 with a sentence."""
    assert run([str(tmp_path / "none.pdf")], NOW) == 2
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    assert run([str(certificate_files.pdf), "--root", str(empty)], NOW) == 2
    assert "none.pdf" in capsys.readouterr().err


# The bundle tampered with ------------------------------------------------------------------------


def unpacked(path: Path) -> dict[str, bytes]:
    """Files of a bundle."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(members: Mapping[str, bytes], path: Path) -> Path:
    """A bundle of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def split(stream: bytes) -> list[bytes]:
    """Messages behind their lengths."""
    found, place = [], 0
    while place < len(stream):
        length = shift = 0
        while True:
            byte = stream[place]
            place, length, shift = place + 1, length | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                break
        found.append(stream[place : place + length])
        place += length
    return found


def joined(messages: list[bytes]) -> bytes:
    """The same, put together."""
    out = bytearray()
    for message in messages:
        length = len(message)
        while length >= 0x80:
            out.append(length & 0x7F | 0x80)
            length >>= 7
        out += bytes([length]) + message
    return bytes(out)


def first_host(members: Mapping[str, bytes]) -> str:
    """A host of the bundle."""
    return min(name for name in members if name.startswith("reports/"))[8:-4]


def _drop_report(members: dict[str, bytes]) -> None:
    host = first_host(members)
    for kind in ("reports", "receipts"):
        members[f"{kind}/{host}.bin"] = joined(split(members[f"{kind}/{host}.bin"])[:-1])


def _swap_reports(members: dict[str, bytes]) -> None:
    name = f"reports/{first_host(members)}.bin"
    reports = split(members[name])
    members[name] = joined([reports[1], reports[0], *reports[2:]])


def _edit_reading(members: dict[str, bytes]) -> None:
    name = f"reports/{first_host(members)}.bin"
    reports = split(members[name])
    report = report_pb2.Report.FromString(reports[3])
    for block in report.blocks:
        if block.content:
            device = report_pb2.DeviceBlock.FromString(block.content)
            device.readings[0].active_ms += 1
            block.content = device.SerializeToString()
    reports[3] = report.SerializeToString()
    members[name] = joined(reports)


def _forge_report(members: dict[str, bytes]) -> None:
    """A better reading with matching digest, signed by a key of the forger's own."""
    name = f"reports/{first_host(members)}.bin"
    reports = split(members[name])
    report = report_pb2.Report.FromString(reports[3])
    header = report_pb2.ReportHeader.FromString(report.header)
    header.sealed_utc_ms += 1
    report.header = header.SerializeToString()
    key = ec.generate_private_key(ec.SECP256R1())
    report.signatures[0].CopyFrom(signing.sign(key, signing.REPORT, report.header))
    reports[3] = report.SerializeToString()
    members[name] = joined(reports)


def _drop_signature(members: dict[str, bytes]) -> None:
    name = f"reports/{first_host(members)}.bin"
    reports = split(members[name])
    report = report_pb2.Report.FromString(reports[0])
    del report.signatures[:]
    reports[0] = report.SerializeToString()
    members[name] = joined(reports)


def _withhold_block(members: dict[str, bytes]) -> None:
    name = f"reports/{first_host(members)}.bin"
    reports = split(members[name])
    report = report_pb2.Report.FromString(reports[5])
    for block in report.blocks:
        block.content = block.salt = b""
    reports[5] = report.SerializeToString()
    members[name] = joined(reports)


def _swap_receipts(members: dict[str, bytes]) -> None:
    name = f"receipts/{first_host(members)}.bin"
    receipts = split(members[name])
    members[name] = joined([receipts[1], receipts[0], *receipts[2:]])


def _forge_receipt(members: dict[str, bytes]) -> None:
    name = f"receipts/{first_host(members)}.bin"
    receipts = split(members[name])
    receipt = metering_pb2.Receipt.FromString(receipts[0])
    payload = metering_pb2.ReceiptPayload.FromString(receipt.payload)
    payload.received_utc_ms -= 1
    receipt.payload = payload.SerializeToString()
    receipts[0] = receipt.SerializeToString()
    members[name] = joined(receipts)


def _other_server(members: dict[str, bytes]) -> None:
    other = found(
        "深圳市算力服务中心", ("kashi.example",), b"n" * 32, 1_790_000_000_000, demo=False
    )
    chain = other.keyring.receipt_chain
    members["certificates/server.pem"] = b"".join(one.public_bytes(Encoding.PEM) for one in chain)


def _other_checkpoint(members: dict[str, bytes]) -> None:
    signed = metering_pb2.SignedCheckpoint.FromString(members["checkpoint.bin"])
    lines = signed.body.split(b"\n")
    lines[1] = str(int(lines[1]) + 1).encode()
    signed.body = b"\n".join(lines)
    members["checkpoint.bin"] = signed.SerializeToString()


def _move_leaf(members: dict[str, bytes]) -> None:
    proof = json.loads(members["proofs/inclusion.json"])
    proof["indexes"][0], proof["indexes"][1] = proof["indexes"][1], proof["indexes"][0]
    members["proofs/inclusion.json"] = canonical_bytes(proof)


def _lose_node(members: dict[str, bytes]) -> None:
    proof = json.loads(members["proofs/inclusion.json"])
    proof["nodes"] = proof["nodes"][:-1]
    members["proofs/inclusion.json"] = canonical_bytes(proof)


def _other_statement(members: dict[str, bytes]) -> None:
    members["statement.json"] = members["statement.json"].replace(b'"demo":false', b'"demo":true')


def _foreign_member(members: dict[str, bytes]) -> None:
    members["../escape.txt"] = b"x"


@pytest.mark.parametrize(
    ("tamper", "step"),
    [
        (_foreign_member, Step.BUNDLE),
        (_other_statement, Step.BUNDLE),
        (_drop_report, Step.REPORTS),
        (_swap_reports, Step.REPORTS),
        (_edit_reading, Step.REPORTS),
        (_forge_report, Step.REPORTS),
        (_drop_signature, Step.REPORTS),
        (_swap_receipts, Step.RECEIPTS),
        (_forge_receipt, Step.RECEIPTS),
        (_other_server, Step.RECEIPTS),
        (_other_checkpoint, Step.LOG),
        (_move_leaf, Step.LOG),
        (_lose_node, Step.LOG),
        (_withhold_block, Step.RECOUNT),
    ],
)
def test_tampered_bundle_fails_at_its_step(
    certificate_files: CertificateFiles,
    tmp_path: Path,
    tamper: Callable[[dict[str, bytes]], None],
    step: Step,
) -> None:
    """Whatever is changed in the evidence, the step that guards it says so."""
    members = unpacked(certificate_files.bundle)
    tamper(members)

    findings = ask(certificate_files, bundle=packed(members, tmp_path / "bundle.zip"))

    assert failed_at(findings) is step
    assert findings.level is Level.STATEMENT


@pytest.mark.parametrize("name", ["reports", "receipts", "checkpoint.bin", "certificates/server"])
def test_flipped_evidence_is_found(
    certificate_files: CertificateFiles, tmp_path: Path, name: str
) -> None:
    """Flips of sampled bytes inside each kind of evidence: none passes, none crashes."""
    members = unpacked(certificate_files.bundle)
    member = min(one for one in members if one.startswith(name))
    chance = random.Random(name)
    passed = []
    for place in (chance.randrange(len(members[member])) for _ in range(8)):
        changed = bytearray(members[member])
        changed[place] ^= 1 << chance.randrange(8)
        path = packed(members | {member: bytes(changed)}, tmp_path / "bundle.zip")
        if ask(certificate_files, bundle=path).verdict is not Verdict.INVALID:
            passed.append(place)

    assert passed == []


def test_bombs_are_refused_before_they_unpack(
    certificate_files: CertificateFiles, tmp_path: Path
) -> None:
    """A member that would unpack to a gigabyte is refused from the table of contents."""
    members = unpacked(certificate_files.bundle)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            if name != "evidence.json":
                archive.writestr(name, content)
        with archive.open("evidence.json", "w") as member:
            for _ in range(256):
                member.write(bytes(1 << 20))
    findings = ask(certificate_files, bundle=bomb)

    assert failed_at(findings) is Step.BUNDLE
    assert "unpack" in str(findings.failure)


def test_lying_table_of_contents_is_found(
    certificate_files: CertificateFiles, tmp_path: Path
) -> None:
    """A table that names a small size for a large member does not make it unpack."""
    content = bytearray(certificate_files.bundle.read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (5).to_bytes(4, "little")
    path = tmp_path / "lying.zip"
    path.write_bytes(content)

    assert failed_at(ask(certificate_files, bundle=path)) >= Step.BUNDLE


def test_what_is_no_zip_fails_the_bundles_step(
    certificate_files: CertificateFiles, tmp_path: Path
) -> None:
    """Random bytes, an empty file, a cut archive: named, not crashed on."""
    whole = certificate_files.bundle.read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2], zlib.compress(whole)):
        path = tmp_path / "bundle.zip"
        path.write_bytes(content)
        assert failed_at(ask(certificate_files, bundle=path)) is Step.BUNDLE


def test_another_certificates_bundle_is_found(
    certificate_files: CertificateFiles, closed_month: CertifiedMonth, tmp_path: Path
) -> None:
    """Evidence that proves something else proves nothing here."""
    numbers = {one.number for one in closed_month.keeping.certificates()}
    other = max(numbers - {certificate_files.stored.number})
    path = tmp_path / "other.zip"
    path.write_bytes(closed_month.keeping.file(other, "bundle"))

    assert failed_at(ask(certificate_files, bundle=path)) is Step.BUNDLE
