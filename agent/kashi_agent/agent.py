"""The agent without its sockets: metering, spool, sealing and shipping of one host, driven by
whoever has samples and time.

The daemon drives it by the machine's clocks; tests and the demonstration drive the same object by
a clock of their own. Nothing here waits, and nothing here opens a connection.
"""

from collections.abc import Iterable
from random import Random
from typing import Final

from kashi_agent import VERSION
from kashi_agent.clock import Clock
from kashi_agent.device_choice import ALL_DEVICES, DeviceChoice
from kashi_agent.errors import AgentError
from kashi_agent.naming import HolderNaming
from kashi_agent.reading import HostEventKind
from kashi_agent.recorder import FLUSH_MS, Recorder
from kashi_agent.reporter import INTERVAL_MS, Reporter
from kashi_agent.sample import AbsentReason
from kashi_agent.sealing import RandomBytes, Sealer
from kashi_agent.shipping import Shipper, Signing, Wire
from kashi_agent.shipping_carried import CarriedShipper
from kashi_agent.spool import Spool, SpoolRecovery
from kashi_agent.spool.sealed import Position
from kashi_agent.stretch import Stretch

KEY_TOKEN_FACT: Final = "report_key_token"
"""Stated when a key token does not sign, and when it does again."""

__all__ = ["Agent", "Signing"]


class Agent:
    """One host's agent from the opening of its spool to the end."""

    def __init__(
        self,
        *,
        spool: Spool,
        clock: Clock,
        naming: HolderNaming,
        choice: DeviceChoice = ALL_DEVICES,
        signing: Signing,
        random: Random,
        random_bytes: RandomBytes,
        interval_ms: int = INTERVAL_MS,
        flush_ms: int = FLUSH_MS,
        carried: bool = False,
    ) -> None:
        """Open the spool, mend it, and go on where the last agent ended.

        `carried`: reports go through a relay or in files, not to the server itself.

        Raises:
            LockedError: another agent works on this spool.
        """
        self.spool = spool
        self.clock = clock
        self.recovery = spool.open()
        self.recorder = Recorder(
            spool=spool, clock=clock, naming=naming, choice=choice, flush_ms=flush_ms
        )
        self.metering = self.recorder.metering
        self.reporter = Reporter(
            spool=spool,
            sealer=Sealer(key=signing.report_key, agent_version=VERSION, random_bytes=random_bytes),
            host_id=signing.host_id,
            utc_ms=clock.utc_ms,
            boottime_ms=clock.boottime_ms,
            started=(clock.boot_id(), clock.boottime_ms()),
            interval_ms=interval_ms,
            resumes=carried,
        )
        shipper = CarriedShipper if carried else Shipper
        self.shipper = shipper(spool=spool, reporter=self.reporter, signing=signing, random=random)
        self._unsigned = False
        self._note_start(self.recovery)

    def known_up_to(self) -> Position:
        """Up to where the server holds this host's reports, by its own word."""
        if isinstance(self.shipper, CarriedShipper):
            return self.shipper.known
        return self.spool.sealed.acknowledged

    def record(self) -> bool:
        """Write what was measured and cut whole minutes; whether it is durable."""
        self._note_signing()
        return self.recorder.record()

    def ship(self, wire: Wire, *, calls_max: int = 1_000_000) -> int:
        """Send until the server has everything there is to seal, in this thread; calls made.

        Raises:
            UnreachableError, RefusedError: as the wire says; nothing is lost, call again.
        """
        calls = 0
        while calls < calls_max and (batch := self.shipper.prepare()) is not None:
            try:
                answer = wire.submit(batch.wires)
                self.shipper.absorb(batch, answer, self.clock.utc_ms())
            except AgentError as error:
                self.shipper.failed(error)
                raise
            calls += 1
        self.spool.free()
        return calls

    def replay(self, stretches: Iterable[Stretch], wire: Wire, *, reports_a_call: int = 16) -> int:
        """Seal stretches of a replayed workload as they come and ship them; reports made.

        They skip the journal: the sealed report makes each durable, and whoever replays can play
        again what was not sealed.
        """
        made = waiting = 0
        self.ship(wire)
        for stretch in stretches:
            sealed = self.reporter.seal_now((stretch,))
            made, waiting = made + sealed, waiting + sealed
            if waiting >= reports_a_call:
                self.ship(wire)
                waiting = 0
        self.ship(wire)
        return made

    def finish(self) -> bool:
        """Write and seal everything that is left, for an agent that ends; whether it is durable.

        Nothing is sealed before the server's head is known: then the next agent does it.
        """
        self.metering.note(HostEventKind.AGENT_STOPPED)
        durable = self.recorder.finish()
        if durable and self.shipper.knows_server:
            self.shipper.seal(64, drain=True)
        return durable

    def close(self) -> None:
        """Let go of the spool."""
        self.spool.close()

    def _note_signing(self) -> None:
        """State when what holds the report key stops to sign, and when it signs again: reports of
        that time are sealed later than they would be."""
        unsigned = bool(self.shipper.state.unsigned)
        if unsigned != self._unsigned:
            fact = f"{KEY_TOKEN_FACT}?{AbsentReason.NOT_READY}"
            ready = f"{KEY_TOKEN_FACT}=ready"
            self.metering.note(HostEventKind.FACT, fact if unsigned else ready)
        self._unsigned = unsigned

    def _note_start(self, recovery: SpoolRecovery) -> None:
        self.metering.note(HostEventKind.AGENT_STARTED, VERSION)
        if recovery.repaired_bytes:
            self.metering.note(
                HostEventKind.SPOOL_REPAIRED, _repaired(recovery), recovery.repaired_bytes
            )


def _repaired(recovery: SpoolRecovery) -> str:
    """What a spool lost, in bytes, as an event tells it."""
    journal, sealed = recovery.journal, recovery.sealed
    return (
        f"日志截去 {journal.cut_bytes} 字节，{journal.corrupt_bytes} 字节不可读；"
        f"已封装截去 {sealed.cut_bytes} 字节，{sealed.corrupt_bytes} 字节不可读。"
        f"journal: {journal.cut_bytes} bytes cut, {journal.corrupt_bytes} unreadable;"
        f" sealed: {sealed.cut_bytes} bytes cut, {sealed.corrupt_bytes} unreadable"
    )
