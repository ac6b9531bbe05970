"""Ingestion: reports in, receipts out, exactly once, durable before they are acknowledged.

Reports of many hosts share one unit of work; heads are locked in host order. If a member breaks a
constraint of the database, the members are taken again singly, so that a bad one costs the others
nothing. The caller makes sure that one thread at a time calls `ingest`.
"""

from collections.abc import Callable, Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import limits, signing
from kashi.errors import ContractError

from kashi_server.domain.form import FormBroken
from kashi_server.domain.sequence import Judgement, Verdict
from kashi_server.services.facts_port import FactsRefused, FactsUnit, FactsWork
from kashi_server.services.host_chain import HostChain
from kashi_server.services.opening import Opened, open_bytes
from kashi_server.services.receipts import ReceiptSigner
from kashi_server.services.submission import Answer, Failure, Result, Submission
from kashi_server.services.taking import Taking

__all__ = ["Answer", "Failure", "Ingestion", "Result", "Submission"]

KEYS_KEPT_MAX: Final = 16_384

CHECKPOINT_AGE_MS: Final = 1_000
"""How old a checkpoint may be that rides along with receipts."""


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
                return [Failure(f"数据库拒绝保存。the database refused it: {refused}")]
        answers: list[Answer | Failure] = []
        for submission, reports in zip(group, opened, strict=True):
            try:
                answers.extend(self._take([submission], [reports]))
            except FactsRefused as refused:
                answers.append(Failure(f"数据库拒绝保存。the database refused it: {refused}"))
        return answers

    def _take(
        self, group: Sequence[Submission], opened: Sequence[Sequence[Opened | Judgement]]
    ) -> list[Answer]:
        hosts = sorted({submission.host.host_id for submission in group})
        committed = False
        try:
            with self._work.begin() as unit:
                checkpoint = self._latest(unit)
                taking = Taking(unit, hosts, self._signer, self._chains, self._clock(), self._demo)
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
                report = open_bytes(wire, key, host.host_id)
                opened.append(_whole(report))
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


def _whole(report: Opened) -> Opened | Judgement:
    """A host sends its blocks whole, and who carries may not erase one: two officers alone may."""
    if report.header.blocks and not report.digests:
        return Judgement(Verdict.REJECTED, detail="a block was taken out on the way")
    return report
