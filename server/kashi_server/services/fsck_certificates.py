"""Certificates against the log and against themselves: heads, how they stand, confirmations, files.

A certificate's head went to the log when it was issued; what it carries must still hash as the head
names it, one document at a time, for there may be thousands.
"""

import json
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import CertificateStatus
from kashi_server.domain.confirmation import Confirmation
from kashi_server.domain.interval import Month
from kashi_server.services.certificate_standing import LOG_STATUS, status_entry
from kashi_server.services.certificates import LOG_ISSUED
from kashi_server.services.certificates_port import StatusChange, StoredCertificate
from kashi_server.services.confirming import LOG_CONFIRMED

CERTIFICATE_ENTRIES: Final = (LOG_ISSUED, LOG_STATUS, LOG_CONFIRMED)
_NAMED: Final = {
    "statement": "statement.json",
    "evidence": "evidence.json",
    "summary": "summary.json",
    "lines": "lines.csv",
}
"""Files that are stored by themselves, by the name under which a head names them."""


class CertificatesPort(Protocol):
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
        latest = port.history(one.number)[-1]
        if latest.status is not CertificateStatus.ISSUED:
            yield LOG_STATUS, one.number, status_entry(latest)
        for given in port.confirmations(one.number):
            reference = f"{one.number}/{given.side}"
            yield LOG_CONFIRMED, reference, canonical_bytes(given.to_data())


def certificate_faults(port: CertificatesPort) -> Iterator[str]:
    """Everything in which a certificate's files are not what its row and its head name."""
    for one in port.certificates():
        head, pdf = _head(port, one.number), port.file(one.number, "pdf")
        if head is None or pdf is None:
            yield f"certificate {one.number} lacks its document"
            continue
        if sha256(pdf).hexdigest() != one.pdf_sha256:
            yield f"the PDF of certificate {one.number} is not the one that was issued"
        named = head.get("files", {})
        for kind, name in _NAMED.items():
            content = port.file(one.number, kind) if name in named else None
            if content is not None and sha256(content).hexdigest() != named[name]:
                yield f"{name} of certificate {one.number} is not what its head names"


def _head(port: CertificatesPort, number: str) -> dict[str, dict[str, str]] | None:
    whole = port.file(number, "certificate")
    if whole is None:
        return None
    head: dict[str, dict[str, str]] = json.loads(whole)["certificate"]
    return head
