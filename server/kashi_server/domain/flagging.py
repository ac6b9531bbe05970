"""Flags of a statement: what a reader should see although it changes no number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from kashi_server.domain.contract import Contract
from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.doubt import Doubt
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import Month
from kashi_server.domain.rating import RatedLine, Rating
from kashi_server.domain.reason import Reason
from kashi_server.domain.same_hardware import covers
from kashi_server.domain.standing import Terms
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.statement_quality import Flag


class RatedMonth(Protocol):
    """What flags are raised from."""

    @property
    def month(self) -> Month:
        """The month."""

    @property
    def rating(self) -> Rating:
        """Its rating."""

    @property
    def terms(self) -> Terms:
        """What was agreed."""

    @property
    def clocks(self) -> Mapping[str, HostClock]:
        """What is known of the clock behind each host's reports of the month, by host."""

    @property
    def doubts(self) -> Mapping[str, Sequence[Doubt]]:
        """What each host's facts of the month raise, by host."""


def flags_of(
    contract: Contract | None,
    lines: Sequence[RatedLine],
    devices: Mapping[str, DeviceRecord],
    end: RatedMonth,
    gap_excess_ms: int,
) -> tuple[Flag, ...]:
    """Every flag of one statement, in order, each once."""
    found = [*_of_lines(lines), *_of_disputes(lines, end), *_of_doubts(lines, end)]
    found += clock_flags(clock_of(lines, end))
    if contract is not None:
        found += _of_contract(contract, lines, end)
    if gap_excess_ms:
        detail = f"{gap_excess_ms} ms"
        found.append(Flag(code=Reason.GAP_REPORTS_EXCEED, subject="", detail=detail))
    replayed = {line.hardware_id for line in lines if devices[line.hardware_id].replayed}
    found += [
        Flag(code=Reason.GENERATED_WORKLOAD, subject=hardware_id, detail="")
        for hardware_id in replayed
    ]
    return tuple(sorted(set(found)))


def _span(start: int, end: int) -> str:
    return f"{shanghai_text(start)} – {shanghai_text(end)}"


def _of_lines(lines: Iterable[RatedLine]) -> Iterator[Flag]:
    for line in lines:
        counted = line.quantities
        known = 0 < counted.observed_ms == counted.utilisation_known_ms
        if counted.leased_ms and known and not counted.active_ms:
            yield Flag(
                code=Reason.IDLE_WHILE_LEASED,
                subject=line.hardware_id,
                detail=_span(line.start, line.end),
            )
        if Reason.SHARES_EXCEED_DEVICE in line.reasons:
            yield Flag(
                code=Reason.SHARES_EXCEED_DEVICE,
                subject=line.hardware_id,
                detail=_span(line.start, line.end),
            )


def _of_disputes(lines: Sequence[RatedLine], end: RatedMonth) -> Iterator[Flag]:
    held = [line for line in lines if Reason.CONFLICT in line.reasons]
    for dispute in end.rating.disputes:
        start, until = dispute.interval.bounded()
        if any(
            line.hardware_id == dispute.hardware_id and line.start < until and start < line.end
            for line in held
        ):
            # Who claims what is told without host ids: a statement's reader may not know them all.
            claims = " + ".join(f"{ms} ms" for _host, ms in dispute.claims)
            yield Flag(
                code=Reason.CONFLICT,
                subject=dispute.hardware_id,
                detail=f"{_span(start, until)}: {claims}",
            )


def _of_doubts(lines: Iterable[RatedLine], end: RatedMonth) -> Iterator[Flag]:
    """One flag a device: the doubts about the hosts of its lines and about itself. Their details
    are the host's people's; a statement's reader learns the codes."""
    codes: dict[str, set[str]] = {}
    for line in lines:
        for doubt in end.doubts.get(line.standing.host_id, ()):
            if doubt.hardware_id in ("", line.hardware_id):
                codes.setdefault(line.hardware_id, set()).add(str(doubt.code))
    for hardware_id, raised in codes.items():
        detail = ", ".join(sorted(raised))
        yield Flag(code=Reason.METER_DOUBTFUL, subject=hardware_id, detail=detail)


def clock_of(lines: Iterable[RatedLine], end: RatedMonth) -> HostClock:
    """The clock behind the month's reports of every host that some lines are of."""
    hosts = {line.standing.host_id for line in lines} & end.clocks.keys()
    return HostClock.together(end.clocks[host_id] for host_id in hosts)


def clock_flags(clock: HostClock) -> Iterator[Flag]:
    """What is not known of the clocks: for how long, and how far off they were at other times."""
    if clock.unvouched_ms:
        said = f"{clock.unvouched_ms} / {clock.labelled_ms} ms"
        if clock.unvouched_ms < clock.labelled_ms:
            said += f"，其余最大 the others at most {clock.known_ms_max} ms"
        yield Flag(code=Reason.CLOCK_UNKNOWN, subject="", detail=said)


def _of_contract(contract: Contract, lines: Sequence[RatedLine], end: RatedMonth) -> Iterator[Flag]:
    if contract.unrelated_declared is None:
        code = Reason.RELATION_UNDECLARED
        yield Flag(code=code, subject=contract.contract_id, detail="")
    if any(Reason.NO_ACTIVE_RULES in line.reasons for line in lines):
        yield Flag(code=Reason.NO_ACTIVE_RULES, subject=contract.contract_id, detail="")
    period = end.month.interval()
    observed = {line.hardware_id: line.share for line in lines if line.quantities.observed_ms}
    for assignment in end.terms.assignments:
        common = assignment.interval.overlap(period)
        if assignment.contract_id != contract.contract_id or common is None:
            continue
        if not assignment.confirmed:
            code = Reason.ASSIGNMENT_UNCONFIRMED
            yield Flag(code=code, subject=assignment.hardware_id, detail=_span(*common.bounded()))
        elif not any(covers(assignment.hardware_id, *seen) for seen in observed.items()):
            code = Reason.NEVER_OBSERVED
            yield Flag(code=code, subject=assignment.hardware_id, detail=_span(*common.bounded()))
