"""Closed months and their corrections, over a real database and a real log."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from expense_cases import END, OCTOBER
from expense_facts import sequencer
from kashi_server.domain.booked_line import BookedLine
from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.domain.tariff import Price
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.accounts import AccountDraft, Role
from kashi_server.services.closing import ClosedMonth, MonthClosing
from kashi_server.services.correcting import Correcting, Correction
from kashi_server.services.correction_watch import CorrectionWatch
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.facts_port import FactBatch
from kashi_server.services.import_building import Agreement
from kashi_server.services.importing import store as store_agreement
from kashi_server.services.log_port import Checkpoint
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work

OFFICERS = ("officer-a", "officer-b")
DECISION = OfficersDecision(officers=OFFICERS, reason="迟到的报告 late reports")
NOVEMBER, DECEMBER = Month(2026, 11), Month(2026, 12)


@dataclass(slots=True)
class Books:
    """A database whose months are closed and corrected on a clock that the test sets."""

    work: Work
    now_ms: int = (END + 5 * 1440) * MINUTE_MS
    sequencing: Callable[[], Checkpoint] | None = None

    def __post_init__(self) -> None:
        """Two officers, and one log with one key."""
        self.sequencing = sequencer(self.work, self.now_ms)
        with self.work.begin() as unit:
            for login in OFFICERS:
                unit.accounts.add(
                    AccountDraft(
                        login=login,
                        password_hash="-",
                        role=Role.OFFICER,
                        party_id=None,
                        created_utc_ms=0,
                    )
                )
            unit.commit()

    def _sequence(self) -> Checkpoint:
        assert self.sequencing is not None
        return self.sequencing()

    def close(self, month: Month = OCTOBER) -> ClosedMonth:
        """Close a month five days after its end."""
        self.now_ms = (month.interval().bounded()[1] + 5 * 1440) * MINUTE_MS
        return MonthClosing(self.work, self._sequence, lambda: self.now_ms, demo=False).close(month)

    def correcting(self, watches: Sequence[CorrectionWatch] = ()) -> Correcting:
        """Corrections over this database."""
        return Correcting(
            self.work, self._sequence, lambda: self.now_ms, demo=False, watches=watches
        )

    def correct(
        self, month: Month = OCTOBER, decision: OfficersDecision = DECISION
    ) -> Correction | None:
        """Make what there is to correct."""
        return self.correcting().make(month, decision)

    def arrive(self, hours: Iterable[DeviceHour]) -> None:
        """More device-hours, as late reports add them."""
        with self.work.begin() as unit:
            unit.facts.write(FactBatch(hours=list(hours)))
            unit.commit()

    def agree(self, *agreements: Agreement) -> None:
        """Put agreements in the book and in the log, closed months or not."""
        with self.work.begin() as unit:
            for one in agreements:
                store_agreement(unit, one, self.now_ms)
            unit.commit()

    def statements(self, month: Month = OCTOBER) -> dict[tuple[str, int], StoredStatement]:
        """Every revision of a month's statements."""
        with self.work.begin(writes=False) as unit:
            found = unit.expense.statements(month=month)
        return {(one.number, one.revision): one for one in found}

    def booked(self, run_id: str) -> Sequence[BookedLine]:
        """What a run booked."""
        with self.work.begin(writes=False) as unit:
            return unit.corrections.lines(run_id)


def repriced(price: Price, yuan: str) -> Price:
    """The same price at another amount."""
    return replace(price, yuan=Fraction(yuan))
