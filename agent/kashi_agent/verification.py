"""Does the spool hold what it should: an audit of a host's own chain, by the contract's rules.

1. Every kept report verifies under the report key and its blocks match their digests.
2. Each follows the one before by sequence and hash, and no report tells a device's time of a boot
   that another has told.
3. The counters of each are those of the one before plus its own blocks.
4. Every receipt verifies under the server's key and names a report that was kept.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.chain import Head, OpenedReport, Place, open_report, place_report
from kashi.errors import ContractError

from kashi_agent.both_languages import halves
from kashi_agent.chain_link import ChainLink
from kashi_agent.errors import SpoolError
from kashi_agent.reading import Counters
from kashi_agent.sealing import link_after
from kashi_agent.shipping import read_receipt
from kashi_agent.spool import Spool
from kashi_agent.spool.sealed import Position
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal


@dataclass(slots=True)
class Audit:
    """What was checked and what does not hold, in words of both languages."""

    reports: int = 0
    receipts: int = 0
    findings: list[str] = field(default_factory=list)


class _Told:
    """The time that reports have told: of each device of each boot, in order and apart."""

    def __init__(self) -> None:
        self._spans: dict[tuple[bytes, str], list[tuple[int, int]]] = {}

    def again(self, stretch: Stretch) -> Iterator[str]:
        """What a stretch tells that was told before; from now on all of it was."""
        for minutes in stretch.devices:
            spans = self._spans.setdefault((stretch.boot_id, minutes.device.hardware_id), [])
            start, end = minutes.start_boottime_ms, minutes.end_boottime_ms
            place = bisect_left(spans, (start, end))
            for first, last in spans[max(0, place - 1) : place + 1]:
                if max(first, start) < min(last, end):
                    span = f"[{max(first, start)}, {min(last, end)}) ms"
                    name = minutes.device.hardware_id
                    yield f"再次报告了 {name} 的 {span}。tells {span} of {name} a second time"
            spans.insert(place, (start, end))
            if place and spans[place - 1][1] == start:
                spans[place - 1 : place + 1] = [(spans[place - 1][0], end)]


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
    told = _Told()
    for entry in spool.sealed.entries():
        if entry.abandoned:
            continue
        audit.reports += 1
        try:
            report = open_report(spool.sealed.read(entry).wire, report_key)
            stretch = unseal(report.wire)
        except (ContractError, SpoolError, ValueError) as error:
            audit.findings.append(_of_report(entry.position, str(error)))
            before = None
            continue
        hashes[entry.position] = report.sha256
        faults = (*_faults(before, report, stretch), *told.again(stretch))
        audit.findings += [_of_report(entry.position, fault) for fault in faults]
        link = ChainLink(host_id=host_id) if before is None else before.link
        before = _Before(Head(*entry.position, report.sha256), link_after(link, report.wire))
    _audit_receipts(spool, audit, hashes, receipt_key)
    return audit


def _of_report(position: Position, fault: str) -> str:
    zh, en = halves(fault)
    return f"报告 {position}：{zh}。report {position}: {en}"


def _of_receipt(position: Position, fault: str) -> str:
    zh, en = halves(fault)
    return f"回执 {position}：{zh}。receipt {position}: {en}"


def _faults(before: _Before | None, report: OpenedReport, stretch: Stretch) -> Iterator[str]:
    if before is None or report.header.HasField("epoch_opening"):
        return
    place = place_report(before.head, report.header)
    if place is not Place.NEXT:
        head = f"{before.head.epoch}/{before.head.sequence}"
        yield f"不接在 {head} 之后（{place.value}）。does not follow {head}: {place.value}"
        return
    yield from _counter_faults(before.link, report, stretch)


def _counter_faults(link: ChainLink, report: OpenedReport, stretch: Stretch) -> Iterator[str]:
    expected = dict(link.counters)
    after = link_after(link, report.wire)
    spoken = {after.slots[minutes.device.hardware_id]: minutes for minutes in stretch.devices}
    for slot, minutes in spoken.items():
        expected[slot] = expected.get(slot, Counters()).plus(minutes)
    # Slots of devices that are gone may fall away, when there are too many for one report.
    for slot in sorted({*after.counters, *spoken}):
        total, due = after.counters.get(slot), expected.get(slot)
        if total != due:
            yield (
                f"槽 {slot} 的计数与其区块之和不符。"
                f"the counters of slot {slot} say {total}; its blocks add up to {due}"
            )


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
            audit.findings.append(_of_receipt(position, str(error)))
            continue
        kept = hashes.get(position)
        if kept is not None and kept != said.report_sha256:
            other = "对应的是另一份报告。it is for another report than the kept one"
            audit.findings.append(_of_receipt(position, other))
