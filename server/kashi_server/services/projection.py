"""From counted reports to device-hours, gaps and devices: what a report adds, and nothing else.

Addition commutes, so the projection is the same in whatever order and grouping reports are added.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable

from kashi.axis import MINUTE_MS

from kashi_server.domain.report import Reading, ReportFacts
from kashi_server.domain.stated_fact import FactKind
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour
from kashi_server.services.facts_port import EventRow, GapRow

HourKey = tuple[str, int]
"""Hardware id and UTC hour."""

Hours = dict[HourKey, DeviceHour]


def add_report(hours: Hours, report: ReportFacts) -> None:
    """Add every reading of a report to the device-hours of its host."""
    for span in report.devices:
        label = report.anchor_utc_ms + span.start_boottime_ms
        minutes = [(label + reading[0]) // MINUTE_MS for reading in span.readings]
        start = 0
        while start < len(minutes):
            number = minutes[start] // MINUTES_PER_HOUR
            end = bisect_left(minutes, (number + 1) * MINUTES_PER_HOUR, start)
            hour = _hour(hours, report.host_id, span.device.hardware_id, number)
            whole = end - start == len(minutes)
            readings = span.readings if whole else span.readings[start:end]
            _add(hour, minutes if whole else minutes[start:end], readings)
            start = end


def _add(hour: DeviceHour, minutes: list[int], readings: list[Reading]) -> None:
    """Add readings of one hour: column by column where nothing stands yet, else one by one.

    Places 2 to 8 of a reading are a device-hour's quantities, in the order of its columns.
    """
    low = minutes[0] - hour.hour * MINUTES_PER_HOUR
    high = low + len(minutes)
    fresh = not any(hour.columns[0][low:high])
    if fresh and minutes[-1] - minutes[0] == len(minutes) - 1 and _rises(minutes):
        columns = list(zip(*readings, strict=True))[2:9]
        for column, values in zip(hour.columns, columns, strict=True):
            column[low:high] = array("Q", values)
        return
    for minute, reading in zip(minutes, readings, strict=True):
        place = minute - hour.hour * MINUTES_PER_HOUR
        for column, value in zip(hour.columns, reading[2:9], strict=True):
            column[place] += value


def _rises(minutes: list[int]) -> bool:
    """Each minute is the next one."""
    return minutes == list(range(minutes[0], minutes[-1] + 1))


def _hour(hours: Hours, host_id: str, hardware_id: str, number: int) -> DeviceHour:
    hour = hours.get((hardware_id, number))
    if hour is None:
        hour = DeviceHour(hardware_id=hardware_id, host_id=host_id, hour=number)
        hours[hardware_id, number] = hour
    return hour


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


def fact_rows(report: ReportFacts) -> list[EventRow]:
    """The events among them that state a fact: what doubts are raised from."""
    return [
        row
        for row in event_rows(report)
        if row.kind == (FactKind.OF_DEVICE if row.hardware_id else FactKind.OF_HOST)
    ]


def first_accounts(report: ReportFacts) -> dict[str, int]:
    """For each device accounted for, by a reading or a gap: where the first one begins, labelled in
    UTC milliseconds."""
    return {
        span.device.hardware_id: report.anchor_utc_ms + span.start_boottime_ms + first
        for span in report.devices
        if (first := span.first_offset_ms) is not None
    }
