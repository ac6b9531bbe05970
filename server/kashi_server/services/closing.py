"""Closing a month: cut-offs, gaps of silence, rated lines, statements; all at once or not at all.

1. Only a month that is over, in order, and only once; an empty one only where that is said.
2. The log is sequenced: its size is the cut-off of what the close could see.
3. In one unit of work: read the facts and what was agreed; make sure no counted report of the
   month stands beyond the checkpoint (if one came in between: sequence again); rate; write the gaps
   nobody reported, the statements and their lines.
4. The statements' hashes go to the log.

What comes later never changes a closed month: it makes a correction.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from kashi_server.domain.assembling import MonthEnd, assemble
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.device import DeviceRecord, ReportedGap
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import MINUTE_MS, SHANGHAI, Interval, Month, instant_of
from kashi_server.domain.party import Party
from kashi_server.domain.plausibility import doubts
from kashi_server.domain.rating import Rating, rate_times, windows_in
from kashi_server.domain.settlement import BookedCorrection, settle
from kashi_server.domain.silence import Silence, silences
from kashi_server.domain.standing import Terms
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.year_to_date import YearToDate
from kashi_server.errors import Refused
from kashi_server.services.agreement_entries import AGREEMENT_ENTRY, PRICE_ENTRY
from kashi_server.services.emptiness import check_emptiness
from kashi_server.services.evidence_inputs import EVIDENCE_ENTRIES, read_evidence
from kashi_server.services.expense_port import Close, ExpenseUnit, ExpenseWork
from kashi_server.services.inputs_port import InputsUnit
from kashi_server.services.month_times import month_times
from kashi_server.services.restoration import ENTRY_KIND as RESTORATION_ENTRY
from kashi_server.services.rulebook import RULES_ENTRY
from kashi_server.services.settlements_port import StoredSettlement

ATTEMPTS_MAX: Final = 10
PROGRAMME_ID: Final = "shenzhen-compute-voucher"
"""The programme whose rules a close estimates by."""

STATEMENT_ENTRY: Final = "statement"
PENDING_MAX: Final = 2**31 - 1
DECIDING_ENTRIES: Final = frozenset(
    {AGREEMENT_ENTRY, PRICE_ENTRY, RULES_ENTRY, STATEMENT_ENTRY, RESTORATION_ENTRY}
    | EVIDENCE_ENTRIES
)
"""Kinds of log entries that a statement rests on besides reports. None of them may stand beyond a
statement's cut-off when it is made: what is read then is exactly what the log holds up to there,
and can be read again from it (`services.as_of_terms`)."""


class LogHead(Protocol):
    """A signed head of the log."""

    @property
    def size(self) -> int:
        """Entries."""

    @property
    def root(self) -> bytes:
        """Root over them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedMonth:
    """What a close made."""

    close: Close
    statements: tuple[Statement, ...]
    silences: tuple[Silence, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseInputs:
    """Everything a close reads. The same inputs give the same bytes, in any order of facts."""

    month: Month
    cut_off: CutOff
    demo: bool
    devices: Sequence[DeviceRecord]
    times: Mapping[str, DeviceTime]
    gaps: Sequence[ReportedGap]
    terms: Terms
    parties: Sequence[Party]
    earlier: Mapping[str, YearToDate]
    clocks: Mapping[str, HostClock]
    facts: Mapping[str, Sequence[StatedFact]]
    evidence: EvidenceInputs = field(default_factory=EvidenceInputs)
    booked: Mapping[str, Sequence[BookedCorrection]] = field(default_factory=dict)
    carried_fen: Mapping[str, int] = field(default_factory=dict)
    kept_contracts: Collection[str] = ()
    kept_parties: Collection[str] = ()

    def statements(self) -> tuple[Statement, ...]:
        """Rate, lay out the statements, and settle what corrections book into the month."""
        return tuple(self._settled(statement) for statement in self._assembled())

    def _settled(self, statement: Statement) -> Statement:
        if statement.contract is None:
            return statement
        contract_id = statement.contract.contract_id
        settlement = settle(
            statement.amount_fen,
            self.booked.get(contract_id, ()),
            self.carried_fen.get(contract_id, 0),
        )
        return statement if settlement is None else replace(statement, settlement=settlement)

    def rating(self) -> Rating:
        """The lines that the statements are laid out from."""
        period = self.month.interval()
        measured = rate_times(self.devices, self.times, self.terms, period)
        return self.evidence.rated(
            measured, self.terms, self.times, self.gaps, period, self.devices
        )

    def _assembled(self) -> tuple[Statement, ...]:
        rating = self.rating()
        return assemble(
            MonthEnd(
                month=self.month,
                cut_off=self.cut_off,
                demo=self.demo,
                rating=rating,
                terms=self.terms,
                devices=self.evidence.devices(rating, self.devices),
                gaps=self.gaps,
                parties={party.party_id: party for party in self.parties},
                earlier=self.earlier,
                clocks=self.clocks,
                doubts={host_id: doubts(facts) for host_id, facts in self.facts.items()},
                # What is owed back stays on paper, also once the contract is over.
                kept_contracts={*self.kept_contracts, *self.booked, *self.carried_fen},
                kept_parties=self.kept_parties,
            )
        )

    def silences(self) -> tuple[Silence, ...]:
        """The gaps that the server writes: device time nobody observed and nobody reported."""
        by_place: dict[tuple[str, str], list[ReportedGap]] = {}
        for gap in self.gaps:
            by_place.setdefault((gap.hardware_id, gap.host_id), []).append(gap)
        found: list[Silence] = []
        for device in self.devices:
            time = self.times[device.hardware_id]
            for window, stretch in windows_in(device, self.month.interval()):
                gaps = by_place.get((device.hardware_id, window.host_id), [])
                found += silences(device.hardware_id, window.host_id, stretch, time, gaps)
        return tuple(sorted(found))


class MonthClosing:
    """Closes months."""

    def __init__(
        self,
        work: ExpenseWork,
        sequence: Callable[[], LogHead],
        clock: Callable[[], int],
        *,
        demo: bool,
    ) -> None:
        """Over a database.

        Args:
            work: opens units of work.
            sequence: gives committed entries their index in the log and signs its head.
            clock: UTC milliseconds.
            demo: a demonstration: every statement says so.
        """
        self._work = work
        self._sequence = sequence
        self._clock = clock
        self._demo = demo

    def close(self, month: Month, *, empty: bool = False) -> ClosedMonth:
        """Close a month.

        Args:
            month: the month.
            empty: the caller knows that no statement arises. A close cannot be undone: a month
                typed wrong, or closed before its reports came, must not pass in silence.

        Raises:
            Refused: it is not over, closed already, not next in order, or reports never stop
                coming in for it; no statement arises and `empty` was not said, or the other way
                round; or a party or host is not registered.
        """
        for _attempt in range(ATTEMPTS_MAX):
            head = self._sequence()
            with self._work.begin() as unit:
                unit.expense.lock()
                self._check(unit, month)
                inputs = read_inputs(unit, month, cut_off_at(month, head), demo=self._demo)
                # Read after the facts: a report that came in before they were read shows here.
                if beyond(unit, month, head.size):
                    continue
                made = inputs.statements()
                check_emptiness(unit, month, made, empty=empty)
                closed = self._store(unit, inputs, made)
                unit.commit()
            self._sequence()
            return closed
        raise Refused(
            f"{ATTEMPTS_MAX} 次尝试期间都有 {month} 的报告到达，请重新关账。"
            f"reports for {month} came in during each of {ATTEMPTS_MAX} tries; close it again"
        )

    def _check(self, unit: ExpenseUnit, month: Month) -> None:
        if unit.expense.close_of(month) is not None:
            raise Refused(
                f"{month} 已关账；此后发现的差异在以后月份作更正。"
                f"{month} is closed; what is found later becomes a correction in a later month"
            )
        end = month.interval().bounded()[1]
        now_ms = self._clock()
        if now_ms < end * MINUTE_MS:
            now = instant_of(now_ms // MINUTE_MS).astimezone(SHANGHAI)
            raise Refused(
                f"{month} 尚未结束：{month.next()} 首日 00:00 才结束，"
                f"而本服务器时钟为 {now:%Y-%m-%d %H:%M}（UTC+08:00）；"
                "请核对月份或时钟。"
                f"{month} is not over: it ends at 00:00 of the first of {month.next()}, and this"
                f" server's clock says {now:%Y-%m-%d %H:%M} (UTC+08:00); check the month, or the"
                " clock"
            )
        due = _next_due(unit)
        if due is not None and month < due:
            raise Refused(
                f"{month} 无可关账：它早于本服务器首个有用量的月份；下一个应关账的月份是 {due}。"
                f"there is nothing to close in {month}: it lies before the first month of which"
                f" this server has use; the next month to close is {due}"
            )
        if due is not None and due != month:
            raise Refused(
                f"须按月份顺序关账，请先关账 {due}。months are closed in order: close {due} first"
            )

    def _store(
        self, unit: ExpenseUnit, inputs: CloseInputs, statements: tuple[Statement, ...]
    ) -> ClosedMonth:
        month = inputs.month
        found = inputs.silences()
        close = Close(month=month, cut_off=inputs.cut_off, closed_utc_ms=self._clock())
        unit.expense.add_close(close, statements)
        unit.expense.add_silences(month, found)
        for statement in statements:
            _settle(unit, statement)
            append_statement(unit, statement)
        return ClosedMonth(close=close, statements=statements, silences=found)


def _settle(unit: ExpenseUnit, statement: Statement) -> None:
    if statement.settlement is None or statement.contract is None:
        return
    unit.corrections.add_settlement(
        StoredSettlement(
            user_id=statement.user.party_id,
            number=statement.number,
            contract_id=statement.contract.contract_id,
            month=statement.month,
            settlement=statement.settlement,
        )
    )


def append_statement(unit: ExpenseUnit, statement: Statement) -> None:
    """Hand a statement's entry to the log."""
    reference = f"{statement.number}/{statement.revision}"
    unit.log.append_pending(STATEMENT_ENTRY, reference, statement_entry(statement))


def cut_off_at(month: Month, head: LogHead) -> CutOff:
    """A month's cut-offs: its end, and the log as it is written now."""
    end = month.interval().bounded()[1]
    return CutOff(event_end=end, checkpoint_size=head.size, checkpoint_root=head.root)


def statement_entry(statement: Statement) -> bytes:
    """What the log keeps of a statement: its name and hash, not its content."""
    return canonical_bytes(
        {
            "format": "kashi/v1/statement-entry",
            "number": statement.number,
            "revision": statement.revision,
            "sha256": statement.sha256().hex(),
        }
    )


def read_inputs(unit: InputsUnit, month: Month, cut_off: CutOff, *, demo: bool) -> CloseInputs:
    """Read everything a close needs, in one unit of work."""
    start, end = month.interval().bounded()
    devices = unit.facts.devices()
    terms = _terms(unit)
    evidence = read_evidence(unit, start, end, cut_off.checkpoint_size, terms.rules)
    compared = evidence.compared_devices(terms, devices)
    return CloseInputs(
        month=month,
        cut_off=cut_off,
        demo=demo,
        devices=devices,
        times=month_times(unit.facts, devices, month.interval(), compared),
        gaps=unit.facts.gaps(None, start, end),
        terms=terms,
        parties=unit.expense.parties(),
        earlier=unit.expense.earlier_in_year(month),
        clocks=_clocks(unit, devices, start, end),
        facts=unit.facts.stated_facts(start, end),
        evidence=evidence,
        booked=unit.corrections.booked_into(month),
        carried_fen=unit.corrections.carried_before(month),
    )


def _terms(unit: InputsUnit) -> Terms:
    expense = unit.expense
    return Terms(
        contracts={contract.contract_id: contract for contract in expense.contracts()},
        assignments=expense.assignments(),
        prices=expense.prices(),
        tenures=expense.tenures(),
        operators={host.host_id: host.operator_party_id for host in unit.identity.hosts()},
        rules=expense.rules(PROGRAMME_ID),
    )


def _hosts(devices: Sequence[DeviceRecord], period: Interval) -> list[str]:
    return sorted(
        {window.host_id for device in devices for window, _part in windows_in(device, period)}
    )


def _clocks(
    unit: InputsUnit, devices: Sequence[DeviceRecord], start: int, end: int
) -> dict[str, HostClock]:
    known = unit.facts.clocks(start, end)
    hosts = _hosts(devices, Interval(start, end))
    return {host_id: known[host_id] for host_id in hosts if host_id in known}


def beyond(unit: ExpenseUnit, month: Month, size: int) -> bool:
    """Something that was read is not in the log's first `size` entries: a counted report of the
    month or before it, what made one count, or what was agreed."""
    if any(one.kind in DECIDING_ENTRIES for one in unit.log.pending_entries(PENDING_MAX)):
        return True
    since = unit.log.entries(size, unit.log.head().size)
    if any(one.kind in DECIDING_ENTRIES for one in since):
        return True
    end = month.interval().bounded()[1]
    return unit.log.counted_beyond(size, end * MINUTE_MS)


def _next_due(unit: ExpenseUnit) -> Month | None:
    """The month to close next: after the last close, or the first with facts; None: any."""
    last = unit.expense.last_close()
    if last is not None:
        return last.month.next()
    starts = [w.interval.start for device in unit.facts.devices() for w in device.windows]
    return Month.of(min(starts)) if starts else None
