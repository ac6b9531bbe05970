"""Does the spool hold what it should: an audit of a host's own chain, by the contract's rules.

1. Every kept report verifies under the report key and its blocks match their digests.
2. Each follows the one before: sequence, hash, and no time twice on one axis.
3. The counters of each are those of the one before plus its own blocks.
4. Every receipt verifies under the server's key and names a report that was kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.chain import Head, OpenedReport, Place, open_report, place_report
from kashi.errors import ContractError

from kashi_agent.chain_link import ChainLink
from kashi_agent.errors import SpoolError
from kashi_agent.reading import Counters
from kashi_agent.sealing import link_after
from kashi_agent.shipping import read_receipt
from kashi_agent.spool import Spool
from kashi_agent.spool.sealed import Position
from kashi_agent.unsealing import unseal


@dataclass(slots=True)
class Audit:
    """What was checked and what does not hold, in words."""

    reports: int = 0
    receipts: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Before:
    head: Head
    link: ChainLink


def audit_spool(
    spool: Spool,
    host_id: str,
    report_key: ec.EllipticCurvePublicKey,
    receipt_key: ec.EllipticCurvePublicKey,
) -> Audit:
    """Check everything a spool keeps; `spool` is opened or looked at."""
    audit = Audit()
    hashes: dict[Position, bytes] = {}
    before: _Before | None = None
    for entry in spool.sealed.entries():
        if entry.abandoned:
            continue
        audit.reports += 1
        try:
            report = open_report(spool.sealed.read(entry).wire, report_key)
        except (ContractError, SpoolError) as error:
            audit.findings.append(f"report {entry.position}: {error}")
            before = None
            continue
        hashes[entry.position] = report.sha256
        audit.findings += [f"report {entry.position}: {f}" for f in _faults(before, report)]
        before = _Before(
            Head(*entry.position, report.sha256),
            link_after(_link(before, host_id), report.wire),
        )
    _audit_receipts(spool, audit, hashes, receipt_key)
    return audit


def _link(before: _Before | None, host_id: str) -> ChainLink:
    return ChainLink(host_id=host_id) if before is None else before.link


def _faults(before: _Before | None, report: OpenedReport) -> Iterator[str]:
    if before is None or report.header.HasField("epoch_opening"):
        return
    place = place_report(before.head, report.header)
    if place is not Place.NEXT:
        yield f"does not follow {before.head.epoch}/{before.head.sequence}: {place.value}"
        return
    yield from _counter_faults(before.link, report)


def _counter_faults(link: ChainLink, report: OpenedReport) -> Iterator[str]:
    expected = dict(link.counters)
    after = link_after(link, report.wire)
    for minutes in unseal(report.wire).devices:
        slot = after.slots[minutes.device.hardware_id]
        expected[slot] = expected.get(slot, Counters()).plus(minutes)
    for slot, total in after.counters.items():
        if expected.get(slot) != total:
            yield f"the counters of slot {slot} say {total}; its blocks add up to {expected[slot]}"


def _audit_receipts(
    spool: Spool,
    audit: Audit,
    hashes: dict[Position, bytes],
    receipt_key: ec.EllipticCurvePublicKey,
) -> None:
    for position, receipt in spool.sealed.receipts():
        audit.receipts += 1
        try:
            said = read_receipt(receipt, receipt_key)
        except ContractError as error:
            audit.findings.append(f"receipt {position}: {error}")
            continue
        kept = hashes.get(position)
        if kept is not None and kept != said.report_sha256:
            audit.findings.append(f"receipt {position}: it is for another report than the kept one")
