"""The form of a report beyond its digests: what it says must be possible and add up.

A report that breaks the form is rejected: it stores nothing and consumes no sequence. The checks
run on every reading that arrives, so the sound case is one comparison chain; only a refusal looks
for words.

What an earlier server stored is read by these checks again, and a host that is refused sends the
same again: a rule of a later version never belongs here. It quarantines (`domain.sequence`), so
that the chain goes on and what was accepted stays accepted.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from kashi import limits
from kashi.axis import MINUTE_MS

from kashi_server.domain.device import LAST_REPORTED_GAP_REASON, Vendor
from kashi_server.domain.report import (
    Counters,
    DeviceDescription,
    DeviceSpan,
    EpochReason,
    Event,
    Gap,
    MeterKind,
    Reading,
    ReportFacts,
)
from kashi_server.errors import InvalidValue

COUNT_MAX: Final = 2**63 - 1
"""What a database column holds."""

UTC_MS_MIN: Final = 946_684_800_000
"""2000-01-01."""

UTC_MS_MAX: Final = 7_258_118_400_000
"""2200-01-01."""

BOOTTIME_MS_MAX: Final = 2**53

ENERGY_MJ_MAX: Final = 2**40
"""Energy of one reading: a minute at 18 megawatts."""

DIGEST_BYTES: Final = 32

# Plain numbers: looking members up in an enumeration costs more than the check itself.
_METERS: Final = frozenset(int(kind) for kind in MeterKind)
_VENDORS: Final = frozenset(int(vendor) for vendor in Vendor)
_EPOCH_REASONS: Final = frozenset(int(reason) for reason in EpochReason)
_HARDWARE_ID: Final = re.compile(r"(?!.* $)(?! )[ -~]*")
_GAP_REASON_MAX: Final = int(LAST_REPORTED_GAP_REASON)
BOOT_ID_BYTES: Final = 16
CLOCK_SYNC_MAX: Final = 1_000
"""Above what this version knows, as with kinds of events; a column of 16 bits holds it."""
EVENT_KIND_MAX: Final = 1_000
"""Kinds above what this version knows are kept: an agent may be newer than its server."""


class FormBroken(InvalidValue):
    """A report says what cannot be; the message names the place."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What the blocks of a report add up to, by slot."""

    by_slot: dict[int, Counters]
    reading_count: int


def check_form(report: ReportFacts) -> Sums:
    """Check everything a report says by itself.

    Returns:
        The sums of its blocks, for the counters.

    Raises:
        FormBroken: a field that cannot be, or sums that do not hold.
    """
    _check_header(report)
    _check_opening(report)
    by_slot: dict[int, Counters] = {}
    reading_count = gap_count = 0
    event_count = _check_events(report.events)
    hardware_ids = set()
    for span in report.devices:
        if span.slot in by_slot:
            raise FormBroken(f"two blocks speak of slot {span.slot}")
        if not (
            report.start_boottime_ms <= span.start_boottime_ms
            and span.end_boottime_ms <= report.end_boottime_ms
        ):
            raise FormBroken(f"the block of slot {span.slot} leaves the span of its report")
        by_slot[span.slot] = check_span(span, report.anchor_utc_ms)
        hardware_ids.add(span.device.hardware_id)
        reading_count += len(span.readings)
        gap_count += len(span.gaps)
        event_count += _check_events(span.events)
    if len(hardware_ids) != len(report.devices):
        raise FormBroken("two blocks speak of one device")
    _at_most("devices", len(report.devices), limits.DEVICES_PER_HOST_MAX)
    _at_most("readings", reading_count, limits.READINGS_PER_REPORT_MAX)
    _at_most("gaps", gap_count, limits.GAPS_PER_REPORT_MAX)
    _at_most("events", event_count, limits.EVENTS_PER_REPORT_MAX)
    return Sums(by_slot, reading_count)


def check_span(span: DeviceSpan, anchor_utc_ms: int) -> Counters:
    """Check one device's block and add it up.

    1. Device and share can be.
    2. Every reading's parts fit their wholes and it stays inside one minute of the axis.
    3. Readings do not overlap, gaps do not overlap, and together they tile the span exactly.

    Raises:
        FormBroken: one of them fails.
    """
    _check_device(span.device)
    length = span.end_boottime_ms - span.start_boottime_ms
    if length < 0:
        raise FormBroken(f"the block of slot {span.slot} ends before it starts")
    label = anchor_utc_ms + span.start_boottime_ms
    edge = observed_ms = held_ms = active_ms = utilised_ns = energy_mj = 0
    for reading in span.readings:
        (offset, width, observed, held_known, held, known, active, utilised, alone, powered, mj) = (
            reading
        )
        end = offset + width
        if not (
            edge <= offset
            and 0 < observed <= width
            and held <= held_known <= observed
            and active <= known <= observed
            and utilised <= active * 1_000_000
            and alone <= active
            and powered <= observed
            and (mj == 0 or powered)
            and mj <= ENERGY_MJ_MAX
            and (label + offset) // MINUTE_MS == (label + end - 1) // MINUTE_MS
        ):
            raise FormBroken(_reading_fault(span.slot, reading, edge, label))
        edge = end
        observed_ms += observed
        held_ms += held
        active_ms += active
        utilised_ns += utilised
        energy_mj += mj
    if edge > length:
        raise FormBroken(f"a reading of slot {span.slot} ends after its block")
    gap_ms = _check_gaps(span.slot, span.gaps, length) if span.gaps else 0
    if observed_ms + gap_ms != length:
        raise FormBroken(
            f"slot {span.slot}: observed {observed_ms} + gaps {gap_ms} ms is not the span {length}"
        )
    # Without a gap the sum alone says that every reading is filled and nothing lies between them.
    if gap_ms:
        _check_tiling(span)
    _check_holders(span)
    return observed_ms, gap_ms, held_ms, active_ms, utilised_ns, energy_mj


def _check_gaps(slot: int, gaps: list[Gap], length: int) -> int:
    edge = gap_ms = 0
    for offset, width, reason, _driver, _holders, energy_mj in gaps:
        if offset < edge or width <= 0:
            raise FormBroken(f"slot {slot}: the gap at offset {offset} overlaps or is empty")
        if not 0 < reason <= _GAP_REASON_MAX:
            raise FormBroken(f"slot {slot}: gap reason {reason} is not a host's to state")
        if energy_mj is not None and energy_mj > COUNT_MAX:
            raise FormBroken(f"slot {slot}: a gap's energy of {energy_mj} mJ")
        edge = offset + width
        gap_ms += width
    if edge > length:
        raise FormBroken(f"slot {slot}: a gap ends after its block")
    return gap_ms


def _check_tiling(span: DeviceSpan) -> None:
    # Neither readings nor gaps overlap among themselves and all together add up to the span
    # (checked before). If each reading is filled by its observed time and the gaps inside it, the
    # gaps outside add up to exactly what readings leave free, so nothing is open or said twice.
    gaps = span.gaps
    first = 0
    for reading in span.readings:
        offset, width, observed = reading[:3]
        end = offset + width
        while first < len(gaps) and gaps[first][0] + gaps[first][1] <= offset:
            first += 1
        inside, place = 0, first
        while place < len(gaps) and gaps[place][0] < end:
            low, wide = gaps[place][:2]
            inside += min(low + wide, end) - max(low, offset)
            place += 1
        if observed + inside != width:
            raise FormBroken(
                f"slot {span.slot}: the reading at offset {offset} spans {width} ms"
                f" but observed {observed} and gaps {inside}"
            )


def _check_holders(span: DeviceSpan) -> None:
    _at_most("holders of a device", span.holder_count, limits.HOLDERS_PER_DEVICE_MAX)
    for whole_ms, times in span.holder_times:
        shared_ms = 0
        for place, held_ms, share_ms in times:
            if place >= span.holder_count or not 0 < held_ms <= whole_ms or share_ms > held_ms:
                raise FormBroken(
                    f"slot {span.slot}: holder {place} of {span.holder_count} held {held_ms} ms"
                    f" of {whole_ms}, its part {share_ms} ms"
                )
            shared_ms += share_ms
        # Nobody is listed beyond the limit, so the parts may be less; with none, it is not divided.
        if shared_ms > whole_ms:
            raise FormBroken(
                f"slot {span.slot}: the holders' parts add up to {shared_ms} ms of {whole_ms} held"
            )


@lru_cache(maxsize=65_536)
def _check_device(device: DeviceDescription) -> None:
    # A device describes itself alike in every report: checked once, remembered while it is sound.
    if not device.hardware_id:
        raise FormBroken("a device has no hardware id")
    _texts(device.hardware_id, device.parent_hardware_id)
    _names(device.model, device.serial, device.pci_bus_id)
    for hardware_id in (device.hardware_id, device.parent_hardware_id):
        # One card, one id: no second spelling that looks alike.
        if not _HARDWARE_ID.fullmatch(hardware_id):
            raise FormBroken(f"the hardware id {hardware_id!a} is not printable ASCII")
    whole = device.share_numerator == device.share_denominator
    if not 0 < device.share_numerator <= device.share_denominator:
        raise FormBroken(
            f"device {device.hardware_id} is {device.share_numerator}/{device.share_denominator}"
            " of a card"
        )
    if not device.parent_hardware_id and not whole:
        raise FormBroken(f"device {device.hardware_id} is a part of a card that it does not name")
    if device.parent_hardware_id == device.hardware_id:
        raise FormBroken(f"device {device.hardware_id} is a part of itself")
    if device.vendor not in _VENDORS or device.meter not in _METERS:
        raise FormBroken(
            f"device {device.hardware_id}: vendor {device.vendor}, meter {device.meter}"
        )
    if device.memory_bytes > COUNT_MAX:
        raise FormBroken(f"device {device.hardware_id} has {device.memory_bytes} bytes of memory")


def _check_header(report: ReportFacts) -> None:
    start, end = report.start_boottime_ms, report.end_boottime_ms
    checks = (
        ("boot_id", len(report.boot_id) == BOOT_ID_BYTES),
        ("previous_sha256", len(report.previous_sha256) == DIGEST_BYTES),
        ("epoch", 0 < report.epoch <= COUNT_MAX),
        ("sequence", 0 < report.sequence <= COUNT_MAX),
        ("segment", report.segment_number > 0),
        ("segment.start_boottime_ms", report.segment_start_boottime_ms <= start),
        ("end_boottime_ms", start <= end <= BOOTTIME_MS_MAX),
        ("span", end - start <= limits.REPORT_SPAN_MS_MAX),
        ("start label", report.start_utc_ms >= UTC_MS_MIN),
        ("end label", report.end_utc_ms <= UTC_MS_MAX),
        ("sealed_utc_ms", -COUNT_MAX <= report.sealed_utc_ms <= COUNT_MAX),
        ("clock.offset_ms", -COUNT_MAX <= report.clock_offset_ms <= COUNT_MAX),
        ("clock.sync", 0 <= report.clock_sync <= CLOCK_SYNC_MAX),
        ("meters", all(kind in _METERS for kind, _cadence_ms in report.meters)),
    )
    for name, holds in checks:
        if not holds:
            raise FormBroken(f"the header's {name} cannot be")
    _names(report.agent_version)
    _at_most("counters", len(report.counters), limits.DEVICES_PER_HOST_MAX)
    _at_most("counted devices", report.devices_counted_only, limits.DEVICES_PER_HOST_MAX)
    for slot, counters in report.counters.items():
        if max(counters) > COUNT_MAX:
            raise FormBroken(f"a counter of slot {slot} exceeds {COUNT_MAX}")


def _check_opening(report: ReportFacts) -> None:
    opens = report.epoch > 1 and report.sequence == 1
    if opens != (report.opening is not None):
        raise FormBroken("an epoch above 1 is opened by its first report, and by no other")
    if report.opening is None:
        return
    if report.opening.reason not in _EPOCH_REASONS:
        raise FormBroken(f"epoch reason {report.opening.reason}")
    if len(report.opening.last_sha256) not in (0, DIGEST_BYTES):
        raise FormBroken("the opening's last_sha256 is no hash")
    numbers = (
        report.opening.last_epoch,
        report.opening.last_sequence,
        report.opening.lost_first_sequence,
        report.opening.lost_last_sequence,
    )
    if max(numbers) > COUNT_MAX:
        raise FormBroken("a number of the opening is out of range")


def _check_events(events: list[Event]) -> int:
    for boottime_ms, kind, detail, _value in events:
        if not (boottime_ms <= BOOTTIME_MS_MAX and 0 < kind <= EVENT_KIND_MAX):
            raise FormBroken(f"an event of kind {kind} at boottime {boottime_ms}")
        _texts(detail)
    return len(events)


def _texts(*texts: str) -> None:
    for text in texts:
        if len(text) > limits.TEXT_CHARACTERS_MAX or "\0" in text:
            raise FormBroken(
                f"a text of {len(text)} characters, or with a zero byte; at most"
                f" {limits.TEXT_CHARACTERS_MAX} are allowed"
            )


def _names(*texts: str) -> None:
    """Texts that people read on pages and documents: no control, no change of direction."""
    _texts(*texts)
    for text in texts:
        if not text.isprintable():
            raise FormBroken(f"the text {text!a} holds what cannot be printed")


def _at_most(what: str, count: int, bound: int) -> None:
    if count > bound:
        raise FormBroken(f"{count} {what}; at most {bound} are allowed")


def _reading_fault(slot: int, reading: Reading, edge: int, label: int) -> str:
    offset, width, observed = reading[:3]
    place = f"slot {slot}: the reading at offset {offset}"
    if offset < edge:
        return f"{place} overlaps the one before"
    if (label + offset) // MINUTE_MS != (label + offset + width - 1) // MINUTE_MS:
        return f"{place} of {width} ms crosses a minute of its axis"
    return f"{place} has a part larger than its whole (observed {observed}): {reading}"
