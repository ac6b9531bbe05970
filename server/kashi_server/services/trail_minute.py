"""The lowest steps of a trail: a device-hour, one minute of it, the readings and their reports.

A reading is read back from the stored bytes of its report, never from the projection it became; if
both do not say the same, the trail says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from kashi.v1 import metering_pb2

from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.trail import TrailStep
from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour, Quantities
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import hours_of
from kashi_server.services.trail_port import ExplainingUnit

MINUTES_PER_HOUR: Final = 60
READING_RULE: Final = "docs/metering.md: a reading belongs to the UTC minute in which it starts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One device on one host in one UTC minute."""

    hardware_id: str
    host_id: str
    minute: int

    @property
    def hour(self) -> int:
        """The UTC hour since 1970."""
        return self.minute // MINUTES_PER_HOUR


def minute_steps(unit: ExplainingUnit, place: Place) -> Iterator[TrailStep]:
    """Device-hour, minute, and each report that tells of it with its receipt and log place."""
    hour = next(
        (
            one
            for one in unit.facts.device_hours([place.hardware_id], place.minute, place.minute + 1)
            if one.host_id == place.host_id and one.hour == place.hour
        ),
        None,
    )
    held = Quantities() if hour is None else hour.minute(place.minute)
    yield _hour_step(place, hour)
    reports = [*_telling(unit, place)]
    told = sum((quantities for _report, quantities in reports), Quantities())
    yield _minute_step(place, held, told, len(reports))
    for report, quantities in reports:
        yield _report_step(unit, place, report, quantities)


def _hour_step(place: Place, hour: DeviceHour | None) -> TrailStep:
    total = Quantities() if hour is None else hour.total()
    first = place.hour * MINUTES_PER_HOUR
    return TrailStep(
        kind="device_hour",
        zh="设备小时",
        en="device-hour",
        facts={
            "hardware_id": place.hardware_id,
            "host_id": place.host_id,
            "hour": shanghai_text(first),
            **{name: getattr(total, name) for name in QUANTITY_NAMES},
        },
        follows="the line's observed time = sum of its device's minutes in [start, end)",
        source="docs/metering.md",
    )


def _minute_step(place: Place, held: Quantities, told: Quantities, reports: int) -> TrailStep:
    return TrailStep(
        kind="minute",
        zh="分钟",
        en="minute",
        facts={
            "minute": shanghai_text(place.minute),
            **{name: getattr(held, name) for name in QUANTITY_NAMES},
            "gap_ms": max(0, MINUTE_MS - held.observed_ms),
            "reports": reports,
            "reports_agree": held == told,
        },
        follows="observed + gap = 60000 ms; what nobody observed stays a gap",
        source=READING_RULE,
    )


def _telling(unit: ExplainingUnit, place: Place) -> Iterator[tuple[StoredReport, Quantities]]:
    """Counted reports with a reading of this minute, and what each says."""
    start_utc_ms = place.minute * MINUTE_MS
    # A reading is labelled by the minute in which it starts: its report may begin before.
    for report in unit.facts.counted_within(place.host_id, start_utc_ms, start_utc_ms + MINUTE_MS):
        hours = hours_of([read_bytes(report.wire)])
        found = [
            hour.minute(place.minute)
            for hour in hours.values()
            if (hour.hardware_id, hour.hour) == (place.hardware_id, place.hour)
        ]
        total = sum(found, Quantities())
        if total != Quantities():
            yield report, total


def _report_step(
    unit: ExplainingUnit, place: Place, report: StoredReport, quantities: Quantities
) -> TrailStep:
    payload = metering_pb2.Receipt.FromString(report.receipt).payload
    said = metering_pb2.ReceiptPayload.FromString(payload)
    index = unit.log.index_of_report(report.host_id, report.epoch, report.sequence)
    return TrailStep(
        kind="report",
        zh="主机报告与回执",
        en="report and receipt",
        facts={
            "host_id": report.host_id,
            "epoch": report.epoch,
            "sequence": report.sequence,
            "sha256": report.sha256.hex(),
            **{f"reading_{name}": getattr(quantities, name) for name in QUANTITY_NAMES},
            "received_utc_ms": report.received_utc_ms,
            "receipt_verdict": metering_pb2.Verdict.Name(said.verdict),
            "receipt_names_it": said.report_sha256 == report.sha256,
            "receipt_sha256": sha256(report.receipt).hexdigest(),
            "log_index": index,
        },
        follows=(
            f"signed by the host, chained, receipted; in the bundle: reports/{place.host_id}.bin"
        ),
        source="docs/certificate.md §5, §6",
    )


def hours_between(hours: Sequence[DeviceHour], host_id: str, start: int, end: int) -> Quantities:
    """What a host observed of a device in [start, end) UTC minutes."""
    parts = (hour.total(start, end) for hour in hours if hour.host_id == host_id)
    return sum(parts, Quantities())
