"""Ingestion: reports in, receipts out, exactly once, durable before they are acknowledged.

Reports of many hosts share one unit of work; heads are locked in host order. If a member breaks a
constraint of the database, the members are taken again singly, so that a bad one costs the others
nothing. The caller makes sure that one thread at a time calls `ingest`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import chain, limits, signing
from kashi.chain import NO_HEAD, Head
from kashi.errors import ContractError

from kashi_server.domain.form import FormBroken
from kashi_server.domain.report import ReportFacts
from kashi_server.domain.sequence import (
    Judgement,
    Verdict,
    judge_behind,
    judge_content,
    judge_link,
)
from kashi_server.services.describing import redescribed_device
from kashi_server.services.facts_port import (
    FactBatch,
    FactsRefused,
    FactsUnit,
    FactsWork,
    ForkRow,
    HeldHead,
    ReportRow,
)
from kashi_server.services.host_chain import HostChain
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.opening import Opened, open_bytes
from kashi_server.services.overlapping import overlapped_device
from kashi_server.services.receipts import ReceiptSigner

CHAINS_KEPT_MAX: Final = 4096
"""Hosts whose chain is kept in memory; others are loaded when they call."""

KEYS_KEPT_MAX: Final = 16_384

CHECKPOINT_AGE_MS: Final = 1_000
"""How old a checkpoint may be that rides along with receipts."""


@dataclass(frozen=True, slots=True)
class Submission:
    """What one call brings: the host, as it stands, and its reports in order."""

    host: HostStanding
    reports: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one report; `receipt` is empty and nothing counted where nothing is stored."""

    judgement: Judgement
    receipt: bytes = b""
    reading_count: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call gets: a result a report, the head now held, the latest checkpoint."""

    results: Sequence[Result]
    head: Head
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that could not be answered: nothing of it is stored."""

    detail: str


class Ingestion:
    """The use case. Keeps the ends of chains and the parsed keys between calls.

    Args:
        work: opens units of work.
        receipt_key: signs receipts.
        clock: UTC milliseconds.
        demo: a demonstration server: counts replayed workloads and time before enrolment.
        on_hold: told of every host that a fork put on hold, once that is durable.
        monotonic_ms: milliseconds that never step; with it the latest checkpoint is read once a
            second, without it for every group.
    """

    def __init__(
        self,
        work: FactsWork,
        receipt_key: ec.EllipticCurvePrivateKey,
        clock: Callable[[], int],
        *,
        demo: bool,
        on_hold: Callable[[str], None] = lambda _host_id: None,
        monotonic_ms: Callable[[], int] | None = None,
    ) -> None:
        self._work = work
        self._signer = ReceiptSigner(receipt_key)
        self._clock = clock
        self._demo = demo
        self._on_hold = on_hold
        self._monotonic_ms = monotonic_ms
        self._checkpoint = (0, b"")
        self._chains: dict[str, HostChain] = {}
        self._keys: dict[bytes, ec.EllipticCurvePublicKey] = {}

    def ingest(self, group: Sequence[Submission]) -> list[Answer | Failure]:
        """Take the submissions of a group, in order, in one unit of work if it holds.

        Raises:
            StorageError: the database does not answer; nothing of the group is stored.
        """
        opened = [self._open_all(submission) for submission in group]
        try:
            return list(self._take(group, opened))
        except FactsRefused as refused:
            if len(group) == 1:
                return [Failure(f"the database refused it: {refused}")]
        answers: list[Answer | Failure] = []
        for submission, reports in zip(group, opened, strict=True):
            try:
                answers.extend(self._take([submission], [reports]))
            except FactsRefused as refused:
                answers.append(Failure(f"the database refused it: {refused}"))
        return answers

    def _take(
        self, group: Sequence[Submission], opened: Sequence[Sequence[Opened | Judgement]]
    ) -> list[Answer]:
        hosts = sorted({submission.host.host_id for submission in group})
        committed = False
        try:
            with self._work.begin() as unit:
                checkpoint = self._latest(unit)
                taking = _Taking(unit, hosts, self._signer, self._chains, self._clock(), self._demo)
                answers = [
                    Answer(
                        [taking.take(submission.host, report) for report in reports],
                        taking.head(submission.host.host_id),
                        checkpoint,
                    )
                    for submission, reports in zip(group, opened, strict=True)
                ]
                if taking.finish():
                    unit.commit()
                committed = True
        finally:
            if not committed:
                self._forget(hosts)
        for host_id in taking.newly_held:
            self._on_hold(host_id)
        return answers

    def _latest(self, unit: FactsUnit) -> bytes:
        """The latest signed checkpoint, at most a second old."""
        if self._monotonic_ms is None:
            return unit.log.latest_signed()
        now, (until, checkpoint) = self._monotonic_ms(), self._checkpoint
        if now >= until:
            checkpoint = unit.log.latest_signed()
            self._checkpoint = (now + CHECKPOINT_AGE_MS, checkpoint)
        return checkpoint

    def _open_all(self, submission: Submission) -> list[Opened | Judgement]:
        host = submission.host
        key = self._key(host.report_public_key_der)
        if len(submission.reports) > limits.REPORTS_PER_CALL_MAX:
            many = f"{len(submission.reports)} reports in one call"
            return [Judgement(Verdict.REJECTED, detail=many)] * len(submission.reports)
        opened: list[Opened | Judgement] = []
        for wire in submission.reports:
            try:
                opened.append(open_bytes(wire, key, host.host_id))
            except (ContractError, FormBroken) as error:
                opened.append(Judgement(Verdict.REJECTED, detail=str(error)))
        return opened

    def _key(self, der: bytes) -> ec.EllipticCurvePublicKey:
        key = self._keys.get(der)
        if key is None:
            if len(self._keys) >= KEYS_KEPT_MAX:
                self._keys.clear()
            key = self._keys[der] = signing.load_public_key(der)
        return key

    def _forget(self, hosts: Sequence[str]) -> None:
        for host_id in hosts:
            self._chains.pop(host_id, None)


class _Taking:
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
            facts.clock_offset_ms,
            judgement.verdict,
            judgement.reason or 0,
            judgement.verdict is Verdict.ACCEPTED,
            report.wire,
            receipt,
            report.digests,
            state.base_for(facts, report.wire),
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
        """A judgement if a device's label touches time of that device which already counts."""
        until = state.tail.counted_until_utc_ms
        if all(
            facts.anchor_utc_ms + span.start_boottime_ms >= until
            or span.start_boottime_ms == span.end_boottime_ms
            for span in facts.devices
        ):
            return None
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
