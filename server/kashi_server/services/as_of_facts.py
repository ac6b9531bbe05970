"""Facts as the first entries of the log have them: built again from the stored bytes of reports.

The tables of device-hours, gaps and devices move with every late report. A statement rests on what
they were at its cut-off; here that is built anew, host by host, from the reports with an index
below it and the restorations that officers had decided by then. What is kept of it is bounded by
the month that is asked for; of hardware at several places also when it was observed in its life.
"""

import json
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Protocol

from kashi_server.domain.device import Conflict, DeviceRecord, GapReason, ReportedGap
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.report import ReportFacts
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.sequence import Verdict
from kashi_server.domain.stated_fact import StatedFact, stated_fact
from kashi_server.domain.summed_time import BlockSums, DaySums
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour
from kashi_server.services.device_records import device_records
from kashi_server.services.facts_port import DeviceRow, GapRow, Place, StoredReport
from kashi_server.services.log_port import Entry
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import Hours, add_report, fact_rows, first_accounts, gap_rows
from kashi_server.services.restoration import ENTRY_KIND as RESTORATION_ENTRY
from kashi_server.services.service_windows import (
    Firsts,
    Observed,
    ServicePlace,
    conflicts_of,
    observed_of,
)
from kashi_server.services.sight import merged


class StoredFacts(Protocol):
    """What is read of the facts as they are stored."""

    def host_ids(self) -> Sequence[str]:
        """Every host that has reported."""

    def stream(self, host_id: str) -> Generator[StoredReport, None, None]:
        """All stored reports of a host in the order of their chain; to be closed."""

    def device_rows(self, host_id: str) -> Sequence[DeviceRow]:
        """Every device ever described on a host."""


class PrefixLog(Protocol):
    """What is read of the log."""

    def reached(self, host_id: str, size: int) -> Place:
        """The last report of a host with an index below `size`; (0, 0) when there is none."""

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end), in order."""

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where the latest entry of this kind and reference stands."""

    def references(self, kind: str, size: int) -> Sequence[str]:
        """References of the entries of a kind with an index below `size`."""


class FactsAsOf:
    """Facts of the log's first `size` entries, for the UTC minutes [start, end).

    Fills `inputs_port.InputFacts`; what lies outside the minutes is not there to be asked for.
    """

    def __init__(
        self, facts: StoredFacts, log: PrefixLog, size: int, start_minute: int, end_minute: int
    ) -> None:
        """Build everything again; this reads every report with an index below `size`."""
        self._span_ms = (start_minute * MINUTE_MS, end_minute * MINUTE_MS)
        self._hour_span = (start_minute // MINUTES_PER_HOUR, -(-end_minute // MINUTES_PER_HOUR))
        self._hours: dict[tuple[str, str, int], DeviceHour] = {}
        self._gaps: list[GapRow] = []
        self._facts: dict[str, list[StatedFact]] = {}
        self._clocks: dict[str, HostClock] = {}
        self._rows: dict[str, list[DeviceRow]] = {}
        restored = _restored(log, size)
        self._seen: dict[ServicePlace, list[list[int]]] = {}
        self._moved = _at_several_places(facts)
        for host_id in facts.host_ids():
            self._build(facts, host_id, log.reached(host_id, size), restored)

    def _build(
        self, facts: StoredFacts, host_id: str, last: Place, restored: Mapping[str, int]
    ) -> None:
        hours: Hours = {}
        rows = _Rows(host_id)
        late: list[tuple[int, ReportFacts]] = []
        with closing(facts.stream(host_id)) as stream:
            for stored in stream:
                if (stored.epoch, stored.sequence) > last:
                    break
                name = f"{host_id}/{stored.epoch}/{stored.sequence}"
                accepted = stored.verdict == Verdict.ACCEPTED
                if not accepted and name not in restored:
                    rows.see(read_bytes(stored.wire), stored.received_utc_ms)
                    continue
                report = read_bytes(stored.wire)
                if accepted:
                    rows.count(report, stored.received_utc_ms)
                else:
                    late.append((restored[name], report))
                add_report(hours, report)
                self._watch(report)
                self._forget(hours, report)
                self._note(report)
        for utc_ms, report in sorted(late, key=lambda one: (one[0], one[1].epoch, one[1].sequence)):
            rows.restore(report, utc_ms)
        self._keep(host_id, hours)
        for row in rows.counting():
            self._rows.setdefault(hardware_key(row.device.hardware_id), []).append(row)

    def _watch(self, report: ReportFacts) -> None:
        """Note the minutes in which something of hardware was observed that is at several places:
        where it served hangs on its whole life."""
        for span in report.devices:
            hardware_id = span.device.hardware_id
            if hardware_key(hardware_id) not in self._moved:
                continue
            label = report.anchor_utc_ms + span.start_boottime_ms
            runs = self._seen.setdefault(ServicePlace(report.host_id, hardware_id), [])
            for minute in ((label + one[0]) // MINUTE_MS for one in span.readings if one[2]):
                if runs and runs[-1][0] <= minute <= runs[-1][1]:
                    runs[-1][1] = max(minute + 1, runs[-1][1])
                else:
                    runs.append([minute, minute + 1])

    def _forget(self, hours: Hours, report: ReportFacts) -> None:
        """Drop what lies outside the month, so that a year of reports does not fill the memory."""
        for span in report.devices:
            hardware_id = span.device.hardware_id
            if not span.readings:
                continue
            label = report.anchor_utc_ms + span.start_boottime_ms
            first, last = (
                (label + span.readings[place][0]) // (MINUTE_MS * MINUTES_PER_HOUR)
                for place in (0, -1)
            )
            for hour in range(first, last + 1):
                if not self._hour_span[0] <= hour < self._hour_span[1]:
                    hours.pop((hardware_id, hour), None)

    def _note(self, report: ReportFacts) -> None:
        start_ms, end_ms = self._span_ms
        for row in gap_rows(report):
            if row.end_utc_ms > start_ms and row.start_utc_ms < end_ms:
                self._gaps.append(row)
        for event in fact_rows(report):
            if start_ms <= event.utc_ms < end_ms:
                fact = stated_fact(
                    hardware_id=event.hardware_id, utc_ms=event.utc_ms, detail=event.detail
                )
                self._facts.setdefault(report.host_id, []).append(fact)
        if report.end_utc_ms > start_ms and report.start_utc_ms < end_ms:
            known = self._clocks.get(report.host_id, HostClock())
            self._clocks[report.host_id] = HostClock.together(
                (known, HostClock.of(report, self._span_ms))
            )

    def _keep(self, host_id: str, hours: Hours) -> None:
        low, high = self._hour_span
        for (hardware_id, hour), found in hours.items():
            if low <= hour < high:
                self._hours[host_id, hardware_id, hour] = found

    # What reading a month's inputs asks

    def devices(self, hardware_ids: Collection[str] | None = None) -> Sequence[DeviceRecord]:
        """Devices of which anything counts, with their service windows, by hardware id."""
        found = [
            one for rows in self._rows.values() for one in device_records(rows, self._observed)
        ]
        found.sort(key=lambda one: one.hardware_id)
        return [one for one in found if hardware_ids is None or one.hardware_id in hardware_ids]

    def _observed(self, firsts: Firsts) -> Observed:
        known = {place: self._seen.get(place, ()) for place, _minute in firsts}
        return {place: merged(Interval(*run) for run in runs) for place, runs in known.items()}

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch the minutes, by host, device and hour."""
        low, high = start_minute // MINUTES_PER_HOUR, -(-end_minute // MINUTES_PER_HOUR)
        for (_host_id, hardware_id, hour), found in sorted(self._hours.items()):
            if low <= hour < high and (hardware_ids is None or hardware_id in hardware_ids):
                yield found

    def unsummed_devices(self, start_minute: int, end_minute: int) -> Collection[str]:
        """All of them: nothing is added up here, so that what tables add up is held against it."""
        del start_minute, end_minute
        return {row.device.hardware_id for rows in self._rows.values() for row in rows}

    def day_sums(self, start_minute: int, end_minute: int) -> DaySums:
        """None."""
        del start_minute, end_minute
        return DaySums()

    def hour_sums(
        self, hardware_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Mapping[str, BlockSums]:
        """None."""
        del hardware_ids, start_minute, end_minute
        return {}

    def gaps(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[ReportedGap]:
        """Reported gaps that touch the minutes, in order."""
        low_ms, high_ms = start_minute * MINUTE_MS, end_minute * MINUTE_MS
        found = [
            row
            for row in self._gaps
            if row.end_utc_ms > low_ms
            and row.start_utc_ms < high_ms
            and (hardware_ids is None or row.hardware_id in hardware_ids)
        ]
        found.sort(key=lambda row: (row.hardware_id, row.start_utc_ms, row.host_id))
        return [_reported(row) for row in found]

    def conflicts(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[Conflict]:
        """Minutes that more than one host says to have observed."""
        found: list[Conflict] = []
        for rows in self._rows.values():
            if len({row.host_id for row in rows}) > 1:
                ids = {row.device.hardware_id for row in rows}
                hours = (hour for (_host, device, _), hour in self._hours.items() if device in ids)
                found += conflicts_of(observed_of(hours), start_minute, end_minute)
        found = [one for one in found if hardware_ids is None or one.hardware_id in hardware_ids]
        return sorted(found, key=lambda one: (one.hardware_id, one.interval.start))

    def clocks(self, start_minute: int, end_minute: int) -> Mapping[str, HostClock]:
        """The clock behind counted reports, by host with one in the month."""
        assert (start_minute * MINUTE_MS, end_minute * MINUTE_MS) == self._span_ms
        return self._clocks

    def stated_facts(
        self, start_minute: int, end_minute: int
    ) -> Mapping[str, Sequence[StatedFact]]:
        """What hosts stated of how they read, by host."""
        assert (start_minute * MINUTE_MS, end_minute * MINUTE_MS) == self._span_ms
        return self._facts


class _Rows:
    """A host's devices as ingestion and restoration write them, report by report."""

    def __init__(self, host_id: str) -> None:
        self._host_id = host_id
        self._rows: dict[str, DeviceRow] = {}

    def see(self, report: ReportFacts, utc_ms: int) -> None:
        """A report that does not count: it describes what nobody described before."""
        for span in report.devices:
            known = self._rows.get(span.device.hardware_id)
            if known is None or known.slot != span.slot:
                device = span.device if known is None else known.device
                first = None if known is None else known.first_utc_ms
                self._set(DeviceRow(self._host_id, span.slot, device, first, utc_ms))

    def count(self, report: ReportFacts, utc_ms: int) -> None:
        """A report that counts: its devices are what it says, and begin there."""
        firsts = first_accounts(report)
        for span in report.devices:
            known = self._rows.get(span.device.hardware_id)
            first = firsts.get(span.device.hardware_id)
            begins = first is not None and (known is None or known.first_utc_ms is None)
            if known is not None and not begins and _says(known) == (span.slot, span.device):
                continue
            begun = known.first_utc_ms if known is not None and not begins else first
            self._set(DeviceRow(self._host_id, span.slot, span.device, begun, utc_ms))

    def restore(self, report: ReportFacts, utc_ms: int) -> None:
        """A report that officers let count: it describes anew, and may begin a device earlier."""
        firsts = first_accounts(report)
        for span in report.devices:
            known = self._rows.get(span.device.hardware_id)
            first = firsts.get(span.device.hardware_id)
            before = None if known is None else known.first_utc_ms
            begun = min((one for one in (first, before) if one is not None), default=None)
            slot = span.slot if known is None else known.slot
            self._set(DeviceRow(self._host_id, slot, span.device, begun, utc_ms))

    def _set(self, row: DeviceRow) -> None:
        for hardware_id, other in self._rows.items():
            if other.slot == row.slot and hardware_id != row.device.hardware_id:
                self._rows[hardware_id] = DeviceRow(
                    other.host_id, None, other.device, other.first_utc_ms, other.described_utc_ms
                )
        self._rows[row.device.hardware_id] = row

    def counting(self) -> Iterator[DeviceRow]:
        """Rows of devices of which anything counts."""
        return (row for row in self._rows.values() if row.first_utc_ms is not None)


def _says(row: DeviceRow) -> tuple[int | None, object]:
    return row.slot, row.device


def _restored(log: PrefixLog, size: int) -> dict[str, int]:
    """When each report was restored, of the decisions with an index below `size`."""
    found: dict[str, int] = {}
    for reference in log.references(RESTORATION_ENTRY, size):
        index = log.index_of(RESTORATION_ENTRY, reference)
        assert index is not None, "a reference of the log has an index"
        (entry,) = log.entries(index, index + 1)
        found[reference] = json.loads(entry.entry)["restored_utc_ms"]
    return found


def _at_several_places(facts: StoredFacts) -> frozenset[str]:
    """Hardware that more than one host, or one host under several ids, ever described: never less
    than at any cut-off."""
    seen: set[str] = set()
    several: set[str] = set()
    for host_id in facts.host_ids():
        for row in facts.device_rows(host_id):
            key = hardware_key(row.device.hardware_id)
            (several if key in seen else seen).add(key)
    return frozenset(several)


def _reported(row: GapRow) -> ReportedGap:
    return ReportedGap(
        host_id=row.host_id,
        hardware_id=row.hardware_id,
        start_utc_ms=row.start_utc_ms,
        end_utc_ms=row.end_utc_ms,
        reason=GapReason(row.reason),
        same_driver=row.same_driver,
        same_holders=row.same_holders,
        energy_mj=row.energy_mj,
    )
