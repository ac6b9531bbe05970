"""Gathering the evidence of a statement: the reports that touch its lines, and what proves them."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import groupby
from typing import Any

from kashi.merkle import leaf_hash
from kashi.merkle import root as root_of
from kashi.v1 import metering_pb2

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.device import ReportReference
from kashi_server.domain.evidence import (
    INCLUSION_FORMAT,
    Evidence,
    EvidenceCheckpoint,
    EvidenceHost,
)
from kashi_server.domain.interval import MINUTE_MS, minute_of
from kashi_server.errors import Refused, StorageError
from kashi_server.services.certificates_port import CertificatesUnit
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.inclusion import SubtreeRoots, prove
from kashi_server.services.log_port import Checkpoint
from kashi_server.services.restoration import ENTRY_KIND as RESTORATION_ENTRY
from kashi_server.services.revealing import revealed

ReadTile = Callable[[int, int], bytes]
TreeOf = Callable[[ReadTile, int], SubtreeRoots]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The evidence part and everything the bundle holds to prove it.

    Attributes:
        reports: by host, the reports in order, as `revealing` shows them.
        receipts: by host, the receipts beside them.
        inclusion: canonical bytes of the proof; None where there is no report.
        checkpoint: the serialised SignedCheckpoint; None where the log was empty.
    """

    evidence: Evidence
    reports: Mapping[str, Sequence[bytes]]
    receipts: Mapping[str, Sequence[bytes]]
    inclusion: bytes | None
    checkpoint: bytes | None


@dataclass(frozen=True, slots=True)
class _Span:
    """A line's device on its host, over UTC milliseconds."""

    hardware_id: str
    start_utc_ms: int
    end_utc_ms: int


class EvidenceGathering:
    """Gathers the evidence of statements.

    Args:
        server_root_der: the root certificate above receipts and checkpoints.
        tree_of: a log's tree over its stored tiles.
    """

    def __init__(self, server_root_der: bytes, tree_of: TreeOf) -> None:
        self._server_root_sha256 = sha256(server_root_der).hexdigest()
        self._tree_of = tree_of

    def gather(self, unit: CertificatesUnit, statement: StoredStatement) -> Gathered:
        """Everything that stands behind a statement.

        Raises:
            Refused: its month is not closed.
            StorageError: the checkpoint of its cut-off, a report or a host is missing.
        """
        close = unit.expense.close_of(statement.month)
        if close is None:
            raise Refused(
                f"{statement.month} 尚未关账，请先关账再出具证明。"
                f"month {statement.month} is not closed; close it before certifying"
            )
        data = json.loads(statement.content)
        log_size = data["cut_off"]["checkpoint_size"]
        checkpoint = unit.log.checkpoint(log_size)
        spans = _spans(data)
        references = _references(unit, spans, log_size)
        restored = _restored(unit, references, log_size)
        references = [one for one in references if _counts(one, restored)]
        if references and checkpoint is None:
            raise StorageError(
                f"日志缺少长度为 {log_size} 的检查点，请运行 kashi-server fsck。"
                f"the log's checkpoint of size {log_size} is missing; run: kashi-server fsck"
            )
        reports, receipts = _contents(unit, references, spans)
        evidence = Evidence(
            statement_sha256=statement.sha256.hex(),
            report_count=len(references),
            report_root=root_of([leaf_hash(one.sha256) for one in references]),
            hosts=tuple(_host(unit, host_id) for host_id in sorted(reports)),
            restored=tuple(place for place in map(_place, references) if place in restored),
            checkpoint=None if checkpoint is None else _said(checkpoint),
            server_root_sha256=self._server_root_sha256,
        )
        return Gathered(
            evidence=evidence,
            reports=reports,
            receipts=receipts,
            inclusion=self._inclusion(unit, references, checkpoint),
            checkpoint=None if checkpoint is None else checkpoint.signed,
        )

    def _inclusion(
        self,
        unit: CertificatesUnit,
        references: Sequence[ReportReference],
        checkpoint: Checkpoint | None,
    ) -> bytes | None:
        if not references or checkpoint is None:
            return None
        indexes = [one.log_index for one in references if one.log_index is not None]
        tree = self._tree_of(unit.log.tile, checkpoint.size)
        nodes = prove(tree, checkpoint.size, indexes)
        return canonical_bytes(
            {
                "format": INCLUSION_FORMAT,
                "size": checkpoint.size,
                "indexes": indexes,
                "nodes": [node.hex() for node in nodes],
            }
        )


def _spans(statement: Mapping[str, Any]) -> dict[str, list[_Span]]:
    """By host, the devices and times that the lines speak of."""
    found: dict[str, list[_Span]] = {}
    for line in statement["lines"]:
        span = _Span(
            line["hardware_id"],
            _minute(line["start"]) * MINUTE_MS,
            _minute(line["end"]) * MINUTE_MS,
        )
        found.setdefault(line["host_id"], []).append(span)
    return found


def _minute(instant: str) -> int:
    return minute_of(datetime.fromisoformat(instant))


def _references(
    unit: CertificatesUnit, spans: Mapping[str, Sequence[_Span]], log_size: int
) -> list[ReportReference]:
    """Reports that touch a line and stood in the log at the cut-off, by host and place."""
    found: list[ReportReference] = []
    for host_id in sorted(spans):
        of_host = spans[host_id]
        first = min(span.start_utc_ms for span in of_host) // MINUTE_MS
        last = max(span.end_utc_ms for span in of_host) // MINUTE_MS
        found.extend(
            one
            for one in unit.facts.report_references([host_id], first, last)
            if one.log_index is not None and one.log_index < log_size and _touched(one, of_host)
        )
    return found


def _touched(reference: ReportReference, spans: Sequence[_Span]) -> set[str]:
    """The devices whose lines a report's time touches."""
    return {
        span.hardware_id
        for span in spans
        if reference.start_utc_ms < span.end_utc_ms and span.start_utc_ms < reference.end_utc_ms
    }


def _restored(
    unit: CertificatesUnit, references: Sequence[ReportReference], log_size: int
) -> dict[tuple[str, int, int], bool]:
    """Reports that were quarantined and restored: whether the cut-off holds that decision."""
    decided = set(unit.log.references(RESTORATION_ENTRY, log_size))
    return {
        (host_id, *place): f"{host_id}/{place[0]}/{place[1]}" in decided
        for host_id in sorted({one.host_id for one in references})
        for place in unit.facts.restored(host_id)
    }


def _place(reference: ReportReference) -> tuple[str, int, int]:
    return (reference.host_id, reference.epoch, reference.sequence)


def _counts(reference: ReportReference, restored: Mapping[tuple[str, int, int], bool]) -> bool:
    return reference.counted and restored.get(_place(reference), True)


def _contents(
    unit: CertificatesUnit,
    references: Sequence[ReportReference],
    spans: Mapping[str, Sequence[_Span]],
) -> tuple[dict[str, list[bytes]], dict[str, list[bytes]]]:
    reports: dict[str, list[bytes]] = {}
    receipts: dict[str, list[bytes]] = {}
    for host_id, of_host in groupby(references, key=lambda one: one.host_id):
        wanted = list(of_host)
        first = min(one.start_utc_ms for one in wanted)
        last = max(one.end_utc_ms for one in wanted)
        stored = {
            (one.epoch, one.sequence): one
            for one in unit.facts.counted_within(host_id, first, last)
        }
        for one in wanted:
            found = stored.get((one.epoch, one.sequence))
            if found is None or found.sha256 != one.sha256:
                raise StorageError(
                    f"报告 {_place(one)} 无法读取，请运行 kashi-server fsck。"
                    f"report {_place(one)} cannot be read back; run: fsck"
                )
            shown = _touched(one, spans[host_id])
            reports.setdefault(host_id, []).append(revealed(found.wire, shown))
            receipts.setdefault(host_id, []).append(found.receipt)
    return reports, receipts


def _host(unit: CertificatesUnit, host_id: str) -> EvidenceHost:
    host = unit.identity.host(host_id)
    if host is None:
        raise StorageError(
            f"主机 {host_id} 有报告但未接入。host {host_id} has reports and is not enrolled"
        )
    return EvidenceHost(
        host_id=host_id,
        report_public_key_der=host.report_public_key_der,
        enrolled_utc_ms=host.enrolled_utc_ms,
    )


def _said(checkpoint: Checkpoint) -> EvidenceCheckpoint:
    body = metering_pb2.SignedCheckpoint.FromString(checkpoint.signed).body
    return EvidenceCheckpoint(
        origin=body.decode().partition("\n")[0],
        size=checkpoint.size,
        root=checkpoint.root,
        utc_ms=checkpoint.utc_ms,
    )
