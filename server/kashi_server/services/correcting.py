"""Correcting a closed month: what its facts say now, booked against what its statements say.

1. The log is sequenced; its size is the correction's cut-off, as at a close.
2. In one unit of work: read the facts and agreements as they are; rate the whole month anew; tell
   the statements that stand from those that come out, line by line.
3. Statements without a difference are left alone, to the byte. Each other one gets its next
   revision, which states the month whole; the lines that no longer hold are booked reversed, the
   new ones beside them, in the month that is open.
4. Whoever watches corrections is told; the run and the statements' hashes go to the log.

It does not ask why something changed: late reports, restored ones, assignments, prices, tenures
and whatever else rating reads all show as lines that differ. Nothing that differs in no line is a
correction. Two officers make one, with a reason; anybody of the office may look at it before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from kashi_server.domain.booked_line import BookedLine
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.correction import Difference, StandingRevision, difference
from kashi_server.domain.interval import Month
from kashi_server.domain.rules import version_over
from kashi_server.domain.settlement import Settlement
from kashi_server.domain.silence import Silence
from kashi_server.domain.statement import Statement
from kashi_server.domain.year_estimate import estimated_again
from kashi_server.errors import Refused
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.agreement_watch import AgreementWatch, NobodyWatches
from kashi_server.services.closing import (
    ATTEMPTS_MAX,
    LogHead,
    append_statement,
    beyond,
    cut_off_at,
    read_inputs,
)
from kashi_server.services.correction_watch import CorrectionWatch
from kashi_server.services.corrections_port import (
    CorrectionRun,
    CorrectionUnit,
    CorrectionWork,
    RevisedStatement,
)
from kashi_server.services.importing import ImportFile, take_into
from kashi_server.services.standing_statements import StandingStatements
from kashi_server.services.two_officers import OfficersDecision, check_officers

CORRECTION_ENTRY: Final = "correction"
CORRECTION_ACT: Final = "correct-month"
"""How a correction is called among privileged acts."""
TERMS_ACT: Final = "correct-agreements"
"""How a change of agreements in closed months is called there: one act for each file and officer,
whose reference is the file's SHA-256 and whose reason begins with its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """A correction, made or only looked at.

    Attributes:
        booked_month: the month it is booked in.
        difference: what changes.
        statements: the revisions that come out, by number.
        before: the revisions that stood, by number; a new statement has none.
        silences: the gaps that nobody reported, as they are now.
    """

    month: Month
    booked_month: Month
    difference: Difference
    statements: Mapping[str, Statement]
    before: Mapping[str, StandingRevision]
    silences: Sequence[Silence]


class Correcting:
    """Corrects closed months."""

    def __init__(
        self,
        work: CorrectionWork,
        sequence: Callable[[], LogHead],
        clock: Callable[[], int],
        *,
        demo: bool,
        watches: Sequence[CorrectionWatch] = (),
        agreement_watch: AgreementWatch | None = None,
    ) -> None:
        """Over a database.

        Args:
            work: opens units of work.
            sequence: gives committed entries their index in the log and signs its head.
            clock: UTC milliseconds.
            demo: a demonstration: every statement says so.
            watches: who is told of each corrected statement.
            agreement_watch: who is told of the agreements that are corrected.
        """
        self._work = work
        self._sequence = sequence
        self._clock = clock
        self._demo = demo
        self._watches = watches
        self._agreement_watch = agreement_watch or NobodyWatches()

    def preview(self, month: Month, terms: Sequence[ImportFile] = ()) -> Correction | None:
        """What a correction made now would change; None: nothing. Nothing is stored.

        Args:
            month: a closed month.
            terms: agreements corrected with it: taken in, looked through, and left again.

        Raises:
            Refused: the month is not closed.
            MistakesFound: every mistake in the files.
        """
        head = self._sequence()
        with self._work.begin(writes=bool(terms)) as unit:
            if terms:
                unit.expense.lock()
                take_into(unit, terms, self._clock(), corrects=True)
            return self.found(unit, month, head)

    def differing(self, terms: Sequence[ImportFile] = ()) -> tuple[tuple[Month, int], ...]:
        """Every closed month that a correction made now would change, with by how many fen.

        What changes one month often changes others: an assignment that is void, a late acceptance.
        Each closed month is rated anew, one after the other; nothing is stored.

        Raises:
            MistakesFound: every mistake in the files of agreements.
        """
        head = self._sequence()
        found: list[tuple[Month, int]] = []
        with self._work.begin(writes=bool(terms)) as unit:
            if terms:
                unit.expense.lock()
                take_into(unit, terms, self._clock(), corrects=True)
            for month in closed_months(unit):
                one = self.found(unit, month, head)
                if one is not None:
                    found.append((month, one.difference.amount_fen))
        return tuple(found)

    def make(
        self, month: Month, decision: OfficersDecision, terms: Sequence[ImportFile] = ()
    ) -> Correction | None:
        """Make the correction; None: there is nothing to correct, and nothing was made.

        Agreements are corrected first and stand from then on, in the book and in the log; what
        they mean for other closed months shows when those are corrected.

        Args:
            month: a closed month.
            decision: which two officers decided, and why.
            terms: agreements to correct with it, closed months included.

        Raises:
            Refused: the month is not closed, one of the two is no officer, or reports of the month
                never stop coming in.
            MistakesFound: every mistake in the files.
        """
        if terms:
            self._correct_terms(month, decision, terms)
        for _attempt in range(ATTEMPTS_MAX):
            head = self._sequence()
            with self._work.begin() as unit:
                unit.expense.lock()
                check_officers(unit.accounts, decision)
                found = self.found(unit, month, head, decision.reason)
                if beyond(unit, month, head.size):
                    continue
                if found is None:
                    return None
                self._store(unit, found, head, decision)
                unit.commit()
            self._sequence()
            return found
        raise Refused(
            f"{ATTEMPTS_MAX} 次尝试期间都有 {month} 的报告到达，请重新更正。"
            f"reports for {month} came in during each of {ATTEMPTS_MAX} tries; correct it again"
        )

    def _correct_terms(
        self, month: Month, decision: OfficersDecision, terms: Sequence[ImportFile]
    ) -> None:
        with self._work.begin() as unit:
            unit.expense.lock()
            check_officers(unit.accounts, decision)
            # Nothing of the terms may stand where the month cannot be corrected at all.
            _check_closed(unit, month)
            taken = take_into(unit, terms, self._clock(), corrects=True)
            if taken.changes:
                officers = ", ".join(decision.officers)
                self._agreement_watch.agreements_changed(unit, taken.changes, officers)
            for file in terms:
                self._record(unit, decision, TERMS_ACT, file.sha256, file.name)
            unit.commit()

    def found(
        self, unit: CorrectionUnit, month: Month, head: LogHead, reason: str = ""
    ) -> Correction | None:
        """What parts a closed month's statements from its facts, read in a unit of work.

        Raises:
            Refused: the month is not closed.
        """
        _check_closed(unit, month)
        last = unit.expense.last_close()
        assert last is not None, "a month is closed"
        heads = unit.expense.latest_statements(month, month)
        standing = StandingStatements(heads, unit.expense.statement)
        inputs = replace(
            read_inputs(unit, month, cut_off_at(month, head), demo=self._demo),
            kept_contracts=standing.contract_ids,
            kept_parties=standing.party_ids,
        )
        fresh = {statement.number: statement for statement in inputs.statements()}
        found = standing.parted(fresh)
        parted = difference(month, found.standing, found.fresh)
        if parted is None:
            return None
        return Correction(
            month=month,
            booked_month=last.month.next(),
            difference=parted,
            statements=estimated_again(
                revised(
                    fresh,
                    found.standing,
                    parted,
                    last.month.next(),
                    reason,
                    unit.corrections.settlements(month),
                ),
                unit.expense.rest_of_year(month, parted.numbers),
                version_over(inputs.terms.rules, month.interval()),
            ),
            before=found.standing,
            silences=inputs.silences(),
        )

    def _store(
        self,
        unit: CorrectionUnit,
        found: Correction,
        head: LogHead,
        decision: OfficersDecision,
    ) -> None:
        run = CorrectionRun(
            run_id=found.difference.run_id,
            month=found.month,
            ordinal=len(unit.corrections.runs(found.month)) + 1,
            booked_month=found.booked_month,
            cut_off=cut_off_at(found.month, head),
            officers=decision.officers,
            reason=decision.reason,
            made_utc_ms=self._clock(),
            statements=tuple(_revised_statement(one) for one in found.statements.values()),
            lines_sha256=lines_sha256(found.difference.booked),
        )
        unit.corrections.add_run(run, list(found.statements.values()), found.difference.booked)
        unit.expense.add_silences(found.month, found.silences, run.run_id)
        for statement in found.statements.values():
            append_statement(unit, statement)
        unit.log.append_pending(CORRECTION_ENTRY, run.run_id, run.to_bytes())
        self._record(unit, decision, CORRECTION_ACT, f"{run.month}/{run.run_id}")
        for one in run.statements:
            for watch in self._watches:
                watch.corrected(unit, run, one)

    def _record(
        self,
        unit: CorrectionUnit,
        decision: OfficersDecision,
        act: str,
        reference: str,
        file_name: str = "",
    ) -> None:
        reason = f"{file_name}: {decision.reason}" if file_name else decision.reason
        for officer in decision.officers:
            done = PrivilegedAct(
                utc_ms=self._clock(),
                actor=officer,
                act=act,
                reference=reference,
                reason=reason,
            )
            record(unit, done)


def closed_months(unit: CorrectionUnit) -> tuple[Month, ...]:
    """Every closed month, the first one first: months are closed in order."""
    last = unit.expense.last_close()
    found: list[Month] = []
    month = None if last is None else last.month
    while month is not None and unit.expense.close_of(month) is not None:
        found.append(month)
        month = Month.of(month.interval().bounded()[0] - 1)
    return tuple(reversed(found))


def _check_closed(unit: CorrectionUnit, month: Month) -> None:
    if unit.expense.close_of(month) is None:
        raise Refused(
            f"{month} 尚未关账，关账前的变化无须更正。"
            f"{month} is not closed: what changes before the close needs no correction"
        )


def revised(
    fresh: Mapping[str, Statement],
    standing: Mapping[str, StandingRevision],
    parted: Difference,
    booked_month: Month,
    reason: str,
    settled: Mapping[str, Settlement],
) -> dict[str, Statement]:
    """The next revisions of the statements that differ, by number.

    A revision repeats its month's settlement as the close made it (`settled`): the difference is
    settled in the month it is booked in.
    """
    found: dict[str, Statement] = {}
    for number in parted.numbers:
        before = standing.get(number)
        found[number] = replace(
            fresh[number],
            revision=1 if before is None else before.revision + 1,
            correction=parted.statement(number, before, booked_month, reason),
            settlement=settled.get(number),
        )
    return found


def lines_sha256(booked: Mapping[str, Sequence[BookedLine]]) -> str:
    """Hash of the canonical data of booked lines, by statement and in order."""
    said = [line.to_data() for _number, lines in sorted(booked.items()) for line in lines]
    return sha256(canonical_bytes(said)).hexdigest()


def _revised_statement(statement: Statement) -> RevisedStatement:
    assert statement.correction is not None, "a correction made it"
    return RevisedStatement(
        number=statement.number,
        revision=statement.revision,
        user_id=statement.user.party_id,
        contract_id=None if statement.contract is None else statement.contract.contract_id,
        corrects_revision=statement.correction.corrects_revision,
        sha256=statement.sha256().hex(),
        amount_fen=statement.correction.amount_fen,
        eligible_fen=statement.correction.eligible_fen,
    )
