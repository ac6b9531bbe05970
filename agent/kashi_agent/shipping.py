"""Shipping: what goes to the server next, and what its answers mean.

Pure but for the spool: the caller carries batches over the wire, one at a time, in whatever thread
it likes, and brings the answer back. The server's head, not our memory, says where to go on: so a
lost answer, a restored server and a host set back to a snapshot are all told the same way.

What an answer can make necessary, and what follows:

    receipt            it is verified and kept, the cursor moves, the spool may free
    gap                the server is behind: kept reports are sent again from its head
    head beyond ours   this host was set back (or lost its spool): epoch + 1
    fork               another report has this number: epoch + 1; the host is held by the server
    rejected           the report breaks the contract: epoch + 1, its content sealed anew, once
    hole in our chain  a sealed report is lost: epoch + 1, naming the lost numbers
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from random import Random
from threading import Event
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf.message import DecodeError
from kashi import limits, signing
from kashi.chain import NO_HEAD, Head
from kashi.errors import ContractError, FormError
from kashi.v1 import metering_pb2

from kashi_agent.chain_link import EpochReason, follows
from kashi_agent.errors import DiskFullError, KeyTokenError, RefusedError
from kashi_agent.opening import Opening
from kashi_agent.reporter import Reporter
from kashi_agent.spool import Entry, Spool
from kashi_agent.spool.sealed import Position

BATCH_BYTES_MAX: Final = limits.REPORT_BYTES_MAX
"""Reports of one call, all in all: a message also carries a few bytes around each."""

BACKOFF_SECONDS_FIRST: Final = 1.0
BACKOFF_SECONDS_MAX: Final = 300.0
REFUSALS_MAX: Final = 2
"""How often content is rejected before a gap stands for it."""
REJECTIONS_MAX: Final = 4
"""Rejections on end after which no further epoch is opened: then it is not the content."""


class Verdict(IntEnum):
    """What became of a report; the numbers are the contract's."""

    UNSPECIFIED = 0
    ACCEPTED = 1
    DUPLICATE = 2
    GAP = 3
    FORK = 4
    QUARANTINED = 5
    REJECTED = 6
    RELAYED = 7


def verdict_of(number: int) -> Verdict:
    """A verdict this version does not know stores nothing here: it counts as none."""
    return Verdict(number) if number in set(Verdict) else Verdict.UNSPECIFIED


RECEIPTED: Final = frozenset({Verdict.ACCEPTED, Verdict.DUPLICATE, Verdict.QUARANTINED})


@dataclass(frozen=True, slots=True)
class Result:
    """The server's answer to one report."""

    verdict: Verdict
    receipt: bytes = b""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The server's answer to one call. The last three that are bytes come from somebody who carries
    reports; `settled`: what came so was taken, or refused for good, and need not be kept."""

    results: tuple[Result, ...]
    head: Head
    checkpoint: bytes = b""
    receipts: tuple[bytes, ...] = ()
    notice: bytes = b""
    last_report: bytes = b""
    settled: Event = field(default_factory=Event, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Whose reports these are, and whose receipts are believed."""

    host_id: str
    report_key: ec.EllipticCurvePrivateKey
    receipt_key: ec.EllipticCurvePublicKey


class Wire(Protocol):
    """The way to the metering port. A call may take as long as its deadline."""

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Hand over reports, or ask for the head with none.

        Raises:
            UnreachableError: no answer; it may or may not have arrived.
            RefusedError: the server refuses this host.
        """


@dataclass(frozen=True, slots=True)
class Batch:
    """Reports of one call, in order. Empty: only the head is asked for."""

    entries: tuple[Entry, ...] = ()
    wires: tuple[bytes, ...] = ()


@dataclass(slots=True)
class ShippingState:
    """How shipping stands, for status and metrics. Counts are since the agent started; `unsigned`:
    why nothing can be sealed, for what holds the report key does not sign."""

    server_head: Position = (0, 0)
    delivered: int = 0
    quarantined: int = 0
    last_answer_utc_ms: int | None = None
    trouble: str = ""
    unsigned: str = ""
    failures: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)


class Shipper:
    """Decides what to send and takes the answers. Sends nothing itself."""

    def __init__(
        self, *, spool: Spool, reporter: Reporter, signing: Signing, random: Random
    ) -> None:
        self._spool = spool
        self._reporter = reporter
        self._signing = signing
        self._random = random
        self._server: Head | None = None
        self._rejections = 0
        # By the receipts that are kept: an answer may be long in coming, or come by file.
        self.state = ShippingState(server_head=spool.sealed.acknowledged)

    def prepare(self, reports_max: int = limits.REPORTS_PER_CALL_MAX) -> Batch | None:
        """The next call to make; None when the server has everything there is.

        The first call of a run is empty: nothing is sealed before the server's head is known, or
        a host set back to a snapshot would use a number twice.

        Raises:
            KeyTokenError: nobody signs, and nothing sealed is left; the rest stays in the journal.
            OSError: the disk takes no sealed report.
        """
        if self._server is None:
            return Batch()
        entries = self._waiting(reports_max)
        if len(entries) < reports_max:
            try:
                self.seal(reports_max - len(entries))
            except (DiskFullError, KeyTokenError):
                if not self._waiting(1):
                    raise  # else what is sealed is sent: its receipts make room
            entries = self._waiting(reports_max)
        if not entries:
            self.state.failures = 0
            return None
        self._spool.sealed.sync()
        wires = one_call(self._spool.sealed.read(entry).wire for entry in entries)
        return Batch(tuple(entries[: len(wires)]), tuple(wires))

    def seal(self, count: int, *, drain: bool = False) -> None:
        """As the reporter's `seal`; whether it could be signed stands in `state`."""
        try:
            if self._reporter.seal(count, drain=drain):
                self.state.unsigned = ""
        except KeyTokenError as error:
            self.state.unsigned = str(error)
            raise

    def absorb(self, batch: Batch, answer: Answer, utc_ms: int) -> None:
        """Take the server's answer to a batch.

        Raises:
            RefusedError: a receipt does not verify, the answer does not fit what was sent, or the
                server rejects whatever it is sent.
        """
        if len(answer.results) != len(batch.entries):
            raise RefusedError(miscounted("服务器", "The server", answer, batch))
        receipts: list[tuple[Position, bytes, int]] = []
        newest_sha256 = bytes(32)
        stopped: tuple[Entry, Result] | None = None
        for entry, result in zip(batch.entries, answer.results, strict=True):
            self._count(result)
            if result.verdict not in RECEIPTED:
                stopped = (entry, result)
                break
            receipts.append((entry.position, result.receipt, self._verified(entry, result)))
            newest_sha256 = entry.sha256
        self._spool.acknowledge(receipts, newest_sha256)
        if receipts:
            self._rejections = 0
        self.state.delivered += len(receipts)
        self._take_checkpoint(answer.checkpoint)
        self._server = answer.head
        self.state.server_head = (answer.head.epoch, answer.head.sequence)
        self.state.last_answer_utc_ms = utc_ms
        self.state.trouble = ""
        self._reconcile(answer.head, stopped)
        self._note_success(batch)

    @property
    def knows_server(self) -> bool:
        """Whether the server told its head since the last failure."""
        return self._server is not None

    def failed(self, error: Exception) -> float:
        """Note that a call failed; the seconds to wait before the next: full jitter, no end.

        What was sent may have arrived: the server's head is asked for before anything else.
        """
        self._server = None
        self.state.trouble = str(error)
        self.state.failures += 1
        return backoff_seconds(self.state.failures, self._random)

    def _note_success(self, batch: Batch) -> None:
        """Wait briefly again after the next failure. That the server tells its head is no success
        yet: it does so before every batch that it then refuses."""
        if batch.entries:
            self.state.failures = 0

    def _waiting(self, count: int) -> list[Entry]:
        """What to send: what the server lacks, and what it has but never got to receipt to us; for
        the latter it answers with the stored receipt."""
        return list(islice(self._spool.sealed.after(self._delivered), count))

    @property
    def _delivered(self) -> Position:
        """Up to where nothing is to be sent."""
        assert self._server is not None
        at = (self._server.epoch, self._server.sequence)
        return min(self._spool.sealed.acknowledged, at)

    def _count(self, result: Result) -> None:
        name = result.verdict.name.lower()
        self.state.verdicts[name] = self.state.verdicts.get(name, 0) + 1
        if result.verdict is Verdict.QUARANTINED:
            self.state.quarantined += 1

    def _verified(self, entry: Entry, result: Result) -> int:
        """UTC milliseconds of a receipt, once it is shown to be the server's and for this report.

        Raises:
            RefusedError: it is not; the report stays unacknowledged.
        """
        try:
            said = read_receipt(result.receipt, self._signing.receipt_key)
        except ContractError as error:
            raise RefusedError(
                f"报告 {entry.position} 的回执不是本机登记的服务器所签，未释放任何内容；请告知主管"
                "人员：可能有人处在本机与服务器之间。"
                f"The receipt for report {entry.position} is not signed by the server this host "
                "was enrolled with; nothing was freed. Tell your officer: somebody may stand "
                "between this host and the server"
            ) from error
        of = (said.host_id, (said.epoch, said.sequence), said.report_sha256)
        if of != (self._signing.host_id, entry.position, entry.sha256):
            raise RefusedError(
                f"报告 {entry.position} 的回执属于另一份报告。"
                f"The receipt for report {entry.position} is for another report"
            )
        return int(said.received_utc_ms)

    def _take_checkpoint(self, checkpoint: bytes) -> None:
        """Keep a checkpoint that the server signed; another is a trouble and is not kept."""
        if not checkpoint:
            return
        try:
            check_checkpoint(checkpoint, self._signing.receipt_key)
        except ContractError as error:
            raise RefusedError(
                "服务器的检查点验证不通过。The server's checkpoint does not verify"
            ) from error
        self._spool.keep_checkpoint(checkpoint)

    def _reconcile(self, head: Head, stopped: tuple[Entry, Result] | None) -> None:
        """Compare the server's head with our chain; open a new epoch where they do not meet."""
        sealed = self._spool.sealed
        if stopped is None and self._reporter.opens_after(head):
            return
        if stopped is not None and stopped[1].verdict is Verdict.FORK:
            self._open_epoch(head, EpochReason.ROLLED_BACK, stopped[1].detail)
        elif stopped is not None and stopped[1].verdict is Verdict.REJECTED:
            self._reject(head, *stopped)
        elif stopped is not None and self._makes_no_sense(head, *stopped):
            position, verdict = stopped[0].position, stopped[1].verdict.name
            raise RefusedError(
                f"服务器对报告 {position} 的答复不成立（{verdict}）。The server's answer to report "
                f"{position} makes no sense ({verdict}): {stopped[1].detail}"
            )
        elif (head.epoch, head.sequence) > sealed.head:
            lost = sealed.head == (0, 0)
            reason = EpochReason.SPOOL_LOST if lost else EpochReason.ROLLED_BACK
            self._open_epoch(head, reason, "the server holds reports this host does not know")
        elif self._differs(head):
            self._open_epoch(head, EpochReason.ROLLED_BACK, "the server holds another report")
        elif (hole := self._hole(head)) is not None:
            self._open_epoch(
                head, EpochReason.SPOOL_CORRUPT, "sealed reports cannot be read back", hole
            )

    def _makes_no_sense(self, head: Head, entry: Entry, result: Result) -> bool:
        """An unknown verdict, or a gap where the report is just the one that follows."""
        next_one = follows((head.epoch, head.sequence), entry.position)
        return result.verdict is Verdict.UNSPECIFIED or next_one

    def _reject(self, head: Head, entry: Entry, result: Result) -> None:
        self._rejections += 1
        if self._rejections > REJECTIONS_MAX:
            raise RefusedError(
                "服务器拒收本机发送的一切。"
                f"The server rejects whatever this host sends: {result.detail}"
            )
        entry.refusals = min(entry.refusals + 1, REFUSALS_MAX)
        if entry.refusals == REFUSALS_MAX:
            self._reporter.give_up(entry)
        self._open_epoch(head, EpochReason.REPORT_REJECTED, result.detail)

    def _differs(self, head: Head) -> bool:
        """Whether we have another report on our chain at the server's head."""
        for entry in reversed(self._spool.sealed.entries()):
            if entry.position == (head.epoch, head.sequence) and not entry.abandoned:
                return entry.sha256 != head.sha256
        return False

    def _hole(self, head: Head) -> tuple[int, int] | None:
        """Sequences of the server's epoch that can never be delivered; (0, 0): of a later one.

        None when our chain goes on where the server stands.
        """
        at, sealed = (head.epoch, head.sequence), self._spool.sealed
        following = next(sealed.after(at), None)
        if following is None and sealed.head <= at:
            # The server may hold the last report, and yet nothing can be sealed after it here.
            return None if sealed.tail_kept else (0, 0)
        unread = (sealed.head[0], sealed.head[1] + 1)
        epoch, sequence = unread if following is None else following.position
        if follows(at, (epoch, sequence)):
            return None
        return (head.sequence + 1, sequence - 1) if epoch == head.epoch else (0, 0)

    def _open_epoch(
        self,
        head: Head,
        reason: EpochReason,
        detail: str,
        lost: tuple[int, int] = (0, 0),
        follows: Position | None = None,
    ) -> None:
        """`follows`: up to where reports are with the server, if not what it acknowledged."""
        known = follows or min(self._spool.sealed.acknowledged, (head.epoch, head.sequence))
        self._reporter.open_epoch(
            Opening(
                epoch=head.epoch + 1,
                server_sha256=head.sha256 if head != NO_HEAD else bytes(32),
                reason=reason,
                follows=known,
                lost=lost,
            )
        )
        opened = head.epoch + 1
        self.state.trouble = (
            f"开启纪元 {opened}（{reason.name}）。"
            f"Epoch {opened} is opened ({reason.name}): {detail}"
        )


def backoff_seconds(failures: int, random: Random) -> float:
    """How long to wait after so many failures on end: anything up to twice as long each time."""
    ceiling = BACKOFF_SECONDS_FIRST * 2 ** min(failures - 1, 16)
    return random.uniform(0, min(BACKOFF_SECONDS_MAX, ceiling))


def one_call(wires: Iterable[bytes]) -> list[bytes]:
    """As many reports, from the first on, as one call takes: at least one."""
    taken: list[bytes] = []
    size = 0
    for wire in islice(wires, limits.REPORTS_PER_CALL_MAX):
        size += len(wire) + 8
        if taken and size > BATCH_BYTES_MAX:
            break
        taken.append(wire)
    return taken


def read_receipt(receipt: bytes, key: ec.EllipticCurvePublicKey) -> metering_pb2.ReceiptPayload:
    """What a receipt says, once it is shown to be the server's.

    Raises:
        ContractError: it is none, or another signed it.
    """
    with _named("回执", "receipt"):
        message = metering_pb2.Receipt.FromString(receipt)
        signing.verify(key, message.signature, signing.RECEIPT, message.payload)
        return metering_pb2.ReceiptPayload.FromString(message.payload)


def read_notice(notice: bytes, key: ec.EllipticCurvePublicKey) -> metering_pb2.NoticePayload:
    """What a notice says, once it is shown to be the server's. Raises like `read_receipt`."""
    with _named("通知", "notice"):
        message = metering_pb2.SignedNotice.FromString(notice)
        signing.verify(key, message.signature, signing.NOTICE, message.payload)
        return metering_pb2.NoticePayload.FromString(message.payload)


def check_checkpoint(checkpoint: bytes, key: ec.EllipticCurvePublicKey) -> None:
    """See that a checkpoint is the server's. Raises like `read_receipt`."""
    with _named("检查点", "checkpoint"):
        signed = metering_pb2.SignedCheckpoint.FromString(checkpoint)
        signing.verify(key, signed.signature, signing.CHECKPOINT, signed.body)


def miscounted(zh: str, en: str, answer: Answer, batch: Batch) -> str:
    """What is said of somebody (named in both languages) who answered too few or too many."""
    found, due = len(answer.results), len(batch.entries)
    return f"{zh}对 {due} 份报告答复了 {found} 份。{en} answered {found} of {due} reports"


@contextmanager
def _named(zh: str, en: str) -> Iterator[None]:
    try:
        yield
    except DecodeError as error:
        raise FormError(f"字节不是{zh}。The bytes are no {en}") from error
