"""The end of a host's chain, kept in memory between units of work.

It holds exactly what storage vouches for: before each use it is compared with the locked head, and
loaded anew where they differ (another process wrote, an officer restored a report).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kashi_server.domain.report import DeviceDescription, ReportFacts
from kashi_server.domain.sequence import Judgement, Tail, Verdict, follow
from kashi_server.services.facts_port import (
    ChainRecord,
    DeviceRow,
    EpochRow,
    FactBatch,
    HeadRow,
    HeldHead,
    Place,
    base_sequence,
)
from kashi_server.services.opening import read_bytes, read_header
from kashi_server.services.projection import (
    Hours,
    add_report,
    event_rows,
    first_accounts,
    gap_rows,
)

UNPROJECTED_REPORTS_MAX = 64
"""Reports that may wait for their hour to be full before they are folded into device-hours."""


@dataclass(slots=True)
class HostChain:
    """One host's chain: its tail, its devices, and the device-hours that are not written yet.

    Attributes:
        described: slot and description of each device as stored.
        begun: devices of which something counts.
        hours: sums of the counted reports after `projected`.
        waiting: how many reports those are.
        base: the report that the next one is stored against.
    """

    tail: Tail
    projected: Place = (0, 0)
    revision: int = 0
    described: dict[str, tuple[int | None, DeviceDescription]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    hours: Hours = field(default_factory=dict)
    waiting: int = 0
    base: bytes | None = None

    @classmethod
    def load(cls, held: HeldHead, record: ChainRecord) -> "HostChain":
        """The chain that storage describes."""
        slots = {row.slot: row.device.hardware_id for row in record.devices if row.slot is not None}
        tail = Tail(
            head=held.head,
            counted_until_utc_ms=held.counted_until_utc_ms,
            slots=slots,
            epochs_opened_utc_ms=tuple(record.epochs_opened_utc_ms),
        )
        if record.head_wire is not None:
            last = read_header(record.head_wire)
            tail = Tail(
                head=held.head,
                boot_id=last.boot_id,
                segment_number=last.segment_number,
                anchor_utc_ms=last.anchor_utc_ms,
                end_boottime_ms=last.end_boottime_ms,
                counted_until_utc_ms=held.counted_until_utc_ms,
                counters=last.counters,
                slots=slots,
                epochs_opened_utc_ms=tuple(record.epochs_opened_utc_ms),
            )
        chain = cls(tail, held.projected, revision=held.revision, base=record.base_wire)
        for row in record.devices:
            chain.described[row.device.hardware_id] = (row.slot, row.device)
            if row.first_utc_ms is not None:
                chain.begun.add(row.device.hardware_id)
        for wire in record.unprojected:
            add_report(chain.hours, read_bytes(wire))
            chain.waiting += 1
        return chain

    def agrees(self, held: HeldHead) -> bool:
        """Nothing was written since this was made."""
        tail = self.tail
        return (
            tail.head == held.head
            and self.projected == held.projected
            and tail.counted_until_utc_ms == held.counted_until_utc_ms
            and self.revision == held.revision
        )

    def base_for(self, report: ReportFacts, wire: bytes) -> bytes | None:
        """What the next report is stored against; None if it stands by itself, as a base."""
        if base_sequence(report.sequence) == report.sequence:
            self.base = wire
            return None
        return self.base

    def append(
        self, report: ReportFacts, judgement: Judgement, received_utc_ms: int, batch: FactBatch
    ) -> None:
        """Follow a report that is stored: move the tail, add what it says to the batch."""
        self.tail = follow(self.tail, report, judgement, received_utc_ms)
        counts = judgement.verdict is Verdict.ACCEPTED
        batch.devices.extend(self._device_rows(report, received_utc_ms, counts=counts))
        if report.opening is not None:
            batch.epochs.append(
                EpochRow(report.host_id, report.epoch, received_utc_ms, report.opening)
            )
        batch.events.extend(event_rows(report))
        if counts:
            add_report(self.hours, report)
            batch.gaps.extend(gap_rows(report))
            self.waiting += 1
        batch.heads[report.host_id] = self._head_row(report, received_utc_ms)

    def fold(self, host_id: str, batch: FactBatch) -> None:
        """Write the waiting sums out once an hour among them is full, or too many wait.

        A device-hour is written about once, not once a report; whoever reads before that adds the
        waiting reports itself.
        """
        if not self.waiting:
            return
        full = self.tail.counted_until_utc_ms // 3_600_000
        if self.waiting < UNPROJECTED_REPORTS_MAX and all(hour >= full for _id, hour in self.hours):
            return
        batch.hours.extend(self.hours.values())
        self.hours, self.waiting = {}, 0
        row = batch.heads[host_id]
        self.projected = (row.head.epoch, row.head.sequence)
        batch.heads[host_id] = HeadRow(
            host_id,
            row.head,
            row.received_utc_ms,
            row.reported_until_utc_ms,
            row.counted_until_utc_ms,
            self.projected,
            row.agent_version,
            row.clock_sync,
            row.clock_offset_ms,
            row.devices_counted_only,
        )

    def _head_row(self, report: ReportFacts, received_utc_ms: int) -> HeadRow:
        return HeadRow(
            report.host_id,
            self.tail.head,
            received_utc_ms,
            report.end_utc_ms,
            self.tail.counted_until_utc_ms,
            self.projected,
            report.agent_version,
            report.clock_sync,
            report.clock_offset_ms,
            report.devices_counted_only,
        )

    def _device_rows(
        self, report: ReportFacts, received_utc_ms: int, *, counts: bool
    ) -> Iterator[DeviceRow]:
        """Rows of the devices that are new, changed, or begin to count with this report."""
        firsts: dict[str, int] = {}
        for span in report.devices:
            device, slot = span.device, span.slot
            hardware_id = device.hardware_id
            begins = counts and hardware_id not in self.begun and span.first_offset_ms is not None
            known = self.described.get(hardware_id)
            if known is not None and not counts:
                # What does not count describes nothing anew.
                device = known[1]
            if known == (slot, device) and not begins:
                continue
            if begins:
                firsts = firsts or first_accounts(report)
                self.begun.add(hardware_id)
            for other, (taken, description) in self.described.items():
                if taken == slot and other != hardware_id:
                    self.described[other] = (None, description)
            self.described[hardware_id] = (slot, device)
            yield DeviceRow(
                report.host_id,
                slot,
                device,
                firsts.get(hardware_id) if begins else None,
                received_utc_ms,
            )
