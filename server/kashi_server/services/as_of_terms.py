"""What was agreed, as the first entries of the log have it: of every agreement its latest entry.

Rows of agreements only tell how they stand today. The log keeps each of them every time it changed,
so a statement of any cut-off can be made again from the terms it was made from.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.interval import Month
from kashi_server.domain.party import Party
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.rules_data import rules_of_data
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.year_to_date import YearToDate
from kashi_server.services.agreement_entries import AGREEMENT_ENTRY, PRICE_ENTRY
from kashi_server.services.agreement_reading import Term, read_term
from kashi_server.services.log_port import Entry
from kashi_server.services.rulebook import RULES_ENTRY

ENTRIES_AT_ONCE: Final = 4096
_Kind = TypeVar("_Kind", bound=Term)


class EntriesPort(Protocol):
    """What is read of the log."""

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end), in order."""


class YearPort(Protocol):
    """What is read of the statements."""

    def earlier_in_year(
        self, month: Month, log_size: int | None = None
    ) -> Mapping[str, YearToDate]:
        """What the calendar year's months before this one came to, by user."""

    def rest_of_year(
        self, month: Month, without: Collection[str], log_size: int | None = None
    ) -> Mapping[str, YearToDate]:
        """What the statements of a month's calendar year come to, by user, but for some."""


class TermsAsOf:
    """Agreements and rules of the log's first `size` entries; fills `inputs_port.TermsPort`."""

    def __init__(self, log: EntriesPort, statements: YearPort, size: int) -> None:
        latest: dict[tuple[str, str], bytes] = {}
        rules: dict[str, bytes] = {}
        for one in _entries(log, size):
            if one.kind in (AGREEMENT_ENTRY, PRICE_ENTRY):
                latest[one.kind, one.reference] = one.entry
            elif one.kind == RULES_ENTRY:
                rules[one.reference] = one.entry
        read = (read_term(kind, reference, entry) for (kind, reference), entry in latest.items())
        self._terms = [term for term in read if term is not None]
        self._rules = [rules_of_data(json.loads(entry)) for entry in rules.values()]
        self._statements = statements
        self._size = size

    def _of(self, kind: type[_Kind]) -> list[_Kind]:
        return [term for term in self._terms if isinstance(term, kind)]

    def parties(self) -> Sequence[Party]:
        """All parties, by id."""
        return sorted(self._of(Party), key=lambda party: party.party_id)

    def tenures(self) -> Sequence[Tenure]:
        """All tenures, by host and start."""
        return sorted(self._of(Tenure), key=lambda one: (one.host_id, one.interval.start))

    def contracts(self) -> Sequence[Contract]:
        """All contracts, by id."""
        return sorted(self._of(Contract), key=lambda contract: contract.contract_id)

    def assignments(self) -> Sequence[Assignment]:
        """All assignments, by id."""
        return sorted(self._of(Assignment), key=lambda one: one.assignment_id)

    def prices(self) -> Sequence[Price]:
        """All prices, by id."""
        return sorted(self._of(Price), key=lambda price: price.price_id)

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """All rules versions, or a programme's, by start."""
        found = [one for one in self._rules if programme_id in (None, one.programme_id)]
        return sorted(found, key=lambda one: (one.programme_id, one.in_force.start))

    def earlier_in_year(self, month: Month) -> Mapping[str, YearToDate]:
        """What the calendar year's months before this one came to, by the statements known then."""
        return self._statements.earlier_in_year(month, self._size)

    def rest_of_year(self, month: Month, without: Collection[str]) -> Mapping[str, YearToDate]:
        """What the statements of a month's calendar year came to, by user, but for some; by those
        known then."""
        return self._statements.rest_of_year(month, without, self._size)


def _entries(log: EntriesPort, size: int) -> Iterator[Entry]:
    for start in range(0, size, ENTRIES_AT_ONCE):
        yield from log.entries(start, min(size, start + ENTRIES_AT_ONCE))
