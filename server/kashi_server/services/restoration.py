"""Restoration: what was quarantined counts after all, because officers decided so.

The receipt stays what it was; the decision is stored beside the report and goes to the log. What
would be counted twice is never restored.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.form import FormBroken, check_form
from kashi_server.domain.report import DeviceDescription, ReportFacts
from kashi_server.domain.sequence import (
    Judgement,
    QuarantineReason,
    Verdict,
    judge_content,
    judge_description,
)
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acts import ActsPort, PrivilegedAct, record
from kashi_server.services.describing import settled_elsewhere
from kashi_server.services.facts_port import (
    DeviceRow,
    FactBatch,
    FactsPort,
    HeldHead,
    Place,
    StoredReport,
)
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.opening import read_bytes
from kashi_server.services.overlapping import overlapped_device
from kashi_server.services.projection import Hours, add_report, first_accounts, gap_rows
from kashi_server.services.restored_tail import tail_before

ENTRY_KIND = "restoration"
RESTORED_ACT = "report-restored"
"""How counting one quarantined report is called among privileged acts."""


class RestorationFacts(FactsPort, Protocol):
    """What restoration asks of the facts beyond what ingestion does."""

    def begin_devices(self, host_id: str, first_utc_ms: dict[str, int]) -> None:
        """Set the start of what devices' counted reports account for, unless earlier ones stand."""

    def device_rows(self, host_id: str) -> Sequence[DeviceRow]:
        """Every device ever described on a host."""

    def epochs_opened(self, host_id: str, before_epoch: int) -> Sequence[int]:
        """When a host's epochs below this one were opened, in UTC milliseconds."""

    def redescribe(self, host_id: str, device: DeviceDescription, described_utc_ms: int) -> None:
        """Put a description in the place of the one that stands."""

    def settle(self, host_id: str, held: HeldHead) -> None:
        """Set how far a host's reports are projected and counted."""


class StandingsPort(ActsPort, Protocol):
    """What restoration asks of the identity family."""

    def standing(self, host_id: str, *, lock: bool = False) -> HostStanding | None:
        """How a host stands now."""


class PendingPort(Protocol):
    """What restoration asks of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Add an entry."""


class RestorationUnit(Protocol):
    """A unit of work as restoration needs it."""

    @property
    def facts(self) -> RestorationFacts:
        """Reports and what follows from them."""

    @property
    def identity(self) -> StandingsPort:
        """Hosts."""

    @property
    def log(self) -> PendingPort:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class RestorationWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[RestorationUnit]:
        """Open one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who decided, and why; `officer` names both of two, with a comma between."""

    officer: str
    why: str


@dataclass(slots=True)
class Restored:
    """What a restoration did: places that count now, and those that still do not, with a reason."""

    counted: list[Place] = field(default_factory=list)
    refused: list[tuple[Place, Judgement]] = field(default_factory=list)


class Restoration:
    """The use case.

    Args:
        work: opens units of work.
        clock: UTC milliseconds.
        demo: a demonstration server counts replayed workloads.
    """

    def __init__(
        self, work: RestorationWork, clock: Callable[[], int], *, demo: bool = False
    ) -> None:
        self._work = work
        self._clock = clock
        self._demo = demo

    def restore_host(self, host_id: str, decision: Decision) -> Restored:
        """Count what a released host sent while it was held, as far as nothing else forbids it.

        Raises:
            NotFound: there is no such host.
            Refused: the host is not active.
        """
        with self._work.begin() as unit:
            restored = self.count_held(unit, host_id, decision)
            unit.commit()
        return restored

    def count_held(self, unit: RestorationUnit, host_id: str, decision: Decision) -> Restored:
        """The same within a unit of work that is open; nothing is committed.

        Raises:
            NotFound: there is no such host.
            Refused: the host is not active.
        """
        standing = unit.identity.standing(host_id, lock=True)
        if standing is None:
            raise NotFound(f"没有主机 {host_id}，请核对编号。there is no host {host_id}")
        if standing.state is not HostState.ACTIVE:
            raise Refused(
                f"主机 {host_id} 现为“{standing.state.zh}”，请先解除。"
                f"host {host_id} is {standing.state}; release it first"
            )
        places = list(unit.facts.quarantined(host_id, QuarantineReason.HOST_HELD))
        return self._restore(unit, standing, places, decision)

    def restore_report(self, host_id: str, place: Place, decision: Decision) -> None:
        """Count one quarantined report; a privileged act.

        Raises:
            NotFound: there is no such quarantined report.
            Refused: it overlaps what is counted, or comes from a replay meter.
        """
        with self._work.begin() as unit:
            standing = unit.identity.standing(host_id, lock=True)
            if standing is None or place not in set(unit.facts.quarantined(host_id, None)):
                raise NotFound(
                    f"主机 {host_id} 在 {place} 没有被隔离的报告。"
                    f"host {host_id} has no quarantined report at {place}"
                )
            restored = self._restore(unit, standing, [place], decision, overrule=True)
            if restored.refused:
                raise Refused(
                    f"报告 {place} 不能计入。"
                    f"report {place} cannot count: {restored.refused[0][1].detail}"
                )
            act = PrivilegedAct(
                utc_ms=self._clock(),
                actor=decision.officer,
                act=RESTORED_ACT,
                reference=f"{host_id}/{place[0]}/{place[1]}",
                reason=decision.why,
            )
            record(unit, act)
            unit.commit()

    def _restore(
        self,
        unit: RestorationUnit,
        standing: HostStanding,
        places: Sequence[Place],
        decision: Decision,
        *,
        overrule: bool = False,
    ) -> Restored:
        host_id, restored = standing.host_id, Restored()
        held = unit.facts.lock_heads([host_id]).get(host_id, HeldHead())
        hours = _waiting_hours(unit.facts, host_id, held)
        until = held.counted_until_utc_ms
        for place in places:
            stored = unit.facts.stored(*(host_id, *place))
            if stored is None:
                raise NotFound(
                    f"主机 {host_id} 在 {place} 没有报告。host {host_id} has no report at {place}"
                )
            report = read_bytes(stored.wire)
            judgement = self._judge(unit.facts, standing, stored, report, overrule=overrule)
            if judgement.verdict is not Verdict.ACCEPTED:
                restored.refused.append((place, judgement))
                continue
            self._count(unit, report, place, decision)
            add_report(hours, report)
            until = max(until, report.end_utc_ms)
            restored.counted.append(place)
        unit.facts.write(FactBatch(hours=list(hours.values())))
        projected = (held.head.epoch, held.head.sequence)
        unit.facts.settle(host_id, HeldHead(held.head, until, projected))
        return restored

    def _judge(
        self,
        facts: RestorationFacts,
        standing: HostStanding,
        stored: StoredReport,
        report: ReportFacts,
        *,
        overrule: bool,
    ) -> Judgement:
        try:
            sums = check_form(report)
        except FormBroken as error:
            # An earlier server took it: the rest of the chain is not to wait for it.
            return Judgement(Verdict.REJECTED, detail=str(error))
        judgement = judge_content(
            report,
            sums,
            tail_before(facts, stored, report),
            standing,
            held=False,
            demo=self._demo,
            now_utc_ms=stored.received_utc_ms,
        )
        never = judgement.reason is QuarantineReason.REPLAY_METER
        if judgement.verdict is not Verdict.ACCEPTED and (never or not overrule):
            return judgement
        redescribed = _redescribed(facts, report, overrule=overrule)
        return redescribed or overlapped_device(facts, report) or Judgement(Verdict.ACCEPTED)

    def _count(
        self, unit: RestorationUnit, report: ReportFacts, place: Place, decision: Decision
    ) -> None:
        now, host_id = self._clock(), report.host_id
        unit.facts.restore(host_id, place, now, decision.officer, decision.why)
        unit.facts.write(FactBatch(gaps=gap_rows(report)))
        for span in report.devices:
            unit.facts.redescribe(host_id, span.device, now)
        unit.facts.begin_devices(host_id, first_accounts(report))
        entry = {
            "host_id": host_id,
            "epoch": place[0],
            "sequence": place[1],
            "report_sha256": report.sha256.hex(),
            "officer": decision.officer,
            "why": decision.why,
            "restored_utc_ms": now,
        }
        reference = f"{host_id}/{place[0]}/{place[1]}"
        unit.log.append_pending(ENTRY_KIND, reference, canonical_bytes(entry))


def _redescribed(
    facts: RestorationFacts, report: ReportFacts, *, overrule: bool
) -> Judgement | None:
    """The judgement if what counts of a device describes it otherwise.

    An officer may let a new name of the model count: it then holds for the device. What part of a
    card a device is, and of which, stays as it was settled.
    """
    rows = facts.device_rows(report.host_id)
    begun = {row.device.hardware_id: row.device for row in rows if row.first_utc_ms is not None}
    for span in report.devices:
        said, hardware_id = span.device, span.device.hardware_id
        settled = begun.get(hardware_id) or settled_elsewhere(facts, report.host_id, said)
        if settled is None:
            continue
        judged = replace(settled, model=said.model) if overrule else settled
        judgement = judge_description(judged, said)
        if judgement is not None:
            return judgement
    return None


def _waiting_hours(facts: FactsPort, host_id: str, held: HeldHead) -> Hours:
    """Device-hours of what waits, so that what is restored is written with it."""
    hours: Hours = {}
    for wire in facts.chain_record(host_id, held).unprojected:
        add_report(hours, read_bytes(wire))
    return hours
