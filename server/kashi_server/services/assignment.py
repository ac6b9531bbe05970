"""Assigning devices to contracts: one side proposes, the other confirms; only then it leases."""

from collections.abc import Callable, Sequence

from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.errors import NotFound, Refused
from kashi_server.services.agreement_book import AgreementBook
from kashi_server.services.expense_port import ExpenseUnit, ExpenseWork
from kashi_server.services.importing import store


class Assigning:
    """Proposals and confirmations by the two sides of a contract."""

    def __init__(self, work: ExpenseWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def propose(self, assignment: Assignment) -> None:
        """Store a proposal.

        Raises:
            Refused: a rule speaks against it; all of them are named.
        """
        if assignment.confirmed_by is not None:
            raise Refused("a proposal is confirmed later, by the other side")
        utc_ms = self._clock()
        with self._work.begin() as unit:
            unit.expense.lock()
            book = AgreementBook(unit, utc_ms // MINUTE_MS)
            if book.standing(assignment) is not None:
                raise Refused(f"assignment {assignment.assignment_id} stands already")
            _refuse(book.troubles(assignment))
            store(unit, assignment, utc_ms)
            unit.commit()

    def confirm(self, assignment_id: str, party_id: str) -> Assignment:
        """The other side agrees.

        Raises:
            NotFound: there is no such assignment for this party.
            Refused: it is confirmed, or the party proposed it itself, or its month is closed.
        """
        utc_ms = self._clock()
        with self._work.begin() as unit:
            unit.expense.lock()
            book = AgreementBook(unit, utc_ms // MINUTE_MS)
            proposed = _of_party(book, assignment_id, party_id)
            confirmed = proposed.confirm(book.contracts[proposed.contract_id], party_id)
            _refuse_closed(unit, confirmed)
            store(unit, confirmed, utc_ms)
            unit.commit()
        return confirmed


def _of_party(book: AgreementBook, assignment_id: str, party_id: str) -> Assignment:
    found = book.assignments.get(assignment_id)
    if found is None or party_id not in book.contracts[found.contract_id].sides:
        raise NotFound(f"there is no assignment {assignment_id}")
    return found


def _refuse_closed(unit: ExpenseUnit, assignment: Assignment) -> None:
    last = unit.expense.last_close()
    if last is not None and assignment.interval.start < last.cut_off.event_end:
        raise Refused(
            f"assignment {assignment.assignment_id} begins in a closed month ({last.month} or"
            " before); propose a new one from the open month on"
        )


def _refuse(troubles: Sequence[tuple[str, str]]) -> None:
    if troubles:
        raise Refused("; ".join(f"{name}: {message}" for name, message in troubles))
