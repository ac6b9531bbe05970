"""Shipping through somebody who is not believed: a relay of the site, or files carried by hand.

A carrier's own word moves nothing but what is handed to it next. What changes this host's chain is
signed: by the server (receipts free the spool, a notice tells the head and what was refused), or by
this host itself (a report of its own that it no longer knows shows that it was set back). So a
carrier that loses, alters or repeats anything costs time, and is seen.
"""

from random import Random

from kashi import chain, limits, signing
from kashi.chain import NO_HEAD, Head
from kashi.errors import ContractError
from kashi.v1 import metering_pb2
from kashi.v1.report_pb2 import Signature

from kashi_agent.chain_link import EpochReason
from kashi_agent.errors import RefusedError
from kashi_agent.reporter import Reporter
from kashi_agent.shipping import (
    Answer,
    Batch,
    Result,
    Shipper,
    Signing,
    miscounted,
    read_notice,
    read_receipt,
    verdict_of,
)
from kashi_agent.spool import Entry, Spool
from kashi_agent.spool.sealed import Position


class CarriedShipper(Shipper):
    """Decides what to hand to the carrier and takes what it brings back."""

    def __init__(
        self, *, spool: Spool, reporter: Reporter, signing: Signing, random: Random
    ) -> None:
        super().__init__(spool=spool, reporter=reporter, signing=signing, random=random)
        self._carried: Position = (0, 0)
        self._stalled = False
        self._floor: Position | None = None
        self._notice_utc_ms = 0

    @property
    def known(self) -> Position:
        """Up to where the server holds reports, by its own word: where the carrier may begin."""
        acknowledged = self._spool.sealed.acknowledged
        return acknowledged if self._floor is None else min(acknowledged, self._floor)

    def prepare(self, reports_max: int = limits.REPORTS_PER_CALL_MAX) -> Batch | None:
        """The next call to make; None also after one that moved nothing: it is made again later."""
        if self._stalled:
            self._stalled = False
            return None
        return super().prepare(reports_max)

    def absorb(self, batch: Batch, answer: Answer, utc_ms: int) -> None:
        """Take what the carrier says and brings.

        Raises:
            RefusedError: it brings a checkpoint that the server did not sign.
        """
        try:
            self._take(batch, answer, utc_ms)
        except RefusedError:
            answer.settled.set()  # it would be refused another time as well
            raise
        answer.settled.set()

    def _take(self, batch: Batch, answer: Answer, utc_ms: int) -> None:
        for result in answer.results:
            self._count(result)
        self._server = NO_HEAD
        # Never beyond what was sealed: or one lie would keep this host from calling again.
        held = min((answer.head.epoch, answer.head.sequence), self._spool.sealed.head)
        before, self._carried = self._carried, held
        if batch.entries:
            self._stalled = self._carried == before < batch.entries[-1].position
        self.state.last_answer_utc_ms = utc_ms
        self.state.trouble = ""
        self._take_receipts(answer.receipts)
        self._take_checkpoint(answer.checkpoint)
        self._take_last_report(answer.last_report)
        self._take_notice(answer.notice)
        if len(answer.results) != len(batch.entries):
            self.state.trouble = miscounted(
                "传递报告者", "Whoever carries the reports", answer, batch
            )
        self._note_success(batch)

    @property
    def _delivered(self) -> Position:
        """Up to where the server or the carrier has everything."""
        return max(self.known, self._carried)

    def _suspect(self, zh: str, en: str) -> None:
        """Say what the carrier brought that does not hold; nothing of it was taken."""
        self.state.trouble = f"传递报告者{zh}。Whoever carries the reports {en}"

    def _take_receipts(self, receipts: tuple[bytes, ...]) -> None:
        """Keep the receipts that the server signed for reports of this spool."""
        if not receipts:
            return
        sealed = self._spool.sealed
        known = {entry.position: entry for entry in sealed.entries() if not entry.abandoned}
        good: list[tuple[Position, bytes, int]] = []
        for receipt in receipts:
            try:
                said = read_receipt(receipt, self._signing.receipt_key)
            except ContractError as error:
                en = f"brought a receipt that is not the server's: {error}"
                self._suspect("带来的回执不是服务器的", en)
                continue
            position = (said.epoch, said.sequence)
            entry = known.get(position)
            other = entry is not None and entry.sha256 != said.report_sha256
            if other or said.host_id != self._signing.host_id:
                en = f"brought a receipt for another report than {position}"
                self._suspect(f"带来的回执不属于报告 {position}", en)
            elif entry is not None and position > sealed.acknowledged:
                good.append((position, receipt, said.received_utc_ms))
                self.state.quarantined += said.verdict == metering_pb2.VERDICT_QUARANTINED
        if good:
            good.sort(key=lambda one: one[0])
            self._spool.acknowledge(good, known[good[-1][0]].sha256)
            self._rejections = 0
            self.state.delivered += len(good)
            self.state.server_head = max(self.state.server_head, good[-1][0])

    def _take_last_report(self, wire: bytes) -> None:
        """A report of this host that it does not know: it was set back to an older state."""
        if not wire:
            return
        try:
            message, header = chain.parse_report(wire)
            signature = message.signatures[0] if message.signatures else Signature()
            own = self._signing.report_key.public_key()
            signing.verify(own, signature, signing.REPORT, message.header)
        except ContractError as error:
            en = f"shows a report that is not this host's: {error}"
            self._suspect("出示的报告不是本机的", en)
            return
        head = Head(header.epoch, header.sequence, signing.report_sha256(message.header))
        position, sealed = (head.epoch, head.sequence), self._spool.sealed
        unreadable = position == sealed.head and not sealed.tail_kept
        if unreadable or position > sealed.head or self._differs(head):
            # What both know is on its way to the server already and is not sealed again.
            detail = "本机已报告其不再知道的内容。This host has reported what it no longer knows"
            follows = min(position, sealed.head)
            self._open_epoch(head, EpochReason.ROLLED_BACK, detail, follows=follows)

    def _take_notice(self, notice: bytes) -> None:
        """The server's own word on head and refusals; an older one never undoes a newer one."""
        if not notice:
            return
        try:
            said = read_notice(notice, self._signing.receipt_key)
        except ContractError as error:
            en = f"brought a notice that is not the server's: {error}"
            self._suspect("带来的通知不是服务器的", en)
            return
        newest = max(self._notice_utc_ms, self._spool.sealed.newest_receipt_utc_ms)
        if said.host_id != self._signing.host_id or said.answered_utc_ms < newest:
            return
        self._notice_utc_ms = said.answered_utc_ms
        head = Head(said.head.epoch, said.head.sequence, said.head.sha256 or bytes(32))
        self._floor = self.state.server_head = (head.epoch, head.sequence)
        if not self._reporter.opens_after(head):  # an answer that was brought again
            self._reconcile(head, self._refused(said))

    def _refused(self, said: metering_pb2.NoticePayload) -> tuple[Entry, Result] | None:
        """The first of our reports that the server did not take, byte for byte as we made it."""
        refused = {one.wire_sha256: one for one in said.refused}
        if not refused:
            return None
        for entry in self._spool.sealed.after((0, 0)):
            one = refused.get(signing.sha256(self._spool.sealed.read(entry).wire))
            if one is not None:
                return entry, Result(verdict_of(one.verdict), b"", one.detail)
        en = "altered a report; the server refused it, and it is sent again"
        self._suspect("改动了一份报告；服务器已拒绝，将重新发送", en)
        return None
