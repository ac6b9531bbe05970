"""From counted reports to device-hours, gaps and devices: what a report adds, and nothing else.

Addition commutes, so the projection is the same in whatever order and grouping reports are added.
"""

from collections.abc import Iterable

from kashi.axis import MINUTE_MS

from kashi_server.domain.report import ReportFacts
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour
from kashi_server.services.facts_port import EventRow, GapRow

HourKey = tuple[str, int]
"""Hardware id and UTC hour."""

Hours = dict[HourKey, DeviceHour]


def add_report(hours: Hours, report: ReportFacts) -> None:
    """Add every reading of a report to the device-hours of its host."""
    host_id = report.host_id
    for span in report.devices:
        hardware_id = span.device.hardware_id
        label = report.anchor_utc_ms + span.start_boottime_ms
        hour, first_minute = -1, 0
        for reading in span.readings:
            minute = (label + reading[0]) // MINUTE_MS
            if minute // MINUTES_PER_HOUR != hour:
                hour = minute // MINUTES_PER_HOUR
                first_minute = hour * MINUTES_PER_HOUR
                held = hours.get((hardware_id, hour))
                if held is None:
                    held = DeviceHour(hardware_id=hardware_id, host_id=host_id, hour=hour)
                    hours[hardware_id, hour] = held
                observed, held_known, held_, known, active, utilised, alone = held.columns
            place = minute - first_minute
            observed[place] += reading[2]
            held_known[place] += reading[3]
            held_[place] += reading[4]
            known[place] += reading[5]
            active[place] += reading[6]
            utilised[place] += reading[7]
            alone[place] += reading[8]


def hours_of(reports: Iterable[ReportFacts]) -> Hours:
    """The device-hours of one host that some of its reports add up to."""
    hours: Hours = {}
    for report in reports:
        add_report(hours, report)
    return hours


def gap_rows(report: ReportFacts) -> list[GapRow]:
    """The gaps a report states, labelled."""
    rows: list[GapRow] = []
    place = (report.epoch, report.sequence)
    for span in report.devices:
        label = report.anchor_utc_ms + span.start_boottime_ms
        for offset, width, reason, same_driver, same_holders, energy_mj in span.gaps:
            start = label + offset
            rows.append(
                GapRow(
                    report.host_id,
                    place,
                    len(rows),
                    span.device.hardware_id,
                    start,
                    start + width,
                    reason,
                    same_driver,
                    same_holders,
                    energy_mj,
                )
            )
    return rows


def event_rows(report: ReportFacts) -> list[EventRow]:
    """The events a report states, of the host and of its devices, labelled."""
    place = (report.epoch, report.sequence)
    named = [("", event) for event in report.events]
    named += [(span.device.hardware_id, event) for span in report.devices for event in span.events]
    return [
        EventRow(
            report.host_id,
            place,
            ordinal,
            hardware_id,
            report.anchor_utc_ms + boottime_ms,
            kind,
            detail,
            value,
        )
        for ordinal, (hardware_id, (boottime_ms, kind, detail, value)) in enumerate(named)
    ]


def first_readings(report: ReportFacts) -> dict[str, int]:
    """For each device with a reading: the label of the first, in UTC milliseconds."""
    return {
        span.device.hardware_id: report.anchor_utc_ms + span.start_boottime_ms + span.readings[0][0]
        for span in report.devices
        if span.readings
    }
