"""Certificates against the log and against themselves: heads, how they stand, confirmations, files.

A certificate's head went to the log when it was issued; its row must still say what the head says,
and what it carries must still hash as the head names it, its bundle's files too; one document at a
time, for there may be thousands.
"""

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from io import BytesIO
from typing import Any, Final, Protocol

from kashi_server.domain.both_languages import because
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.confirmation import Confirmation
from kashi_server.domain.interval import Month
from kashi_server.services.certificate_content import document_entry, head_of
from kashi_server.services.certificate_making import LOG_DOCUMENT, LOG_ISSUED
from kashi_server.services.certificate_standing import LOG_STATUS, status_entry
from kashi_server.services.certificates_port import StatusChange, StoredCertificate
from kashi_server.services.confirming import LOG_CONFIRMED
from kashi_server.services.fsck_certified import CertifiedPort, certified_faults

HEAD_FILE: Final = "certificate.json"
Compared = tuple[str, object, object]
"""What is compared, what the row says, what the document says."""

_NAMED: Final = {
    "statement": "statement.json",
    "evidence": "evidence.json",
    "summary": "summary.json",
    "lines": "lines.csv",
}
"""Files that are stored by themselves, by the name under which a head names them."""


class CertificatesPort(CertifiedPort, Protocol):
    """What is asked of the repository of certificates."""

    def certificates(
        self, *, month: Month | None = None, user_id: str | None = None
    ) -> Sequence[StoredCertificate]:
        """Certificates by number."""

    def file(self, number: str, kind: str) -> bytes | None:
        """A certificate's file."""

    def history(self, number: str) -> Sequence[StatusChange]:
        """What became of a certificate, oldest first."""

    def confirmations(self, number: str) -> Sequence[Confirmation]:
        """Who confirmed a certificate."""


def certificate_rows(port: CertificatesPort) -> Iterator[tuple[str, str, bytes]]:
    """What the log must have of each certificate: kind, reference, entry."""
    for one in port.certificates():
        head = _head(port, one.number)
        if head is not None:
            yield LOG_ISSUED, one.number, canonical_bytes(head)
        pdf = port.file(one.number, "pdf")
        if pdf is not None:
            entry = document_entry(one.number, pdf, port.file(one.number, "bundle"))
            yield LOG_DOCUMENT, one.number, entry
        latest = port.history(one.number)[-1]
        if latest.status is not CertificateStatus.ISSUED:
            yield LOG_STATUS, one.number, status_entry(latest)
        for given in port.confirmations(one.number):
            reference = f"{one.number}/{given.side}"
            yield LOG_CONFIRMED, reference, canonical_bytes(given.to_data())


def certificate_faults(port: CertificatesPort) -> Iterator[str]:
    """Everything in which a certificate's files are not what its row and its head name."""
    for one in port.certificates():
        whole, pdf = _whole(port, one.number), port.file(one.number, "pdf")
        head = whole.get("certificate")
        if head is None or pdf is None:
            yield f"证明 {one.number} 缺少文件。certificate {one.number} lacks its document"
            continue
        yield from _row_faults(one, head, whole)
        yield from _superseded_faults(port, head)
        yield from certified_faults(port, one, head, whole)
        yield from _bundle_faults(port, one.number, head)
        if sha256(pdf).hexdigest() != one.pdf_sha256:
            yield (
                f"证明 {one.number} 的 PDF 不是所签发的那一份。"
                f"the PDF of certificate {one.number} is not the one that was issued"
            )
        named = head.get("files", {})
        for kind, name in _NAMED.items():
            content = port.file(one.number, kind)
            if name not in named:
                continue
            if content is None:
                yield (
                    f"证明 {one.number} 缺少其首部所列的 {name}。"
                    f"certificate {one.number} lacks {name}, which its head names"
                )
            elif sha256(content).hexdigest() != named[name]:
                yield (
                    f"证明 {one.number} 的 {name} 与其首部所列不符。"
                    f"{name} of certificate {one.number} is not what its head names"
                )


def _row_faults(
    one: StoredCertificate, head: Mapping[str, Any], whole: Mapping[str, Any]
) -> Iterator[str]:
    """What is looked up is the row: it says what the head, and the files it names, say."""
    for name, stored, said in (*_of_head(one, head), *_of_content(one, head, whole)):
        if stored != said:
            yield (
                f"证明 {one.number} 所存 {name} 为 {stored}，其文件所述为 {said}。"
                f"the {name} of certificate {one.number} is {stored}; its document says {said}"
            )


def _superseded_faults(port: CertificatesPort, head: Mapping[str, Any]) -> Iterator[str]:
    """The hash by which a head names what it supersedes is that of the head that was issued."""
    named = head["supersedes"]
    if named is None or "supersedes_sha256" not in head:
        return
    before = port.file(named, "certificate")
    if before is None or sha256(head_of(before)).hexdigest() != head["supersedes_sha256"]:
        yield (
            f"证明 {head['number']} 所记被替代证明 {named} 的哈希与其首部不符。"
            f"certificate {head['number']} names another hash of {named}, which it supersedes,"
            " than that one's head has"
        )


def _of_head(one: StoredCertificate, head: Mapping[str, Any]) -> Iterator[Compared]:
    yield "number", one.number, head["number"]
    yield "code", one.code, head["verification"]["code"]
    yield "statement", one.statement_number, head["statement"]["number"]
    yield "revision", one.statement_revision, head["statement"]["revision"]
    yield "statement's hash", one.statement_sha256, head["statement"]["sha256"]
    yield "evidence's hash", one.evidence_sha256, head["evidence"]["sha256"]
    yield "predecessor", one.supersedes, head["supersedes"]
    yield "mark of a demonstration", one.demo, head["demo"]
    issued = datetime.fromisoformat(head["issued_at"])
    yield "time of issue", one.issued_utc_ms, int(issued.timestamp()) * 1000
    yield "edition", one.edition, head.get("edition", 1)
    if "months" in head:
        months = (str(one.first_month or one.month), str(one.month))
        yield "months", months, (head["months"]["first"], head["months"]["last"])


def _of_content(
    one: StoredCertificate, head: Mapping[str, Any], whole: Mapping[str, Any]
) -> Iterator[Compared]:
    named = head.get("files", {})
    for name, content in whole.items():
        file = f"{name}.json"
        if file in named:
            found = sha256(canonical_bytes(content)).hexdigest()
            yield f"hash of {file} in the whole", found, named[file]
    if "summary" not in whole:
        return
    for name in ("card_hours", "amount_fen", "eligible_fen"):
        yield name, getattr(one, name), whole["summary"]["totals"][name]
    last = whole.get("statement") or whole[f"statement-{one.month}"]
    provider, contract = last["provider"], last["contract"]
    yield "user", one.user_id, last["user"]["party_id"]
    yield "provider", one.provider_id, provider and provider["party_id"]
    yield "contract", one.contract_id, contract and contract["contract_id"]


def _bundle_faults(port: CertificatesPort, number: str, head: Mapping[str, Any]) -> Iterator[str]:
    """The files in a bundle that the head names, and the head, are those that are attached."""
    content = port.file(number, "bundle")
    if content is None:
        return
    named = {HEAD_FILE: sha256(canonical_bytes(head)).hexdigest(), **head.get("files", {})}
    try:
        with zipfile.ZipFile(BytesIO(content)) as bundle:
            found = {name: sha256(bundle.read(name)).hexdigest() for name in named}
    except (zipfile.BadZipFile, KeyError, zlib.error, NotImplementedError) as error:
        yield because(
            f"证明 {number} 的证据包无法读取",
            f"the bundle of certificate {number} cannot be read",
            error,
        )
        return
    for name in sorted(named):
        if found[name] != named[name]:
            yield (
                f"证明 {number} 证据包内的 {name} 与其首部所列不符。"
                f"{name} in the bundle of certificate {number} is not what its head names"
            )


def _head(port: CertificatesPort, number: str) -> dict[str, Any] | None:
    head: dict[str, Any] | None = _whole(port, number).get("certificate")
    return head


def _whole(port: CertificatesPort, number: str) -> dict[str, Any]:
    """All data of a certificate by name; empty where it is lost."""
    whole: dict[str, Any] = json.loads(port.file(number, "certificate") or b"{}")
    return whole
