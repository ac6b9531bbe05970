"""Assignments as people read them: those of one's own contracts, and what waits for an answer."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kashi_server.domain.assignment_act import AssignmentAct, AssignmentHistory
from kashi_server.domain.contract import Contract
from kashi_server.errors import NotFound
from kashi_server.services.assignment import proposed_by_acts
from kashi_server.services.assignment_port import AssignmentUnit, AssignmentWork
from kashi_server.services.contract_sheet import ContractSheet, contract_sheet
from kashi_server.services.rows import PartyName
from kashi_server.services.sight import Reader
from kashi_server.services.views import EVERYBODY, NOT_THERE


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractRow:
    """A contract and what its sides are called."""

    contract: Contract
    provider: PartyName
    user: PartyName


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentRow:
    """An assignment with its history; `awaits_reader`: the reader is the one to answer."""

    history: AssignmentHistory
    provider: PartyName
    user: PartyName
    proposer: PartyName
    awaits_reader: bool
    is_readers: bool

    @property
    def assignment_id(self) -> str:
        """Its number."""
        return self.history.assignment.assignment_id


class AssignmentViews:
    """Reads assignments under a reader's scope."""

    def __init__(self, work: AssignmentWork) -> None:
        """Over a database, as the role that reads for pages."""
        self._work = work

    def contracts(self, reader: Reader) -> Sequence[ContractRow]:
        """The contracts a reader is a side of; every one for the office. By number."""
        with self._work.begin(writes=False, party=_scope(reader)) as unit:
            names = _names(unit)
            return [_contract_row(one, names) for one in _contracts(unit, reader).values()]

    def contract(
        self, reader: Reader, contract_id: str, minute: int
    ) -> tuple[ContractRow, ContractSheet]:
        """One contract, with its terms and prices as they hold at a UTC minute.

        Raises:
            NotFound: there is none, or it is of others.
        """
        with self._work.begin(writes=False, party=_scope(reader)) as unit:
            found = _contracts(unit, reader).get(contract_id)
            if found is None:
                raise NotFound(NOT_THERE)
            return _contract_row(found, _names(unit)), contract_sheet(unit, found, minute)

    def rows(self, reader: Reader) -> Sequence[AssignmentRow]:
        """Every assignment of these contracts: what awaits the reader first, then the latest."""
        with self._work.begin(writes=False, party=_scope(reader)) as unit:
            contracts = _contracts(unit, reader)
            histories = _histories(unit, contracts)
            names = _names(unit)
        rows = [_row(history, reader, names) for history in histories]
        rows.sort(key=lambda row: row.assignment_id)
        rows.sort(key=lambda row: row.history.assignment.interval.start, reverse=True)
        return sorted(rows, key=lambda row: (not row.awaits_reader, not _waits(row)))

    def row(self, reader: Reader, assignment_id: str) -> AssignmentRow:
        """One assignment.

        Raises:
            NotFound: there is none, or it is of a contract of others.
        """
        for row in self.rows(reader):
            if row.assignment_id == assignment_id:
                return row
        raise NotFound(NOT_THERE)

    def awaiting(self, reader: Reader) -> int:
        """How many proposals await the reader's answer."""
        return sum(row.awaits_reader for row in self.rows(reader))


def _scope(reader: Reader) -> str:
    return EVERYBODY if reader.party_id is None else reader.party_id


def _contracts(unit: AssignmentUnit, reader: Reader) -> Mapping[str, Contract]:
    return {
        one.contract_id: one
        for one in unit.expense.contracts()
        if reader.party_id is None or reader.party_id in one.sides
    }


def _names(unit: AssignmentUnit) -> Mapping[str, PartyName]:
    return {party.party_id: party for party in unit.views.parties()}


def _histories(
    unit: AssignmentUnit, contracts: Mapping[str, Contract]
) -> Sequence[AssignmentHistory]:
    stands = {
        one.assignment_id: one for one in unit.expense.assignments() if one.contract_id in contracts
    }
    acts: dict[str, list[AssignmentAct]] = defaultdict(list)
    for act in unit.assignments.acts():
        if act.contract_id in contracts:
            acts[act.assignment_id].append(act)
    found = []
    for assignment_id in stands.keys() | acts.keys():
        done = tuple(acts.get(assignment_id, ()))
        assignment = stands.get(assignment_id) or proposed_by_acts(done)
        assert assignment is not None
        contract = contracts[assignment.contract_id]
        found.append(
            AssignmentHistory(
                assignment=assignment,
                contract=contract,
                acts=done,
                stands=assignment_id in stands,
            )
        )
    return found


def _contract_row(contract: Contract, names: Mapping[str, PartyName]) -> ContractRow:
    return ContractRow(
        contract=contract,
        provider=_name(names, contract.provider_id),
        user=_name(names, contract.user_id),
    )


def _row(
    history: AssignmentHistory, reader: Reader, names: Mapping[str, PartyName]
) -> AssignmentRow:
    return AssignmentRow(
        history=history,
        provider=_name(names, history.contract.provider_id),
        user=_name(names, history.contract.user_id),
        proposer=_name(names, history.proposer_id or history.assignment.proposed_by),
        awaits_reader=reader.party_id is not None and history.awaited_id == reader.party_id,
        is_readers=reader.party_id is not None and history.proposer_id == reader.party_id,
    )


def _name(names: Mapping[str, PartyName], party_id: str) -> PartyName:
    return names.get(party_id) or PartyName(party_id=party_id, name_zh=party_id)


def _waits(row: AssignmentRow) -> bool:
    return row.history.standing.waits
