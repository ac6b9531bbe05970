"""Claims beside a claim: of one company, programme and year, which reach a threshold together.

What one of them counts for ends with it: withdrawn, void, expired, cut. Another one that was paid
because the two reached the threshold then comes to less, though nothing of its own changed, and is
told that here: a flag on its day, so that the office's list has it. Where the two reach the
threshold again it is told that as well.

The look comes after the step that changes the one is committed, in units of work of its own, which
lock the others one by one as their own steps do: so no order of locks is new. Whoever flags looks
once more after that, so that the last of several at once sees what all of them left. What a crash
between step and look leaves out `look_everywhere` finds, as often as it is asked.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_recovery import flagged
from kashi_server.domain.claim_states import Step
from kashi_server.domain.money import parse_yuan
from kashi_server.errors import KashiError, Refused
from kashi_server.services.claim_beside_cause import Before, cause_of
from kashi_server.services.claim_flags import COMES_TO, TellsDue, last_told
from kashi_server.services.claim_remembering import remembering
from kashi_server.services.claim_standing import beside_fen
from kashi_server.services.claim_steps import CLOCK, ClaimSteps, Taken, Taking, Why, locked
from kashi_server.services.claim_worth import tell_worth
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

_LOG = logging.getLogger(__name__)

BESIDE: Final = "beside"
"""The term of a flag that a look sets: the other claims that are its cause, as far as known."""
MOVING: Final = frozenset(
    {
        Step.RETURN,
        Step.ASSESS,
        Step.APPROVE,
        Step.PAY,
        Step.REJECT,
        Step.WITHDRAW,
        Step.EXPIRE,
        Step.SUSPEND,
        Step.RESUME,
        Step.REOPEN,
        Step.FLAG,
        Step.CLAW_BACK,
    }
)
"""Steps after which a claim may count for more or less beside others. A payment changes nothing of
that; but what was paid while another claim fell away is seen by neither before both are committed.
"""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CompanyYear:
    """Whose claims count together: those of a company in a programme's year."""

    programme_id: str
    company_id: str
    year: int

    def __str__(self) -> str:
        return f"{self.programme_id} {self.company_id} {self.year}"

    @classmethod
    def of(cls, stored: StoredClaim) -> "CompanyYear":
        """That of a claim."""
        return cls(
            programme_id=stored.batch.programme_id,
            company_id=stored.claim.company_id,
            year=stored.batch.year,
        )

    def claims(self, unit: ClaimsUnit) -> Sequence[StoredClaim]:
        """Its claims, by id."""
        found = unit.claims.claims(programme_id=self.programme_id, company_id=self.company_id)
        return [one for one in found if one.batch.year == self.year]


class ClaimBeside(ClaimSteps):
    """Looking at the claims beside one that changed."""

    def look_everywhere(self) -> Sequence[Taken]:
        """Tell every paid claim under a year's threshold that comes to otherwise than its last word
        says; twice in a row the second time finds nothing.

        Raises:
            Refused: a company's claims cannot be looked at; those of all others were.
        """
        with self._work.begin(writes=False) as unit:
            years = {CompanyYear.of(one) for one in unit.claims.claims() if _concerned(one)}
        told: list[Taken] = []
        failed: list[str] = []
        for year in sorted(years):
            try:
                told += self._look(year, ())
            except (KashiError, LookupError, ValueError) as error:
                # One company's claims are no reason to leave the others unseen, day after day.
                _LOG.warning("%s 未能复核。%s was not looked at: %s", year, year, error)
                failed.append(str(year))
        if failed:
            named = "; ".join(failed)
            raise Refused(
                f"下列企业年度未能复核，其余均已完成：{named}；原因见日志，"
                "请运行 kashi-server fsck。"
                f"not looked at, all others were: {named}; the log has the reason, and"
                " kashi-server fsck may name what is wrong"
            )
        return told

    def _follow(self, taking: Taking, event: ClaimEvent) -> None:
        if event.step not in MOVING or BESIDE in event.terms:
            return
        year = CompanyYear.of(taking.stored)

        def look(changed: Sequence[str]) -> None:
            # The step stands and nobody takes it back, whatever fails here: raised, it would say to
            # whoever took it that nothing was done. The next look tells what this one did not.
            try:
                self._look(year, changed)
            except Exception as error:
                _LOG.warning(
                    "申报 %s 之外的同年度申报未能复核，可用 claim expire 补做：%s。"
                    "claims beside these were not looked at; claim expire does it: %s",
                    ", ".join(filter(None, changed)) or year,
                    error,
                    error,
                    exc_info=None if isinstance(error, KashiError) else error,
                )

        # A payment changes nothing that others count by: what a look after it finds, it did not do.
        noted = "" if event.step == Step.PAY else event.claim_id
        taking.unit.once_committed(year, noted, look)

    def _look(self, year: CompanyYear, changed: Sequence[str]) -> Sequence[Taken]:
        """Go round until nobody comes to otherwise than was told.

        It ends: a flag renews what its claim counts for, which rests on papers and on how claims
        stand, and no flag changes these: renewed once, it stays. Where a round renews none for the
        first time, nothing counts otherwise, and the next one finds nothing to tell. So there is
        one round more than claims at most, and the last look. Others who change something
        meanwhile look for themselves.
        """
        told: list[Taken] = []
        with self._work.begin(writes=False) as unit:
            rounds = len(year.claims(unit)) + 2
        for _round in range(rounds):
            wanted = self._otherwise(year)
            told += [one for claim_id in wanted for one in self._tell_of(claim_id, changed)]
            if not wanted:
                break
        return told

    def _otherwise(self, year: CompanyYear) -> Sequence[str]:
        """Claims that come to otherwise than their last word says; nothing is written or locked."""
        with self._work.begin(writes=False) as unit:
            # Each is held against all others: asked of a unit that remembers, none is read twice.
            read = remembering(unit)
            return [
                one.claim.claim_id
                for one in year.claims(read)
                if _concerned(one) and _asked(self._taking(read, one, {}))
            ]

    def _tell_of(self, claim_id: str, changed: Sequence[str]) -> Sequence[Taken]:
        """Flag a claim, if it still comes to otherwise once it is locked."""
        with self._work.begin() as unit:
            stored = locked(unit, claim_id)
            others = sorted(set(changed) - {claim_id, ""})
            taking = self._taking(unit, stored, {})
            if not _concerned(stored) or not _asked(taking):
                return ()
            cause = cause_of(taking, _told_before(unit, stored), others)
            taking.terms[BESIDE] = list(cause.beside)
            why = Why(reason=cause.reason)
            self._carry_out(
                taking, (CLOCK, ""), Step.FLAG, why, lambda one: flagged(one.stored.claim)
            )
            unit.commit()
        return (Taken(stored=taking.stored),)


def _concerned(stored: StoredClaim) -> bool:
    """Money of it is out, and its rules have a year's threshold."""
    return stored.claim.amounts.out_fen > 0 and bool(stored.rules.fen("threshold.year_yuan"))


def _told_before(unit: ClaimsUnit, stored: StoredClaim) -> Before:
    """What the claim's steps told of it until now."""
    events = unit.claims.events(stored.claim.claim_id)
    return Before(
        eligible_fen=beside_fen(unit, stored),
        due=last_told(events, stored.claim.amounts.out_fen),
    )


def _asked(taking: Taking) -> bool:
    """Ask what a claim comes to; whether that leaves other money due than was told last. Nothing is
    written by then, so a unit that remembers may answer."""
    asking = replace(taking, unit=remembering(taking.unit))
    tell_worth(asking)
    taking.terms |= asking.terms
    out_fen, comes_to = taking.stored.claim.amounts.out_fen, taking.terms[COMES_TO]
    events = asking.unit.claims.events(taking.stored.claim.claim_id)
    now = TellsDue.of(None if comes_to is None else parse_yuan(comes_to), out_fen)
    return now != last_told(events, out_fen)
