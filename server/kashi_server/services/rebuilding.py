"""Building projections again from stored bytes: report by report, nothing taken on trust.

`Rebuilt` walks one host's chain and checks everything a stored report must still show; it raises at
the first thing that does not hold. `rebuilt_hours` gives the device-hours of a log's prefix.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.chain import Place, place_report
from kashi.errors import ContractError

from kashi_server.domain.both_languages import because
from kashi_server.domain.form import FormBroken
from kashi_server.domain.host_clock import axis_offset_ms
from kashi_server.domain.sequence import Tail, Verdict, counted, follow, judge_link
from kashi_server.domain.usage import DeviceHour
from kashi_server.errors import KashiError
from kashi_server.services.facts_port import HeldHead, StoredProjection, StoredReport
from kashi_server.services.facts_port import Place as ChainPlace
from kashi_server.services.opening import Opened, open_bytes, read_bytes
from kashi_server.services.projection import (
    add_report,
    fact_rows,
    first_accounts,
    gap_rows,
    hours_of,
)
from kashi_server.services.receipts import read_receipt


class Damaged(KashiError):
    """What is stored is not what was signed; the message names the first difference."""


class _Where:
    """The place of a report, as a finding names it."""

    def __init__(self, host_id: str, epoch: int, sequence: int) -> None:
        self.zh = f"主机 {host_id} 第 {epoch} 纪元第 {sequence} 号报告"
        self.en = f"host {host_id} epoch {epoch} sequence {sequence}"


class Rebuilt:
    """One host's chain, followed from its first report; what it adds up to on the way.

    Args:
        host_id: whose.
        report_key: its reports verify under it.
        receipt_key: its receipts verify under it.
        restored: places that officers restored.
    """

    def __init__(
        self,
        host_id: str,
        report_key: ec.EllipticCurvePublicKey,
        receipt_key: ec.EllipticCurvePublicKey,
        restored: Mapping[ChainPlace, int],
    ) -> None:
        self._host_id = host_id
        self._report_key = report_key
        self._receipt_key = receipt_key
        self._restored = restored
        self._tail = Tail()
        self.projection = StoredProjection()
        self.report_count = 0
        self.reading_count = 0
        self.erased: list[tuple[int, ChainPlace]] = []
        """Reports whose names are erased: when they count as ended, and their places."""

    def follow(self, stored: StoredReport) -> None:
        """Check a stored report and add it.

        1. Signature, digests and form hold, and the columns beside the bytes say the same.
        2. It follows the report before.
        3. Its receipt verifies and is for these bytes.

        Raises:
            Damaged: one of them fails.
        """
        where = _Where(self._host_id, stored.epoch, stored.sequence)
        try:
            opened = open_bytes(stored.wire, self._report_key, self._host_id)
        except (ContractError, FormBroken) as error:
            raise Damaged(
                because(
                    f"{where.zh}：所存报告不成立",
                    f"{where.en}: the stored report does not hold",
                    error,
                )
            ) from error
        self._check_columns(where, stored, opened)
        self._check_link(where, opened)
        self._check_receipt(where, stored)
        # Of blocks a sound report may only lack the content of names.
        if opened.header.blocks and not opened.digests:
            ended_utc_ms = min(stored.end_utc_ms, stored.received_utc_ms)
            self.erased.append((ended_utc_ms, (stored.epoch, stored.sequence)))
        self._add(stored, opened)

    def finish(self) -> StoredProjection:
        """What the projections must be."""
        tail, projection = self._tail, self.projection
        head = tail.head
        projection.held = HeldHead(head, tail.counted_until_utc_ms, (head.epoch, head.sequence))
        return projection

    def _check_columns(self, where: _Where, stored: StoredReport, opened: Opened) -> None:
        facts = opened.facts
        columns: tuple[tuple[str, object, object], ...] = (
            ("epoch", stored.epoch, facts.epoch),
            ("sequence", stored.sequence, facts.sequence),
            ("sha256", stored.sha256.hex(), facts.sha256.hex()),
            ("start_utc_ms", stored.start_utc_ms, facts.start_utc_ms),
            ("end_utc_ms", stored.end_utc_ms, facts.end_utc_ms),
        )
        if stored.clock_sync:
            # Statements say by these whether a clock was vouched for; 0 says that nobody knows, as
            # of reports from before this was kept, and makes no figure better.
            columns += (
                ("clock_offset_ms", stored.clock_offset_ms, axis_offset_ms(facts)),
                ("clock_sync", stored.clock_sync, facts.clock_sync),
            )
        for name, column, said in columns:
            if column != said:
                raise Damaged(
                    f"{where.zh}：列 {name} 为 {column}，报告所述为 {said}。"
                    f"{where.en}: column {name} is {column}, the report says {said}"
                )

    def _check_link(self, where: _Where, opened: Opened) -> None:
        place = place_report(self._tail.head, opened.header)
        if place not in (Place.NEXT, Place.OPENS_EPOCH):
            held = self._tail.head
            raise Damaged(
                f"{where.zh}：不接在第 {held.epoch} 纪元第 {held.sequence} 号之后"
                f"（{place.value}）。"
                f"{where.en}: it does not follow epoch {held.epoch} sequence {held.sequence}"
                f" ({place.value})"
            )
        fault = judge_link(place, opened.facts, self._tail)
        if fault is not None:
            raise Damaged(
                because(
                    f"{where.zh}：与前一份报告不相接",
                    f"{where.en} is out of its chain",
                    fault.detail,
                )
            )

    def _check_receipt(self, where: _Where, stored: StoredReport) -> None:
        try:
            payload, _judgement = read_receipt(stored.receipt, self._receipt_key)
        except ContractError as error:
            raise Damaged(
                because(
                    f"{where.zh}：所存回执不成立",
                    f"{where.en}: the stored receipt does not hold",
                    error,
                )
            ) from error
        said = (
            payload.host_id,
            payload.epoch,
            payload.sequence,
            payload.report_sha256,
            int(payload.verdict),
            int(payload.quarantine_reason),
            payload.received_utc_ms,
        )
        columns = (
            self._host_id,
            stored.epoch,
            stored.sequence,
            stored.sha256,
            stored.verdict,
            stored.reason,
            stored.received_utc_ms,
        )
        if said != columns:
            raise Damaged(
                f"{where.zh}：回执所述为 {said[4:]}，各列所述为 {columns[4:]}。"
                f"{where.en}: the receipt says {said[4:]}, the columns say {columns[4:]}"
            )

    def _add(self, stored: StoredReport, opened: Opened) -> None:
        facts, projection = opened.facts, self.projection
        place = (stored.epoch, stored.sequence)
        counts = stored.verdict == Verdict.ACCEPTED or place in self._restored
        _payload, judgement = read_receipt(stored.receipt)
        self._tail = follow(self._tail, facts, judgement, stored.received_utc_ms)
        self.report_count += 1
        self.reading_count += opened.sums.reading_count
        projection.facts.update({(row.place, row.ordinal): row for row in fact_rows(facts)})
        if not counts:
            return
        if judgement.verdict is not Verdict.ACCEPTED:
            self._tail = counted(self._tail, facts.end_utc_ms)
        projection.counted.add(place)
        add_report(projection.hours, facts)
        projection.gaps.update({(row.place, row.ordinal): row for row in gap_rows(facts)})
        for span in facts.devices:
            said = projection.described.setdefault(span.device.hardware_id, [])
            if span.device in said:
                said.remove(span.device)
            said.append(span.device)
        for hardware_id, first in first_accounts(facts).items():
            known = projection.first_utc_ms.get(hardware_id, first)
            projection.first_utc_ms[hardware_id] = min(known, first)


class PrefixFacts(Protocol):
    """What rebuilding a prefix asks of the facts."""

    def host_ids(self) -> Sequence[str]:
        """Every host that has reported."""

    def stream(self, host_id: str) -> Generator[StoredReport, None, None]:
        """All stored reports of a host in the order of their chain; to be closed."""


class PrefixLog(Protocol):
    """What rebuilding a prefix asks of the log."""

    def reached(self, host_id: str, size: int) -> ChainPlace:
        """The last report of a host with an index below `size`; (0, 0) when there is none."""

    def references(self, kind: str, size: int) -> Sequence[str]:
        """References of the entries of a kind with an index below `size`."""


def rebuilt_hours(facts: PrefixFacts, log: PrefixLog, size: int) -> Iterator[DeviceHour]:
    """Device-hours of everything that the log's first `size` entries count, host by host.

    Exactly what a statement with this cut-off rests on: later reports and later restorations are
    left out.
    """
    restored = set(log.references("restoration", size))
    for host_id in facts.host_ids():
        last = log.reached(host_id, size)
        counting = (
            read_bytes(stored.wire)
            for stored in facts.stream(host_id)
            if (stored.epoch, stored.sequence) <= last
            and (
                stored.verdict == Verdict.ACCEPTED
                or f"{host_id}/{stored.epoch}/{stored.sequence}" in restored
            )
        )
        hours = hours_of(counting)
        for key in sorted(hours):
            yield hours[key]
