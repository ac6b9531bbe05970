"""How the reports behind a certificate were read: versions, sampling, and which came late.

Taken from the signed headers and receipts that go into the bundle, so whoever has the bundle can
take the same from it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from kashi.v1 import metering_pb2, report_pb2

from kashi_server.services.evidence import Gathered

LATE_MS: Final = 86_400_000
"""A report is late when the server had it more than a day after the time it ends with."""


def reading_of(gathered: Gathered) -> dict[str, object] | None:
    """The reading of one month's reports; None where there are none."""
    versions: set[str] = set()
    cadences: set[tuple[str, int]] = set()
    reports = late = 0
    for host_id, wires in gathered.reports.items():
        for wire, receipt in zip(wires, gathered.receipts[host_id], strict=True):
            header = report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)
            versions.add(header.agent_version)
            cadences.update((_kind(meter.kind), meter.cadence_ms) for meter in header.meters)
            reports += 1
            late += _received_utc_ms(receipt) - _end_utc_ms(header) > LATE_MS
    if not reports:
        return None
    return _reading(versions, cadences, reports, late)


def together(readings: Iterable[Mapping[str, Any] | None]) -> dict[str, object] | None:
    """The reading of several months."""
    found = [one for one in readings if one is not None]
    if not found:
        return None
    return _reading(
        {version for one in found for version in one["agent_versions"]},
        {(meter["meter"], meter["cadence_ms"]) for one in found for meter in one["sampling"]},
        sum(one["reports"] for one in found),
        sum(one["late_reports"] for one in found),
    )


def _reading(
    versions: set[str], cadences: set[tuple[str, int]], reports: int, late: int
) -> dict[str, object]:
    return {
        "reports": reports,
        "late_reports": late,
        "late_after_ms": LATE_MS,
        "agent_versions": sorted(versions),
        "sampling": [
            {"meter": meter, "cadence_ms": cadence_ms} for meter, cadence_ms in sorted(cadences)
        ],
    }


def _kind(kind: int) -> str:
    name: str = report_pb2.MeterKind.Name(kind)
    return name.removeprefix("METER_KIND_").lower()


def _end_utc_ms(header: report_pb2.ReportHeader) -> int:
    return header.segment.anchor_utc_ms + header.end_boottime_ms


def _received_utc_ms(receipt: bytes) -> int:
    payload = metering_pb2.Receipt.FromString(receipt).payload
    return metering_pb2.ReceiptPayload.FromString(payload).received_utc_ms
