"""The books of devices, added up from stored report bytes by the plainest arithmetic."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from kashi.v1 import report_pb2
from kashi_server.bootstrap import Server
from kashi_server.log.audit import check_log
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.fsck import check_facts
from kashi_server.storage.unit_of_work import Work

Interval = tuple[int, int]


@dataclass(slots=True)
class DeviceBooks:
    """One device of one host in one boot. Intervals are boottime milliseconds, half-open."""

    spans: list[Interval] = field(default_factory=list)
    gaps: list[Interval] = field(default_factory=list)
    gap_reasons: set[int] = field(default_factory=set)
    observed_ms: int = 0
    held_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0

    @property
    def gap_ms(self) -> int:
        """All gaps."""
        return sum(end - start for start, end in self.gaps)

    @property
    def elapsed_ms(self) -> int:
        """From the first span's start to the last one's end."""
        return self.spans[-1][1] - self.spans[0][0]

    @property
    def whole_gaps(self) -> list[Interval]:
        """Gaps, those that touch as one."""
        whole: list[Interval] = []
        for start, end in sorted(self.gaps):
            if whole and whole[-1][1] == start:
                whole[-1] = (whole[-1][0], end)
            else:
                whole.append((start, end))
        return whole

    @property
    def observed(self) -> list[Interval]:
        """What is left of the spans without the gaps."""
        left, reached = [], self.spans[0][0]
        for start, end in [*self.whole_gaps, (self.spans[-1][1], self.spans[-1][1])]:
            if start > reached:
                left.append((reached, start))
            reached = end
        return left

    def check(self) -> None:
        """Spans follow each other without hole or overlap, and observed + gap = elapsed."""
        for before, after in pairwise(self.spans):
            assert before[1] == after[0], f"{before} is followed by {after}"
        assert self.observed_ms + self.gap_ms == self.elapsed_ms
        assert self.observed_ms == sum(end - start for start, end in self.observed)


Books = dict[tuple[bytes, str], DeviceBooks]
"""(boot, hardware id) -> what was reported of the device in that boot."""


def books_of(wires: Iterable[bytes]) -> Books:
    """Add up reports in the order given."""
    books: Books = {}
    for wire in wires:
        message = report_pb2.Report.FromString(wire)
        header = report_pb2.ReportHeader.FromString(message.header)
        for sealed in message.blocks:
            block = report_pb2.DeviceBlock.FromString(sealed.content)
            key = (header.boot_id, block.device.hardware_id)
            _add(books.setdefault(key, DeviceBooks()), block)
    return books


def stored_reports(work: Work, host_id: str) -> list[StoredReport]:
    """All reports of a host, as the server holds them."""
    with work.begin(writes=False) as unit:
        stream = unit.facts.stream(host_id)
        try:
            return list(stream)
        finally:
            stream.close()


def differences(server: Server) -> list[str]:
    """What fsck and the audit of the log find wrong, as `kashi-server fsck` names it."""
    facts = check_facts(server.work, server.keyring.receipt_key.public_key(), repair=False)
    log = check_log(server.work, server.keyring.checkpoint_key.public_key())
    return [*facts.differences, *log.differences]


def _add(books: DeviceBooks, block: report_pb2.DeviceBlock) -> None:
    start = block.start_boottime_ms
    books.spans.append((start, block.end_boottime_ms))
    for gap in block.gaps:
        at = start + gap.start_offset_ms
        books.gaps.append((at, at + gap.span_ms))
        books.gap_reasons.add(gap.reason)
    for reading in block.readings:
        books.observed_ms += reading.observed_ms
        books.held_ms += reading.held_ms
        books.active_ms += reading.active_ms
        books.utilised_ns += reading.utilised_ns
