"""Assigning devices to contracts: one side proposes, the other answers; only then it leases.

Every act is stored, stands in the audit trail, and is an entry of the log, with the account and the
time. A list of proposals or answers is taken whole or not at all.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kashi_server.domain.assignment_act import (
    ActKind,
    Answer,
    AssignmentAct,
    AssignmentHistory,
    Standing,
    answered,
)
from kashi_server.domain.assignment_draft import AssignmentDraft
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.sheet import SheetRefused
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.accounts import AuditEntry
from kashi_server.services.agreement_book import CORRECTION, AgreementBook
from kashi_server.services.agreement_entries import dropped
from kashi_server.services.assignment_port import AssignmentUnit, AssignmentWork
from kashi_server.services.importing import store
from kashi_server.services.proposing import Proposing
from kashi_server.services.providing import ProvidersHosts

ACT_ENTRY: Final = "assignment-act"
"""What the log calls an act."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts for a party: an account, and from where."""

    login: str
    party_id: str
    account_id: int | None = None
    address: str = "console"


class Assigning:
    """Proposals and answers by the two sides of a contract."""

    def __init__(self, work: AssignmentWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def preview(self, actor: Actor, drafts: Sequence[AssignmentDraft]) -> tuple[Assignment, ...]:
        """What proposals would become; nothing is stored.

        Raises:
            SheetRefused: every rule that speaks against one, with its row and column.
        """
        with self._work.begin(writes=False) as unit:
            return self._drafted(unit, actor, drafts, self._clock())

    def propose(self, actor: Actor, drafts: Sequence[AssignmentDraft]) -> tuple[Assignment, ...]:
        """Store proposals: all of them or none.

        Raises:
            SheetRefused: every rule that speaks against one, with its row and column.
        """
        utc_ms = self._clock()
        with self._work.begin() as unit:
            unit.expense.lock()
            proposed = self._drafted(unit, actor, drafts, utc_ms)
            for assignment in proposed:
                store(unit, assignment, utc_ms)
                _act(unit, actor, assignment, ActKind.PROPOSED, 1, utc_ms)
            unit.commit()
        return proposed

    def _drafted(
        self, unit: AssignmentUnit, actor: Actor, drafts: Iterable[AssignmentDraft], utc_ms: int
    ) -> tuple[Assignment, ...]:
        book = AgreementBook(unit, utc_ms // MINUTE_MS, reader_id=actor.party_id)
        proposing = Proposing(unit, book, actor.party_id)
        made = [proposing.take(draft) for draft in drafts]
        if proposing.mistakes:
            raise SheetRefused(proposing.mistakes)
        return tuple(one for one in made if one is not None)

    def answer(
        self, actor: Actor, assignment_ids: Collection[str], answer: Answer, reason: str = ""
    ) -> tuple[Assignment, ...]:
        """Confirm, decline or withdraw what waits about assignments: all of them or none.

        What waits is the proposal of an assignment, or of another end for one that stands.

        Raises:
            NotFound: one of them is not of this party.
            InvalidValue: a decline gives no reason, or the list is empty.
            Refused: one of them cannot be answered so; each is named with why.
        """
        if not assignment_ids:
            raise InvalidValue("请至少选择一项提议。choose at least one proposal")
        utc_ms = self._clock()
        with self._work.begin() as unit:
            unit.expense.lock()
            book = AgreementBook(unit, utc_ms // MINUTE_MS, reader_id=actor.party_id)
            histories = [_of_party(unit, book, one, actor) for one in dict.fromkeys(assignment_ids)]
            refusals, made = [], []
            for history in histories:
                try:
                    made.append(_answer(unit, book, history, actor, answer, reason, utc_ms))
                except Refused as refusal:
                    refusals.append(str(refusal))
            if refusals:
                raise Refused("; ".join(refusals))
            unit.commit()
        return tuple(made)

    def propose_end(
        self, actor: Actor, assignment_id: str, end_minute: int, reason: str = ""
    ) -> AssignmentAct:
        """Propose another end of a confirmed assignment, a UTC minute.

        Raises:
            NotFound: it is not of this party.
            Refused: it is not confirmed, another end waits, or a rule speaks against the end.
        """
        utc_ms = self._clock()
        with self._work.begin() as unit:
            unit.expense.lock()
            book = AgreementBook(unit, utc_ms // MINUTE_MS, reader_id=actor.party_id)
            history = _of_party(unit, book, assignment_id, actor)
            if history.standing is not Standing.CONFIRMED:
                raise Refused(
                    f"指派 {assignment_id} 的状态为 {history.standing}；只能对已确认的指派提"
                    "议结束，且每次一项。"
                    f"assignment {assignment_id} is {history.standing}; an end is proposed for a"
                    " confirmed one, and one at a time"
                )
            ended = _ended(book, history.assignment, end_minute)
            number = len(history.acts) + 1
            act = _act(unit, actor, ended, ActKind.END_PROPOSED, number, utc_ms, reason)
            unit.commit()
        return act


def history_of(
    unit: AssignmentUnit, book: AgreementBook, assignment_id: str
) -> AssignmentHistory | None:
    """An assignment with what was done about it; None: there is none and never was."""
    acts = tuple(unit.assignments.acts([assignment_id]))
    stands = book.assignments.get(assignment_id)
    assignment = stands if stands is not None else proposed_by_acts(acts)
    if assignment is None:
        return None
    contract = book.contracts[assignment.contract_id]
    return AssignmentHistory(
        assignment=assignment, contract=contract, acts=acts, stands=stands is not None
    )


def proposed_by_acts(acts: Sequence[AssignmentAct]) -> Assignment | None:
    """The assignment as its first act proposed it, for one that stands no longer."""
    if not acts:
        return None
    first = acts[0]
    return Assignment(
        assignment_id=first.assignment_id,
        contract_id=first.contract_id,
        hardware_id=first.hardware_id,
        interval=first.interval,
        proposed_by=first.party_id,
    )


def _of_party(
    unit: AssignmentUnit, book: AgreementBook, assignment_id: str, actor: Actor
) -> AssignmentHistory:
    found = history_of(unit, book, assignment_id)
    if found is None or actor.party_id not in found.contract.sides:
        raise NotFound(
            f"没有指派 {assignment_id}，请核对编号。there is no assignment {assignment_id}"
        )
    return found


def _answer(
    unit: AssignmentUnit,
    book: AgreementBook,
    history: AssignmentHistory,
    actor: Actor,
    answer: Answer,
    reason: str,
    utc_ms: int,
) -> Assignment:
    history.check_answer(answer, actor.party_id)
    assignment, end = history.assignment, history.proposed_end
    of_end = history.standing is Standing.END_PROPOSED
    acted = assignment
    if end is not None:
        acted = replace(assignment, interval=Interval(assignment.interval.start, end))
    if answer is Answer.CONFIRM and end is not None:
        ended = _ended(book, assignment, end)
        if assignment.interval.end is not None and end > assignment.interval.end:
            _check_provider(unit, history, ended)
        store(unit, ended, utc_ms)
    elif answer is Answer.CONFIRM:
        _refuse_closed(book, assignment)
        _check_provider(unit, history, assignment)
        store(unit, assignment.confirm(history.contract, actor.party_id), utc_ms)
    elif not of_end:
        _drop(unit, book, assignment, utc_ms)
    kind, number = answered(answer, of_end=of_end), len(history.acts) + 1
    _act(unit, actor, acted, kind, number, utc_ms, reason)
    return acted


def _check_provider(
    unit: AssignmentUnit, history: AssignmentHistory, assignment: Assignment
) -> None:
    """A host may have been sold since the device was proposed: it is asked again."""
    hardware_id, interval = assignment.hardware_id, assignment.interval
    if ProvidersHosts(unit).contradict(history.contract, hardware_id, interval):
        raise Refused(
            f"指派 {assignment.assignment_id}：供给方对 {hardware_id} 所在主机的产权"
            "登记未覆盖全部时段；请拒绝或撤回该提议，另提议一项在产权登记结束时截止"
            "的指派。"
            f"assignment {assignment.assignment_id}: the host of {hardware_id} is not the"
            " provider's in all of this time; have it declined or withdrawn, and propose one that"
            " ends where the provider's tenure does"
        )


def _ended(book: AgreementBook, assignment: Assignment, end_minute: int) -> Assignment:
    """The assignment with another end, where nothing speaks against it."""
    start, end = assignment.interval.start, assignment.interval.end
    if end_minute <= start or end_minute == end:
        raise Refused(
            f"指派 {assignment.assignment_id} 不能在此时结束：结束时间须晚于开始，且"
            "不同于现有结束时间。"
            f"assignment {assignment.assignment_id} cannot end there: before its beginning, or"
            " where it ends already"
        )
    ended = replace(assignment, interval=Interval(start, end_minute))
    troubles = book.troubles(ended)
    if troubles:
        told = "; ".join(message for _name, message in troubles)
        raise Refused(
            f"指派 {assignment.assignment_id} 不能这样结束，原因如下。"
            f"assignment {assignment.assignment_id}: {told}"
        )
    return ended


def _drop(unit: AssignmentUnit, book: AgreementBook, assignment: Assignment, utc_ms: int) -> None:
    """Take a proposal away; what of it lies in closed months stays as those were rated."""
    until, interval = book.closed_until, assignment.interval
    if until is None or until <= interval.start:
        unit.assignments.drop(assignment.assignment_id)
        unit.log.append_pending(*dropped(assignment.assignment_id))
    elif interval.end is None or interval.end > until:
        store(unit, replace(assignment, interval=Interval(interval.start, until)), utc_ms)


def _refuse_closed(book: AgreementBook, assignment: Assignment) -> None:
    if book.closed_until is not None and assignment.interval.start < book.closed_until:
        raise Refused(
            f"指派 {assignment.assignment_id} 始于已关账的月份；请撤回，另从未关账月"
            "份起提议。已关账月份所缺由主管部门更正。"
            f"assignment {assignment.assignment_id} begins in a closed month; withdraw it and"
            " propose a new one from the open month on. What the closed months lack is a"
            f" correction by the office: {CORRECTION}"
        )


def _act(
    unit: AssignmentUnit,
    actor: Actor,
    assignment: Assignment,
    kind: ActKind,
    number: int,
    utc_ms: int,
    reason: str = "",
) -> AssignmentAct:
    """Keep an act: as a row, in the log, in the audit trail."""
    act = AssignmentAct(
        assignment_id=assignment.assignment_id,
        number=number,
        kind=kind,
        contract_id=assignment.contract_id,
        hardware_id=assignment.hardware_id,
        interval=assignment.interval,
        party_id=actor.party_id,
        login=actor.login,
        utc_ms=utc_ms,
        reason=reason.strip(),
    )
    unit.assignments.add_act(act)
    unit.log.append_pending(ACT_ENTRY, act.reference, act.to_bytes())
    unit.accounts.record(
        AuditEntry(
            at_utc_ms=utc_ms,
            account_id=actor.account_id,
            login=actor.login,
            address=actor.address,
            act=f"assignment-{kind.value.replace('_', '-')}",
            subject=act.reference,
        )
    )
    return act
