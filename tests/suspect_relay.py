"""A site in memory: a host, a relay that does what a test tells it to, and a server that signs.

The relay keeps its reports in the real store; what it does wrong is done to what passes through.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from driven_host import HOST_ID, Driven
from fixtures_spool import VerdictServer
from kashi import signing
from kashi.chain import Head
from kashi.v1 import metering_pb2, report_pb2
from kashi_agent.errors import UnreachableError
from kashi_agent.relay.parcel import parcel_of, returned_of
from kashi_agent.relay.store import RelayStore
from kashi_agent.shipping import Answer, Result, Verdict
from kashi_agent.shipping_wire import answer_of

REFUSALS = {Verdict.REJECTED, Verdict.FORK}


class NoticeServer(VerdictServer):
    """A server that signs what it answers to a host behind a relay."""

    def carried(self, reports: Sequence[bytes]) -> metering_pb2.SubmitResponse:
        """The answer to a relay's call."""
        answer = self.submit(reports)
        payload = metering_pb2.NoticePayload(
            host_id=HOST_ID,
            head=metering_pb2.Head(
                epoch=answer.head.epoch, sequence=answer.head.sequence, sha256=answer.head.sha256
            ),
            answered_utc_ms=self.now_utc_ms,
            refused=[
                metering_pb2.RefusedReport(
                    wire_sha256=signing.sha256(wire),
                    verdict=f"VERDICT_{result.verdict.name}",
                    detail="no",
                )
                for wire, result in zip(reports, answer.results, strict=True)
                if result.verdict in REFUSALS
            ],
        ).SerializeToString()
        signature = signing.sign(self._receipt_key, signing.NOTICE, payload)
        return metering_pb2.SubmitResponse(
            receipts=[result.receipt for result in answer.results if result.receipt],
            checkpoint=answer.checkpoint,
            notice=metering_pb2.SignedNotice(
                payload=payload, signature=signature
            ).SerializeToString(),
        )


@dataclass(slots=True)
class SuspectRelay:
    """Implements `Wire` for one host; `spoil` changes an answer on its way to the host."""

    host: Driven
    server: NoticeServer
    folder: Path
    store: RelayStore = field(init=False)
    alter: Callable[[bytes], bytes] = lambda wire: wire
    spoil: Callable[[Answer], Answer] = lambda answer: answer
    down: bool = False
    given: list[Answer] = field(default_factory=list)
    stores: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self.lose_everything()

    def lose_everything(self) -> None:
        """Another disk."""
        if self.stores:
            self.store.close()
        self.stores += 1
        self.store = RelayStore(self.folder / f"{self.stores}.db")

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Keep reports, hand back what came."""
        if self.down:
            raise UnreachableError("simulated: the relay is down")
        parcels = [parcel_of(self.alter(wire), HOST_ID) for wire in reports]
        handed = self.store.take(HOST_ID, parcels, self.host.agent.known_up_to(), 1)
        answer = Answer(
            results=(Result(Verdict.RELAYED),) * len(reports),
            head=Head(*handed.held, bytes(32)),
            checkpoint=handed.checkpoint,
            receipts=handed.receipts,
            notice=handed.notice,
            last_report=handed.last_report,
        )
        self.given.append(answer)
        return self.spoil(answer)

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Not part of these tests."""
        raise UnreachableError(f"no renewal for a request of {len(csr)} bytes")

    def forward(self) -> None:
        """Bring everything to the server, and its answers back."""
        for _ in range(1_000):
            wires = [wire for _, wire in self.store.batch(HOST_ID)]
            if not wires:
                return
            answer = self.server.carried(wires)
            self.store.absorb(returned_of(HOST_ID, answer, self.server.receipt_key))
        raise AssertionError("forwarding does not come to an end")

    def round(self, seconds: int = 300) -> None:
        """The host measures and ships, the relay forwards, the host fetches."""
        self.host.live(seconds)
        self.host.agent.ship(self)
        self.forward()
        self.host.live(seconds)
        self.host.agent.ship(self)
        self.forward()


def sequence_of(wire: bytes) -> tuple[int, int]:
    """Epoch and sequence of a report."""
    header = report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)
    return header.epoch, header.sequence


__all__ = ["NoticeServer", "SuspectRelay", "answer_of", "sequence_of"]
