"""The chain before a stored report, as ingestion would have judged the report by it.

Ingestion remembers the tail of a chain; a report that is restored lies in its middle, so what it is
judged by is read back from the stored reports before it.
"""

from collections.abc import Collection, Sequence
from typing import Protocol

from kashi.errors import FormError

from kashi_server.domain.report import ReportFacts
from kashi_server.domain.sequence import Tail
from kashi_server.errors import Refused
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.opening import read_bytes


class ChainFacts(Protocol):
    """What is read of a host's chain."""

    def stored(self, host_id: str, epoch: int, sequence: int) -> StoredReport | None:
        """The report at a place."""

    def epochs_opened(self, host_id: str, before_epoch: int) -> Sequence[int]:
        """When a host's epochs below this one were opened, in UTC milliseconds."""


def tail_before(facts: ChainFacts, stored: StoredReport, report: ReportFacts) -> Tail:
    """As much of the chain before a stored report as its content is judged by: running totals,
    which device stood behind each of its slots, and when epochs were opened before.

    Raises:
        Refused: a report before it cannot be read.
    """
    opened = tuple(facts.epochs_opened(stored.host_id, stored.epoch))
    before = _before(facts, stored, stored.sequence)
    if before is None:
        return Tail(epochs_opened_utc_ms=opened)
    # A slot without running totals is new in this epoch: nothing stood behind it.
    asked = {span.slot for span in report.devices} & before.counters.keys()
    slots = _slots(facts, stored, before, asked)
    return Tail(counters=before.counters, slots=slots, epochs_opened_utc_ms=opened)


def _slots(
    facts: ChainFacts, stored: StoredReport, before: ReportFacts, asked: Collection[int]
) -> dict[int, str]:
    """The device that the latest earlier report of the epoch names behind each slot.

    Most reports name all of them; only for a device that was away is more than one read.
    """
    found: dict[int, str] = {}
    earlier: ReportFacts | None = before
    while earlier is not None:
        for span in earlier.devices:
            if span.slot in asked:
                found.setdefault(span.slot, span.device.hardware_id)
        if len(found) == len(asked):
            break
        earlier = _before(facts, stored, earlier.sequence)
    return found


def _before(facts: ChainFacts, stored: StoredReport, sequence: int) -> ReportFacts | None:
    """The report before a sequence of the same epoch; None before its first."""
    found = facts.stored(stored.host_id, stored.epoch, sequence - 1)
    if found is None:
        return None
    try:
        return read_bytes(found.wire)
    except FormError as error:
        raise Refused(
            f"主机 {stored.host_id} 纪元 {stored.epoch} 序号 {sequence} 之前"
            "的报告无法读取，请运行 kashi-server fsck。"
            f"the report before epoch {stored.epoch} sequence {sequence} of host"
            f" {stored.host_id} cannot be read; run: kashi-server fsck"
        ) from error
