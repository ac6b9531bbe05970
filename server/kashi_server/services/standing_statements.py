"""The statements of a month that stand, and those of them that its facts part from by now.

A city's month is thousands of statements, and of most of them nothing changes. Each is read by
itself and left again; lines are kept of those alone that differ.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kashi_server.domain.booked_line import LineData, same_lines
from kashi_server.domain.correction import StandingRevision
from kashi_server.domain.statement import Statement
from kashi_server.services.expense_port import StatementHead, StoredStatement

Read = Callable[[str, int], StoredStatement | None]
"""A statement by its number and revision."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parted:
    """Statements whose lines differ, by number: as they stand, and as the facts have them."""

    standing: Mapping[str, StandingRevision]
    fresh: Mapping[str, Sequence[LineData]]


class StandingStatements:
    """Latest revisions, whose they are, and what parts them from others."""

    def __init__(self, heads: Sequence[StatementHead], read: Read) -> None:
        """Of the latest revision of each of a month's statements.

        Args:
            heads: which they are.
            read: reads one of them, for as long as they are asked.
        """
        self._heads = sorted(heads, key=lambda one: one.number)
        self._read = read
        self.contract_ids = frozenset(
            one.contract_id for one in heads if one.contract_id is not None
        )
        self.party_ids = frozenset(one.user_id for one in heads if one.contract_id is None)

    def parted(self, fresh: Mapping[str, Statement]) -> Parted:
        """Those that are not, line by line, what the facts come to, and the new ones."""
        standing: dict[str, StandingRevision] = {}
        lines: dict[str, Sequence[LineData]] = {}
        for head in self._heads:
            before, after = self._revision(head), _lines_of(fresh.get(head.number))
            if not same_lines(head.number, before.lines, after):
                standing[head.number], lines[head.number] = before, after
        for number in fresh.keys() - {head.number for head in self._heads}:
            lines[number] = _lines_of(fresh[number])
        return Parted(standing=standing, fresh=lines)

    def _revision(self, head: StatementHead) -> StandingRevision:
        stored = self._read(head.number, head.revision)
        assert stored is not None, "statements are never deleted"
        return StandingRevision(
            number=stored.number,
            revision=stored.revision,
            sha256=stored.sha256.hex(),
            lines=json.loads(stored.content)["lines"],
        )


def _lines_of(statement: Statement | None) -> Sequence[LineData]:
    return [] if statement is None else [line.to_data() for line in statement.lines]
