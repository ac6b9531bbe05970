"""The evidence bundle: a zip file that lets anybody check a certificate without asking anybody.

    certificate.json statement.json evidence.json [rules.json] [rules-HASH.json] summary.json
    lines.csv
                           the bytes attached to the PDF
    superseded.json        certificate.json of the certificate that this one supersedes, if any
    reports/HOST.bin       Report messages, each behind its length as a varint, in chain order
    receipts/HOST.bin      Receipt messages beside them, in the same order
    proofs/inclusion.json  one proof for all receipts, format kashi/v1/inclusion
    checkpoint.bin         the SignedCheckpoint of the statement's cut-off
    certificates/server.pem, certificates/documents.pem    signer first, root last

The same content gives the same bytes: fixed order, fixed times, fixed compression.
"""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final

from kashi_server.services.evidence import Gathered

_BEGINNING: Final = (1980, 1, 1, 0, 0, 0)
_LEVEL: Final = 6
_UNIX: Final = 3
_READABLE: Final = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """The certificates a bundle carries, in PEM."""

    server_pem: bytes
    documents_pem: bytes


def build_bundle(
    files: Mapping[str, bytes],
    gathered: Gathered,
    chains: Chains,
    *,
    superseded: bytes | None = None,
) -> bytes:
    """The zip file.

    Args:
        files: the attached files by name.
        gathered: the evidence.
        chains: the signers' certificates.
        superseded: the head of the certificate that this one supersedes.
    """
    members = dict(files)
    if superseded is not None:
        members["superseded.json"] = superseded
    for kind, by_host in (("reports", gathered.reports), ("receipts", gathered.receipts)):
        for host_id, messages in by_host.items():
            members[f"{kind}/{host_id}.bin"] = delimited(messages)
    if gathered.inclusion is not None:
        members["proofs/inclusion.json"] = gathered.inclusion
    if gathered.checkpoint is not None:
        members["checkpoint.bin"] = gathered.checkpoint
    members["certificates/server.pem"] = chains.server_pem
    members["certificates/documents.pem"] = chains.documents_pem
    return _zipped(members)


def delimited(messages: Sequence[bytes]) -> bytes:
    """Messages one after the other, each behind its length as a varint."""
    return b"".join(_varint(len(message)) + message for message in messages)


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _zipped(members: Mapping[str, bytes]) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.create_system, entry.external_attr = _UNIX, _READABLE
            archive.writestr(
                entry, members[name], compress_type=zipfile.ZIP_DEFLATED, compresslevel=_LEVEL
            )
    return written.getvalue()
