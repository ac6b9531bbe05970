"""What a statement's cut-off knew, for a trail: agreements by the log, reports by their index.

Tables tell of today. A line of an old statement is explained by what the log had below the
statement's cut-off; where today's table says otherwise, the trail says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import Interval
from kashi_server.domain.same_hardware import covers
from kashi_server.domain.sequence import Verdict
from kashi_server.domain.tariff import Price
from kashi_server.services.agreement_entries import AGREEMENT_ENTRY, PRICE_ENTRY
from kashi_server.services.agreement_reading import read_term
from kashi_server.services.facts_port import StoredReport
from kashi_server.services.log_port import Entry
from kashi_server.services.restoration import ENTRY_KIND as RESTORATION_ENTRY
from kashi_server.services.trail_port import ExplainingUnit

Term = TypeVar("Term", Price, Assignment)
_ASSIGNMENT = "assignment/"


@dataclass(frozen=True, slots=True)
class Known(Generic[Term]):
    """An agreement as the cut-off knew it.

    Attributes:
        then: as its latest entry below the cut-off has it.
        now: as the table has it today; None: it was taken out since.
        log_index: of that entry; None: the log has none, and `then` is today's.
    """

    then: Term
    now: Term | None
    log_index: int | None


class CutOff:
    """The first `size` entries of the log; reads only."""

    def __init__(self, unit: ExplainingUnit, size: int) -> None:
        self._unit = unit
        self._size = size

    def price(self, price_id: str) -> Known[Price] | None:
        """A price by its id; None: nothing knows it."""
        now = next((one for one in self._unit.expense.prices() if one.price_id == price_id), None)
        entries = self._latest(PRICE_ENTRY, price_id)
        if price_id not in entries:
            return None if now is None else Known(now, now, None)
        entry = entries[price_id]
        then = read_term(PRICE_ENTRY, price_id, entry.entry)
        assert isinstance(then, Price), "an entry of a price is one"
        return Known(then, now, entry.log_index)

    def assignments(
        self, contract_id: str, devices: Mapping[str, Fraction], span: Interval
    ) -> Iterator[Known[Assignment]]:
        """A contract's assignments that touch the minutes and cover devices, given with their
        shares; by id."""
        today = {one.assignment_id: one for one in self._unit.expense.assignments()}
        entries = self._latest(AGREEMENT_ENTRY, _ASSIGNMENT)
        known = {
            reference.removeprefix(_ASSIGNMENT): self._assignment(entry)
            for reference, entry in entries.items()
        }
        # What the log never saw was there all along: it is told as it stands today.
        later = set(self._unit.log.beginning(AGREEMENT_ENTRY, _ASSIGNMENT, None))
        known |= {
            key: Known(one, one, None)
            for key, one in today.items()
            if key not in known and f"{_ASSIGNMENT}{key}" not in later
        }
        for key in sorted(known):
            found = known[key]
            if found is None or found.then.contract_id != contract_id:
                continue
            named = any(covers(found.then.hardware_id, *one) for one in devices.items())
            if named and found.then.interval.overlap(span):
                yield Known(found.then, today.get(key), found.log_index)

    def _assignment(self, entry: Entry) -> Known[Assignment] | None:
        then = read_term(AGREEMENT_ENTRY, entry.reference, entry.entry)
        return Known(then, then, entry.log_index) if isinstance(then, Assignment) else None

    def _latest(self, kind: str, beginning: str) -> Mapping[str, Entry]:
        """The latest entry below the cut-off of each reference that begins so."""
        return self._unit.log.beginning(kind, beginning, self._size)

    def counted(self, report: StoredReport) -> bool:
        """Whether a report that counts today did so then: received, and restored if need be."""
        log, place = self._unit.log, (report.host_id, report.epoch, report.sequence)
        index = log.index_of_report(*place)
        if report.verdict != Verdict.ACCEPTED:
            index = log.index_of(RESTORATION_ENTRY, "/".join(map(str, place)))
        return index is not None and index < self._size
