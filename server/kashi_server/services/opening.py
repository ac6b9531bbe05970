"""Opening reports: from exact bytes to plain facts; the generated types of reports stop here.

`open_bytes` is the way in for bytes nobody has vouched for: signature, digests and form are
checked. `read_bytes` is for bytes that were checked when they were stored.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from kashi import chain, signing
from kashi.errors import FormError
from kashi.v1 import report_pb2

from kashi_server.domain.form import FormBroken, Sums, check_form
from kashi_server.domain.report import (
    DeviceDescription,
    DeviceSpan,
    EpochOpening,
    Event,
    Gap,
    Reading,
    ReportFacts,
)

_DEVICE: Final = report_pb2.BLOCK_KIND_DEVICE
_HOLDER_NAMES: Final = report_pb2.BLOCK_KIND_HOLDER_NAMES


@dataclass(frozen=True, slots=True)
class Opened:
    """A report that is sound by itself: its bytes, what they say and what they add up to.

    `digests` are those of its blocks, unless one was erased and its digest follows from nothing.
    """

    wire: bytes
    header: report_pb2.ReportHeader
    facts: ReportFacts
    sums: Sums
    digests: tuple[bytes, ...]


def open_bytes(wire: bytes, key: ec.EllipticCurvePublicKey, host_id: str) -> Opened:
    """Check everything a report of a host can show by itself.

    Raises:
        kashi.errors.ContractError: signature, digests or message form do not hold.
        FormBroken: it speaks of another host, or says what cannot be.
    """
    report = chain.open_report(wire, key)
    if report.header.host_id != host_id:
        raise FormBroken(
            f"the report is of host {report.header.host_id[:64]}, the caller is {host_id}"
        )
    facts = _facts(report.message, report.header, report.sha256)
    return Opened(wire, report.header, facts, check_form(facts), _digests(report))


def _digests(report: chain.OpenedReport) -> tuple[bytes, ...]:
    if any(not block.content for block in report.message.blocks):
        return ()
    return tuple([digest.sha256 for digest in report.header.blocks])


def read_bytes(wire: bytes) -> ReportFacts:
    """What stored bytes say; nothing is verified again.

    Raises:
        FormError: the bytes are no report.
    """
    message, header = chain.parse_report(wire)
    return _facts(message, header, signing.report_sha256(message.header))


def read_header(wire: bytes) -> ReportFacts:
    """What the header of stored bytes says; no block is read.

    Raises:
        FormError: the bytes are no report.
    """
    message, header = chain.parse_report(wire)
    return _header_facts(header, signing.report_sha256(message.header), ())


def _facts(
    message: report_pb2.Report, header: report_pb2.ReportHeader, sha256: bytes
) -> ReportFacts:
    spans = []
    for place, block in enumerate(message.blocks):
        if block.kind == _DEVICE:
            spans.append(_span(block.content, place))
        elif block.kind != _HOLDER_NAMES:
            raise FormError(f"block {place} is of unknown kind {block.kind}")
    return _header_facts(header, sha256, tuple(spans))


def _header_facts(
    header: report_pb2.ReportHeader, sha256: bytes, spans: tuple[DeviceSpan, ...]
) -> ReportFacts:
    segment, clock = header.segment, header.clock
    counters = {
        total.slot: (
            total.observed_ms,
            total.gap_ms,
            total.held_ms,
            total.active_ms,
            total.utilised_ns,
            total.energy_mj,
        )
        for total in header.counters
    }
    if len(counters) != len(header.counters):
        raise FormError("the counters of a slot stand twice")
    return ReportFacts(
        header.host_id,
        header.boot_id,
        segment.number,
        segment.anchor_utc_ms,
        segment.start_boottime_ms,
        header.epoch,
        header.sequence,
        header.previous_sha256,
        sha256,
        header.start_boottime_ms,
        header.end_boottime_ms,
        header.sealed_utc_ms,
        clock.sync,
        clock.offset_ms,
        header.agent_version,
        tuple([(meter.kind, meter.cadence_ms) for meter in header.meters]),
        counters,
        spans,
        _events(header.events),
        _opening(header),
        header.devices_counted_only,
    )


def _span(content: bytes, place: int) -> DeviceSpan:
    try:
        block = report_pb2.DeviceBlock.FromString(content)
    except DecodeError as error:
        raise FormError(f"block {place} is not a device block") from error
    if not content:
        raise FormError(f"block {place} is withheld; a host sends its device blocks whole")
    messages = list(block.readings)
    readings: list[Reading] = [
        (
            reading.start_offset_ms,
            reading.span_ms,
            reading.observed_ms,
            reading.held_known_ms,
            reading.held_ms,
            reading.utilisation_known_ms,
            reading.active_ms,
            reading.utilised_ns,
            reading.unattributed_ms,
            reading.energy_known_ms,
            reading.energy_mj,
        )
        for reading in messages
    ]
    holder_times = [
        (
            reading.held_ms,
            [(time.holder, time.held_ms, time.share_ms) for time in reading.holder_times],
        )
        for reading in messages
        if reading.holder_times
    ]
    return DeviceSpan(
        block.slot,
        _description(block.device.SerializeToString()),
        block.start_boottime_ms,
        block.end_boottime_ms,
        readings,
        [_gap(gap) for gap in block.gaps],
        _events(block.events),
        len(block.holders),
        holder_times,
    )


@lru_cache(maxsize=65_536)
def _description(serialised: bytes) -> DeviceDescription:
    # A device describes itself alike in every report: read once, then known by its bytes.
    device = report_pb2.Device.FromString(serialised)
    return DeviceDescription(
        device.vendor,
        device.hardware_id,
        device.parent_hardware_id,
        device.model,
        device.serial,
        device.pci_bus_id,
        device.memory_bytes,
        device.share_numerator,
        device.share_denominator,
        device.meter,
    )


def _gap(gap: report_pb2.Gap) -> Gap:
    known = gap.continuity
    return (
        gap.start_offset_ms,
        gap.span_ms,
        gap.reason,
        known.same_driver if known.HasField("same_driver") else None,
        known.same_holders if known.HasField("same_holders") else None,
        known.energy_mj if known.HasField("energy_mj") else None,
    )


def _events(events: Iterable[report_pb2.HostEvent | report_pb2.DeviceEvent]) -> list[Event]:
    return [(event.boottime_ms, event.kind, event.detail, event.value) for event in events]


def _opening(header: report_pb2.ReportHeader) -> EpochOpening | None:
    if not header.HasField("epoch_opening"):
        return None
    opening = header.epoch_opening
    return EpochOpening(
        opening.reason,
        opening.last_epoch,
        opening.last_sequence,
        opening.last_sha256,
        opening.lost_first_sequence,
        opening.lost_last_sequence,
    )
