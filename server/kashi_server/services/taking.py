"""One unit of work of ingestion while it runs: reports are judged in order and collected.

Nothing is durable before the unit commits, and nothing here commits. Chains that were moved must be
forgotten by the caller if the unit fails.
"""

from collections.abc import Sequence
from typing import Final

from kashi import chain
from kashi.chain import NO_HEAD, Head

from kashi_server.domain.host_clock import axis_offset_ms
from kashi_server.domain.report import ReportFacts
from kashi_server.domain.sequence import (
    Judgement,
    Verdict,
    judge_behind,
    judge_content,
    judge_link,
)
from kashi_server.services.describing import redescribed_device
from kashi_server.services.facts_port import FactBatch, FactsUnit, ForkRow, HeldHead, ReportRow
from kashi_server.services.host_chain import HostChain
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.opening import Opened
from kashi_server.services.overlapping import overlapped_device, retold_device
from kashi_server.services.receipts import ReceiptSigner
from kashi_server.services.submission import Result

CHAINS_KEPT_MAX: Final = 4096
"""Hosts whose chain is kept in memory; others are loaded when they call."""


class Taking:
    """One unit of work while it runs."""

    def __init__(
        self,
        unit: FactsUnit,
        hosts: Sequence[str],
        signer: ReceiptSigner,
        kept: dict[str, HostChain],
        now_utc_ms: int,
        demo: bool,
    ) -> None:
        self._unit = unit
        self._signer = signer
        self._kept = kept
        self._demo = demo
        self._facts = unit.facts
        self._now_utc_ms = now_utc_ms
        self._held = unit.facts.lock_heads(hosts)
        self._chains: dict[str, HostChain] = {}
        self.newly_held: set[str] = set()
        self._fresh: dict[tuple[str, int, int], tuple[bytes, bytes]] = {}
        self._batch = FactBatch()
        self._changed = False

    def head(self, host_id: str) -> Head:
        """The head as it stands now."""
        chain_ = self._chains.get(host_id)
        if chain_ is not None:
            return chain_.tail.head
        held = self._held.get(host_id)
        return NO_HEAD if held is None else held.head

    def take(self, host: HostStanding, report: Opened | Judgement) -> Result:
        """Judge one report and add it to the unit."""
        if isinstance(report, Judgement):
            return Result(report)
        state = self._chain(host.host_id)
        facts = report.facts
        place = chain.place_report(state.tail.head, report.header)
        if place is chain.Place.BEHIND:
            return self._behind(host, report, state)
        judgement = judge_link(place, facts, state.tail)
        if judgement is not None:
            return Result(judgement)
        judgement = judge_content(
            facts,
            report.sums,
            state.tail,
            host,
            held=host.state is not HostState.ACTIVE or host.host_id in self.newly_held,
            demo=self._demo,
            now_utc_ms=self._now_utc_ms,
        )
        if judgement.verdict is Verdict.ACCEPTED:
            judgement = (
                redescribed_device(self._facts, facts, state, self._write)
                or self._overlap(facts, state)
                or judgement
            )
        return self._store(host, report, state, judgement)

    def finish(self) -> bool:
        """Write what was collected; tells whether there is anything to commit."""
        for host_id, state in self._chains.items():
            if host_id in self._batch.heads:
                state.fold(host_id, self._batch)
        self._write()
        return self._changed

    def _store(
        self, host: HostStanding, report: Opened, state: HostChain, judgement: Judgement
    ) -> Result:
        facts, now = report.facts, self._now_utc_ms
        receipt = self._signer.sign(
            host.host_id, (facts.epoch, facts.sequence), facts.sha256, judgement, now
        )
        row = ReportRow(
            host.host_id,
            facts.epoch,
            facts.sequence,
            facts.sha256,
            facts.start_utc_ms,
            facts.end_utc_ms,
            now,
            axis_offset_ms(facts),
            judgement.verdict,
            judgement.reason or 0,
            judgement.verdict is Verdict.ACCEPTED,
            report.wire,
            receipt,
            report.digests,
            state.base_for(facts, report.wire),
            facts.clock_sync,
        )
        self._batch.reports.append(row)
        state.append(facts, judgement, now, self._batch)
        self._fresh[host.host_id, facts.epoch, facts.sequence] = (facts.sha256, receipt)
        return Result(judgement, receipt, report.sums.reading_count)

    def _behind(self, host: HostStanding, report: Opened, state: HostChain) -> Result:
        facts = report.facts
        found = self._fresh.get((host.host_id, facts.epoch, facts.sequence))
        if found is None:
            stored = self._facts.stored(host.host_id, facts.epoch, facts.sequence)
            found = (stored.sha256, stored.receipt) if stored else None
        judgement = judge_behind(facts, found[0] if found else None, state.tail.head)
        if judgement.verdict is Verdict.DUPLICATE and found is not None:
            return Result(judgement, found[1])
        if judgement.verdict is Verdict.FORK:
            self._keep_fork(host, report, judgement)
        return Result(judgement)

    def _keep_fork(self, host: HostStanding, report: Opened, judgement: Judgement) -> None:
        facts, now = report.facts, self._now_utc_ms
        self._batch.forks.append(
            ForkRow(host.host_id, facts.epoch, facts.sequence, facts.sha256, now, report.wire)
        )
        if host.state is HostState.ACTIVE and host.host_id not in self.newly_held:
            self._unit.identity.hold_host(host.host_id, f"fork: {judgement.detail}", now)
            self.newly_held.add(host.host_id)

    def _overlap(self, facts: ReportFacts, state: HostChain) -> Judgement | None:
        """A judgement if a device's label touches time of its hardware which already counts, or the
        report tells of that twice itself."""
        until = state.tail.counted_until_utc_ms
        if all(
            facts.anchor_utc_ms + span.start_boottime_ms >= until
            or span.start_boottime_ms == span.end_boottime_ms
            for span in facts.devices
        ):
            return retold_device(facts)
        self._write()
        return overlapped_device(self._facts, facts)

    def _chain(self, host_id: str) -> HostChain:
        state = self._chains.get(host_id)
        if state is None:
            state = self._chains[host_id] = self._load(host_id)
        return state

    def _load(self, host_id: str) -> HostChain:
        kept = self._kept
        held = self._held.get(host_id, HeldHead())
        state = kept.get(host_id)
        if state is None or not state.agrees(held):
            state = HostChain.load(held, self._facts.chain_record(host_id, held))
            while len(kept) >= CHAINS_KEPT_MAX:
                kept.pop(next(iter(kept)))
            kept[host_id] = state
        return state

    def _write(self) -> None:
        batch = self._batch
        if batch.reports or batch.forks or batch.hours:
            self._changed = True
            self._facts.write(batch)
            batch.clear()
