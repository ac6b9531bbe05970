"""Forwarding: what the relay holds goes to the server, what the server signs comes back.

One thread, one call at a time over one connection, host by host, oldest first. A host that the
server refuses waits and keeps no other one waiting; what is kept of one that is not this relay's
goes; one at whose call the server gave no answer is last in the next round, for it may be the
reason.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi.v1 import metering_pb2

from kashi_agent.carrier import Carrier
from kashi_agent.complaints import Complaints
from kashi_agent.errors import (
    AgentError,
    CertificateRefusedError,
    NotFoundError,
    RefusedError,
    UnreachableError,
)
from kashi_agent.relay.parcel import returned_of
from kashi_agent.relay.store import RelayStore
from kashi_agent.relay.tls_key import key_of_chain
from kashi_agent.shipping import BACKOFF_SECONDS_MAX, backoff_seconds
from kashi_agent.shipping_wire import GrpcWire

REFUSED_PAUSE_MS: Final = 600_000
"""How long a host that the server refuses is left alone."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Forwarder:
    """Empties a store into the server.

    `receipt_key`: whose receipts and notices let anything go; `now_ms` never steps.
    """

    store: RelayStore
    carrier: Carrier[GrpcWire]
    receipt_key: ec.EllipticCurvePublicKey
    now_ms: Callable[[], int]
    random: Random
    _failures: int = 0
    _left_alone: dict[str, int] = field(default_factory=dict)
    _unanswered: dict[str, int] = field(default_factory=dict)
    _turns: int = 0
    _complaints: Complaints = field(default_factory=lambda: Complaints(_LOG))

    def run(self, wake: threading.Event, stopping: threading.Event) -> None:
        """Forward until `stopping`; `wake` says that there is something new."""
        while not stopping.is_set():
            wake.clear()
            try:
                self.forward()
            except AgentError as error:
                self._failures += 1
                what = f"没有转送任何内容。Nothing is forwarded: {error}"
                self._complaints.tell(what, self.now_ms())
                stopping.wait(backoff_seconds(self._failures, self.random))
            else:
                self._failures = 0
                wake.wait(BACKOFF_SECONDS_MAX)

    def forward(self) -> int:
        """Forward everything there is; how many calls that took.

        Raises:
            UnreachableError: the server does not answer.
            RefusedError: it refuses this relay's certificate.
        """
        calls = 0
        renewals = dict(self.store.renewals())
        while hosts := self._in_turn([*(waiting := self.store.waiting_hosts()), *renewals]):
            for host_id in hosts:
                asked = renewals.pop(host_id, b"")
                calls += self._serve(host_id, asked, waits=host_id in waiting)
        if not calls:
            # Else it could expire at a site that rests, and then no host would get through to it.
            self.carrier.stay_valid()
        return calls

    def _in_turn(self, host_ids: Sequence[str]) -> list[str]:
        """Hosts that may go; those without an answer last, the longest ago of them first."""
        hosts = [host for host in dict.fromkeys(host_ids) if self._may_go(host)]
        return sorted(hosts, key=lambda host: self._unanswered.get(host, 0))

    def _serve(self, host_id: str, asked: bytes, *, waits: bool) -> int:
        """Make a host's calls, and remember whether the server answered."""
        calls = 0
        try:
            if asked:
                calls += self._renew(host_id, asked)
            if waits and self._may_go(host_id):
                calls += self._submit(host_id)
        except UnreachableError:
            self._turns += 1
            self._unanswered[host_id] = self._turns
            raise
        self._unanswered.pop(host_id, None)
        return calls

    def _submit(self, host_id: str) -> int:
        wires = [wire for _, wire in self.store.batch(host_id)]
        request = metering_pb2.SubmitRequest(reports=wires, host_id=host_id)
        try:
            answer = self.carrier.perform(lambda wire: wire.send(request))
            self.store.absorb(returned_of(host_id, answer, self.receipt_key))
        except CertificateRefusedError:
            raise  # that is the relay's own, and no host's fault
        except NotFoundError as error:
            self._estrange(host_id, str(error))
            return 1
        except RefusedError as error:
            self._leave_alone(host_id, str(error))
            return 1
        if [wire for _, wire in self.store.batch(host_id)][:1] == wires[:1]:
            self._leave_alone(
                host_id,
                "服务器既未接收也未拒绝其最早的报告。"
                "The server neither took nor refused its oldest report",
            )
        return 1

    def _renew(self, host_id: str, asked: bytes) -> int:
        request = metering_pb2.RenewRequest.FromString(asked)
        try:
            chain = self.carrier.perform(lambda wire: wire.ask(request))
        except CertificateRefusedError:
            raise
        except NotFoundError as error:
            self._estrange(host_id, str(error))
            return 1
        except RefusedError as error:
            what = f"其连接证书未能续期。Its certificate is not renewed: {error}"
            self._leave_alone(host_id, what)
            return 1
        answer = metering_pb2.RenewResponse(certificate_chain=chain).SerializeToString()
        self.store.settle(host_id, key_of_chain(chain), answer)
        return 1

    def _may_go(self, host_id: str) -> bool:
        return self._left_alone.get(host_id, 0) <= self.now_ms()

    def _estrange(self, host_id: str, why: str) -> None:
        self.store.estrange(host_id, why)
        self._complaints.tell(f"主机 host {host_id}: {why}", self.now_ms())

    def _leave_alone(self, host_id: str, why: str) -> None:
        self._left_alone[host_id] = self.now_ms() + REFUSED_PAUSE_MS
        self.store.trouble(host_id, why)
        self._complaints.tell(f"主机 host {host_id}: {why}", self.now_ms())
