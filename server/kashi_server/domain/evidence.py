"""The evidence part of a certificate: which reports stand behind it, under which keys and log.

Format `kashi/v1/evidence`. It names and never argues: the report list by its root, the hosts by
their report keys, the server by its root certificate, the log by the checkpoint of the statement's
cut-off. What proves it stands in the bundle beside the document.
"""

from dataclasses import dataclass
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/evidence"
INCLUSION_FORMAT: Final = "kashi/v1/inclusion"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceHost:
    """A host whose reports stand behind the statement, with the key they are signed with."""

    host_id: str
    report_public_key_der: bytes
    enrolled_utc_ms: int

    def to_data(self) -> dict[str, object]:
        """Plain data; the key as SubjectPublicKeyInfo in hexadecimal."""
        return {
            "host_id": self.host_id,
            "report_public_key": self.report_public_key_der.hex(),
            "enrolled_utc_ms": self.enrolled_utc_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceCheckpoint:
    """The signed head of the log at the statement's cut-off, as its four lines say it."""

    origin: str
    size: int
    root: bytes
    utc_ms: int

    def to_data(self) -> dict[str, object]:
        """Plain data; the root in hexadecimal."""
        return {
            "origin": self.origin,
            "size": self.size,
            "root": self.root.hex(),
            "utc_ms": self.utc_ms,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The evidence part.

    Attributes:
        statement_sha256: the statement it stands behind, in hexadecimal.
        report_root: RFC 6962 root over the hashes of the reports, by host, epoch and sequence.
        restored: reports (host, epoch, sequence) that were quarantined and restored before the
            close; all others count because their receipt says so.
        server_root_sha256: hash of the root certificate above receipts and checkpoints.
    """

    statement_sha256: str
    report_count: int
    report_root: bytes
    hosts: tuple[EvidenceHost, ...]
    restored: tuple[tuple[str, int, int], ...]
    checkpoint: EvidenceCheckpoint | None
    server_root_sha256: str

    def __post_init__(self) -> None:
        """Refuse hosts out of order and reports without a checkpoint."""
        names = [host.host_id for host in self.hosts]
        if names != sorted(set(names)):
            raise InvalidValue(
                "证据中的主机未按顺序排列，或有一台重复。"
                "the hosts of the evidence are not in order, or one stands twice"
            )
        if self.report_count and self.checkpoint is None:
            raise InvalidValue(
                "报告已登入日志；其证据须附检查点。"
                "reports stand in the log: their evidence needs its checkpoint"
            )

    def to_bytes(self) -> bytes:
        """The canonical bytes: these are hashed and attached."""
        return canonical_bytes(
            {
                "format": FORMAT,
                "statement_sha256": self.statement_sha256,
                "reports": {"count": self.report_count, "root": self.report_root.hex()},
                "hosts": [host.to_data() for host in self.hosts],
                "restored": [
                    {"host_id": host_id, "epoch": epoch, "sequence": sequence}
                    for host_id, epoch, sequence in self.restored
                ],
                "checkpoint": None if self.checkpoint is None else self.checkpoint.to_data(),
                "server_root_sha256": self.server_root_sha256,
            }
        )
