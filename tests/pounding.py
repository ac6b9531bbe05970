"""Hosts that never tire: they submit report after report to a server that keeps dying.

Each keeps what a careful host keeps: the bytes of every report, and every receipt it was given.
Nothing of the agent's own spool or shipping stands behind it.
"""

import threading
from dataclasses import dataclass, field

from fixtures_ingest import ReportingHost
from kashi_agent.errors import UnreachableError
from kashi_agent.identity import IdentityStore
from kashi_agent.shipping import RECEIPTED
from kashi_agent.shipping_wire import GrpcWire

REPORTS_A_CALL = 4
PACE_SECONDS = 0.03
SETTLE_SECONDS = 60


@dataclass(slots=True)
class Pounder:
    """One such host, in a thread of its own until it is told to stop."""

    store: IdentityStore
    host: ReportingHost
    made: list[bytes] = field(default_factory=list)
    receipts: dict[int, bytes] = field(default_factory=dict)
    """Receipt by the report's place in `made`."""
    failures: int = 0
    doubted: int = 0
    trouble: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Deliver what is made and end."""
        self._stop.set()
        assert self._thread is not None
        self._thread.join(SETTLE_SECONDS)
        assert not self._thread.is_alive(), "the host could not deliver"
        if self.trouble is not None:
            raise self.trouble

    def _run(self) -> None:
        wire = GrpcWire(self.store.host(), self.store.tls())
        try:
            while not self._stop.is_set() or len(self.receipts) < len(self.made):
                if len(self.receipts) == len(self.made):
                    self.made.extend(self.host.report() for _ in range(REPORTS_A_CALL))
                try:
                    self._deliver(wire)
                except UnreachableError:
                    self.failures += 1
                # It paces itself, so that the machine has time for the others.
                self._stop.wait(PACE_SECONDS)
        except BaseException as error:
            self.trouble = error  # told in the test's own thread, by `stop`
        finally:
            wire.close()

    def _deliver(self, wire: GrpcWire) -> None:
        """Send what has no receipt; a call whose answer was lost is sent again as it was."""
        first = len(self.receipts)
        answer = wire.submit(self.made[first:])
        for place, result in enumerate(answer.results, start=first):
            assert result.verdict in RECEIPTED, (place, result)
            self.doubted += result.verdict.name == "DUPLICATE"
            self.receipts[place] = result.receipt
