"""Explaining gaps: a party's reason, one or two officers' word, and what counts then.

A gap may be explained until its month is closed, by who sees the time: the sides of the contract
that leased the device, or the owner or operator of its host. Officers may decide later too: what
they accept after the close is a late fact, and a correction takes it up.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from kashi_server.domain.device_family import share_of
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.gap_counting import counts_on_officers
from kashi_server.domain.gap_explanation import (
    ExplanationState,
    GapDecision,
    GapExplanation,
    GapVerdict,
    check_decision,
    state_of,
)
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.rating import Facts, device_times
from kashi_server.domain.same_hardware import covers, hardware_key
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.evidence_inputs import (
    EXPLANATION_ENTRY,
    GAP_DECISION_ENTRY,
    decision_reference,
)
from kashi_server.services.stating_port import StatingUnit, StatingWork

ID_DIGITS: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """An explanation with how it stands; `gap_ms` is what nobody observed in its time."""

    explanation: GapExplanation
    state: ExplanationState
    decisions: tuple[GapDecision, ...]
    gap_ms: int


class GapExplaining:
    """Takes explanations, and officers' word on them."""

    def __init__(self, work: StatingWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def explain(
        self,
        hardware_id: str,
        interval: Interval,
        acting: Acting,
        *,
        reason: str,
        evidence: bytes | None = None,
    ) -> GapExplanation:
        """Explain the gaps of a device within some minutes.

        Args:
            hardware_id: the device.
            interval: bounded; it must lie on one host, and hold a gap.
            acting: who explains, for which party.
            reason: in words.
            evidence: a file that speaks for it; its hash is kept, the file is the party's to keep.

        Raises:
            NotFound: there is no such device for this party.
            Refused: the month is closed, or nothing is missing there.
        """
        if acting.party_id is None:
            raise Refused(
                "缺口由当事单位说明，主管部门只作审定。"
                "a party explains its gaps; the office decides on what it says"
            )
        start, end = interval.bounded()
        now = self._clock()
        if end * MINUTE_MS > now:
            raise Refused(
                "时段尚未结束，请只说明已过去的时间。it ends in the future; explain what has passed"
            )
        with self._work.begin() as unit:
            unit.expense.lock()
            _refuse_closed(unit, start)
            host_id = _host_of(unit, hardware_id, interval, acting.party_id)
            if _gap_ms(unit, hardware_id, interval) == 0:
                raise Refused(
                    f"设备 {hardware_id} 在该时段内没有缺口。"
                    f"every millisecond of {hardware_id} was observed in that time"
                )
            made = _made(hardware_id, host_id, interval, acting, reason, evidence, now)
            if unit.gap_words.explanation(made.explanation_id) is not None:
                raise Refused(
                    f"相同的说明已登记：{made.explanation_id}。"
                    f"that is said already: explanation {made.explanation_id}"
                )
            unit.gap_words.add_explanation(made)
            unit.log.append_pending(EXPLANATION_ENTRY, made.explanation_id, made.to_bytes())
            self._record(unit, acting.actor, "gap-explained", made.explanation_id, reason)
            unit.commit()
        return made

    def decide(
        self, explanation_id: str, officer: str, verdict: GapVerdict, reason: str
    ) -> ExplanationState:
        """An officer's word on an explanation; how it stands then.

        Args:
            explanation_id: as `listed` names it.
            officer: the login of an officer who has proved to be that one.
            verdict: accepted or refused.
            reason: in words.

        Raises:
            NotFound: there is no such explanation.
            Refused: it is settled, the officer spoke before, or is the one who explained.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            explanation = unit.gap_words.explanation(explanation_id)
            if explanation is None:
                raise NotFound(
                    f"没有缺口说明 {explanation_id}，请用 gaps list 查看。"
                    f"there is no explanation {explanation_id}; see: gaps list"
                )
            if officer == explanation.actor:
                raise Refused(
                    f"该说明由 {officer} 登记，须由他人审定。"
                    f"{officer} gave this explanation; others decide on it"
                )
            earlier = unit.gap_words.decisions(explanation_id)
            decision = GapDecision(
                explanation_id=explanation_id,
                verdict=verdict,
                of_two=verdict is GapVerdict.ACCEPTED and _changes_money(unit, explanation),
                officer=officer,
                reason=reason,
                utc_ms=self._clock(),
            )
            check_decision(earlier, decision)
            unit.gap_words.add_decision(decision)
            reference = decision_reference(explanation_id, officer)
            unit.log.append_pending(GAP_DECISION_ENTRY, reference, decision.to_bytes())
            self._record(unit, officer, f"gap-{verdict}", explanation_id, reason)
            unit.commit()
        return state_of((*earlier, decision), of_two=decision.of_two)

    def listed(self, acting: Acting) -> Sequence[Explained]:
        """Every explanation whose time concerns the party; the office sees all."""
        with self._work.begin(writes=False) as unit:
            found = []
            for one in unit.gap_words.explanations():
                decisions = tuple(unit.gap_words.decisions(one.explanation_id))
                if not _concerns(unit, one, acting.party_id):
                    continue
                gap_ms = _gap_ms(unit, one.hardware_id, one.interval)
                state = state_of(decisions, of_two=_changes_money(unit, one))
                found.append(
                    Explained(explanation=one, state=state, decisions=decisions, gap_ms=gap_ms)
                )
        return found

    def _record(self, unit: StatingUnit, actor: str, act: str, reference: str, reason: str) -> None:
        done = PrivilegedAct(
            utc_ms=self._clock(), actor=actor, act=act, reference=reference, reason=reason
        )
        record(unit, done)


def _made(
    hardware_id: str,
    host_id: str,
    interval: Interval,
    acting: Acting,
    reason: str,
    evidence: bytes | None,
    now_utc_ms: int,
) -> GapExplanation:
    digest = "" if evidence is None else sha256(evidence).hexdigest()
    start, end = interval.bounded()
    named = "\0".join((hardware_id, str(start), str(end), str(acting.party_id), reason, digest))
    return GapExplanation(
        explanation_id=sha256(named.encode()).hexdigest()[:ID_DIGITS],
        hardware_id=hardware_id,
        host_id=host_id,
        interval=interval,
        party_id=str(acting.party_id),
        reason=reason,
        evidence_sha256=digest,
        actor=acting.actor,
        utc_ms=now_utc_ms,
    )


def _refuse_closed(unit: StatingUnit, start: int) -> None:
    last = unit.expense.last_close()
    if last is not None and start < last.cut_off.event_end:
        raise Refused(
            f"{last.month} 已关账，缺口只能在所属月份关账前说明；"
            f"始于 {shanghai_text(last.cut_off.event_end)} 之前的不能再说明。"
            f"{last.month} is closed, and a gap is explained until its month is closed; what begins"
            f" before {shanghai_text(last.cut_off.event_end)} cannot be explained any more"
        )


def _host_of(unit: StatingUnit, hardware_id: str, interval: Interval, party_id: str) -> str:
    """The one host on which the device served in that time, if the time is the party's."""
    for device in unit.facts.devices([hardware_id]):
        windows = [one for one in device.windows if one.interval.overlap(interval) is not None]
        hosts = {window.host_id for window in windows}
        if len(hosts) > 1:
            raise InvalidValue(
                f"设备 {hardware_id} 在该时段内更换过主机，请按主机分别说明。"
                f"{hardware_id} moved in that time; explain each host's part"
            )
        for window in windows[:1]:
            begun = window.interval.start <= interval.start
            if begun and _sees(unit, hardware_id, window.host_id, interval, party_id):
                return window.host_id
    raise NotFound(
        f"该时段内 {party_id} 没有设备 {hardware_id}，请核对设备编号与时段。"
        f"there is no device {hardware_id} in that time for {party_id}"
    )


def _concerns(unit: StatingUnit, one: GapExplanation, party_id: str | None) -> bool:
    if party_id is None or party_id == one.party_id:
        return True
    return _sees(unit, one.hardware_id, one.host_id, one.interval, party_id)


def _sees(
    unit: StatingUnit, hardware_id: str, host_id: str, interval: Interval, party_id: str
) -> bool:
    """All of the time is the party's: by its contracts, or by its tenure of the host."""
    start, end = interval.bounded()
    covered: set[int] = set()
    for part in _parts(unit, hardware_id, host_id, party_id):
        common = part.overlap(interval)
        if common is not None:
            covered.update(range(*common.bounded()))
    return len(covered) == end - start


def _parts(unit: StatingUnit, hardware_id: str, host_id: str, party_id: str) -> Iterator[Interval]:
    contracts = {one.contract_id: one for one in unit.expense.contracts()}
    # Who leases a card leases what it is cut into.
    known = unit.facts.devices([hardware_id])
    cards = {hardware_key(one.parent_hardware_id) for one in known if one.parent_hardware_id}
    for lease in unit.expense.assignments():
        ours = party_id in contracts[lease.contract_id].sides
        named = lease.hardware_id
        own = any(covers(named, one.hardware_id, share_of(one)) for one in known)
        if (own or hardware_key(named) in cards) and lease.confirmed and ours:
            yield lease.interval
    tenures = [one for one in unit.expense.tenures() if one.host_id == host_id]
    for tenure in tenures:
        if party_id in (tenure.owner_id, tenure.operator_id):
            yield tenure.interval
    if not tenures:
        for host in unit.identity.hosts(party_id):
            if host.host_id == host_id:
                yield Interval(0, None)


def _gap_ms(unit: StatingUnit, hardware_id: str, interval: Interval) -> int:
    start, end = interval.bounded()
    devices = unit.facts.devices([hardware_id])
    hours = unit.facts.device_hours([hardware_id], start, end)
    times: Mapping[str, DeviceTime] = device_times(Facts(devices=devices, hours=hours), interval)
    observed_ms = times[hardware_id].between(start, end).observed_ms if devices else 0
    return (end - start) * MINUTE_MS - observed_ms


def _changes_money(unit: StatingUnit, explanation: GapExplanation) -> bool:
    """A version of rules that holds in its time counts gaps on officers' word."""
    return counts_on_officers(unit.expense.rules(), explanation.interval)
