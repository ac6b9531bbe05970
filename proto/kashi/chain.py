"""How reports follow each other: hashes, sequence, epochs.

Pure: no storage, no clock. `open_report` checks what one report can show by itself, `judge` places
it against the head that is already held. Both sides use them: a host before it sends, the server
when it receives, and anybody who replays a host's history.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError

from kashi import limits, signing
from kashi.errors import FormError
from kashi.v1 import report_pb2

GENESIS_SHA256: Final = bytes(32)
"""What the first report of epoch 1 names as the report before."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last report held of a host. `epoch` 0: none yet."""

    epoch: int
    sequence: int
    sha256: bytes


NO_HEAD: Final = Head(epoch=0, sequence=0, sha256=GENESIS_SHA256)


class Place(Enum):
    """Where a report stands against the head that is held."""

    NEXT = "next"
    """It follows the head within its epoch."""
    OPENS_EPOCH = "opens_epoch"
    """It is the first of the next epoch."""
    BEHIND = "behind"
    """Its place is taken: the same bytes make a duplicate, others a fork."""
    AHEAD = "ahead"
    """Reports before it are missing."""
    BROKEN = "broken"
    """It claims to follow the head and names another report before it."""


@dataclass(frozen=True, slots=True)
class OpenedReport:
    """A report whose signature and block digests hold."""

    wire: bytes
    message: report_pb2.Report
    header: report_pb2.ReportHeader
    sha256: bytes


def open_report(wire: bytes, key: ec.EllipticCurvePublicKey) -> OpenedReport:
    """Check what a report can show by itself.

    1. The bytes are a Report with a header.
    2. The first signature verifies under the host's report key.
    3. Every block is the one whose digest the header signed; an erased name block keeps its place.

    Raises:
        FormError: step 1 or 3 fails.
        SignatureError: step 2 fails.
    """
    message, header = parse_report(wire)
    if not message.signatures:
        raise FormError("报告没有签名。The report carries no signature")
    signing.verify(key, message.signatures[0], signing.REPORT, message.header)
    check_blocks(message, header)
    return OpenedReport(wire, message, header, signing.report_sha256(message.header))


def parse_report(wire: bytes) -> tuple[report_pb2.Report, report_pb2.ReportHeader]:
    """Read the bytes of a report and of its header.

    Raises:
        FormError: they are not, or are too many.
    """
    if len(wire) > limits.REPORT_BYTES_MAX:
        size, most = len(wire), limits.REPORT_BYTES_MAX
        raise FormError(f"报告 {size} 字节，超过 {most}。A report of {size} bytes exceeds {most}")
    try:
        message = report_pb2.Report.FromString(wire)
        header = report_pb2.ReportHeader.FromString(message.header)
    except DecodeError as error:
        raise FormError("字节不是报告。The bytes are not a report") from error
    if not message.header:
        raise FormError("报告没有报头。The report has no header")
    return message, header


def check_blocks(message: report_pb2.Report, header: report_pb2.ReportHeader) -> None:
    """Compare every block with the digest the header signed.

    Raises:
        FormError: a block is missing, foreign, or differs.
    """
    if len(message.blocks) != len(header.blocks):
        blocks, digests = len(message.blocks), len(header.blocks)
        raise FormError(
            f"{blocks} 个区块，{digests} 个摘要。{blocks} blocks beside {digests} digests"
        )
    for place, (block, digest) in enumerate(zip(message.blocks, header.blocks, strict=True)):
        if block.kind != digest.kind:
            raise FormError(
                f"区块 {place} 与其摘要的种类不同。Block {place} is of another kind than its digest"
            )
        erased = block.kind == report_pb2.BLOCK_KIND_HOLDER_NAMES and not block.content
        if not erased and signing.block_sha256(block.salt, block.content) != digest.sha256:
            raise FormError(f"区块 {place} 与其摘要不符。Block {place} does not match its digest")


def place_report(head: Head, header: report_pb2.ReportHeader) -> Place:
    """Place a report against the head.

    A sequence is never skipped, an epoch never re-used. Within the head's epoch the next report
    names the head as the one before; the first of an epoch opens it and need not, for a host that
    lost its spool may not know the head (its opening states what it does know).
    """
    if header.epoch == head.epoch and head.epoch > 0:
        return _place_in_epoch(head, header)
    if header.epoch < head.epoch:
        return Place.BEHIND
    if header.epoch == head.epoch + 1 and header.sequence == 1:
        first = header.epoch == 1
        if first and header.previous_sha256 != GENESIS_SHA256:
            return Place.BROKEN
        return Place.NEXT if first else Place.OPENS_EPOCH
    return Place.AHEAD


def _place_in_epoch(head: Head, header: report_pb2.ReportHeader) -> Place:
    if header.sequence <= head.sequence:
        return Place.BEHIND
    if header.sequence > head.sequence + 1:
        return Place.AHEAD
    return Place.NEXT if header.previous_sha256 == head.sha256 else Place.BROKEN
