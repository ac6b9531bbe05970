"""What passes through a relay, read as far as a relay must: whose, which, and whether it is signed.

A relay has no host's public key: it cannot judge a report, and need not. What comes back from the
server it checks before it lets anything go for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import chain, signing
from kashi.errors import ContractError
from kashi.v1 import metering_pb2, report_pb2

from kashi_agent.errors import RefusedError
from kashi_agent.shipping import check_checkpoint, read_notice, read_receipt
from kashi_agent.spool.sealed import Position

NUMBER_MAX: Final = 2**63 - 1
"""What the store's columns hold; the server takes no larger number either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A report on its way. `label`: the report without its blocks."""

    position: Position
    sha256: bytes
    wire_sha256: bytes
    wire: bytes
    label: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """A receipt on its way back, shown to be the server's."""

    position: Position
    sha256: bytes
    receipt: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A notice on its way back, shown to be the server's."""

    head: Position
    answered_utc_ms: int
    refused: frozenset[bytes]
    notice: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the server sent back for one host."""

    host_id: str
    slips: tuple[Slip, ...]
    word: Word
    checkpoint: bytes


def parcel_of(wire: bytes, host_id: str) -> Parcel:
    """Read a report as far as its header.

    Raises:
        ContractError: it is no report.
        RefusedError: it is another host's, or numbered beyond all.
    """
    message, header = chain.parse_report(wire)
    if header.host_id != host_id:
        raise RefusedError(other_host("header.host_id", header.host_id, host_id))
    check_numbers("header", header.epoch, header.sequence)
    label = report_pb2.Report(header=message.header, signatures=message.signatures)
    return Parcel(
        position=(header.epoch, header.sequence),
        sha256=signing.report_sha256(message.header),
        wire_sha256=signing.sha256(wire),
        wire=wire,
        label=label.SerializeToString(),
    )


def other_host(field: str, found: str, due: str) -> str:
    """What is said of something that is another host's."""
    return f"{field} 是 {found[:64]}，不是 {due}。{field}: is {found[:64]}, not {due}"


def check_numbers(where: str, epoch: int, sequence: int) -> None:
    """Refuse a place that nobody can keep.

    Raises:
        RefusedError: the field is named.
    """
    for name, number in (("epoch", epoch), ("sequence", sequence)):
        if number > NUMBER_MAX:
            field = f"{where}.{name}"
            raise RefusedError(
                f"{field}：{number} 超过 {NUMBER_MAX}。{field}: {number} exceeds {NUMBER_MAX}"
            )


def returned_of(
    host_id: str, answer: metering_pb2.SubmitResponse, key: ec.EllipticCurvePublicKey
) -> Returned:
    """Read what came back for a host, from the wire or from a file.

    Raises:
        RefusedError: a part of it is not signed by the server, or is for another host.
    """
    receipts = [*answer.receipts, *(one.receipt for one in answer.results if one.receipt)]
    try:
        slips = tuple(_slips(host_id, receipts, key))
        word = read_notice(answer.notice, key)
        if answer.checkpoint:
            check_checkpoint(answer.checkpoint, key)
    except ContractError as error:
        shown = repr(host_id[:64])
        raise RefusedError(
            f"为主机 {shown} 带回的内容不是服务器所签。"
            f"What came back for host {shown} is not signed by the server: {error}"
        ) from error
    if word.host_id != host_id:
        raise RefusedError(other_host("notice.host_id", word.host_id, host_id))
    return Returned(
        host_id=host_id,
        slips=slips,
        word=Word(
            head=(word.head.epoch, word.head.sequence),
            answered_utc_ms=word.answered_utc_ms,
            refused=frozenset(one.wire_sha256 for one in word.refused),
            notice=answer.notice,
        ),
        checkpoint=answer.checkpoint,
    )


def _slips(
    host_id: str, receipts: Iterable[bytes], key: ec.EllipticCurvePublicKey
) -> Iterable[Slip]:
    for receipt in receipts:
        said = read_receipt(receipt, key)
        if said.host_id != host_id:
            raise RefusedError(other_host("receipt.host_id", said.host_id, host_id))
        yield Slip(position=(said.epoch, said.sequence), sha256=said.report_sha256, receipt=receipt)
