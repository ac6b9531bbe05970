"""Proposals of one list, each checked against the book as it would be with those before it."""

from typing import Final

from kashi_server.domain.assignment_draft import HEADS, AssignmentDraft, head_of
from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.sheet import SheetMistake
from kashi_server.services.agreement_book import AgreementBook
from kashi_server.services.assignment_port import AssignmentUnit
from kashi_server.services.providing import ProvidersHosts

_COLUMNS: Final = {"hardware_id": "device", "confirmed_by": "from", "proposed_by": "contract"}
"""Fields of values -> columns, where those differ."""

NUMBER_PREFIX_MAX: Final = 56


def no_contract(draft: AssignmentDraft) -> SheetMistake:
    """A contract of others and one that is not there read the same."""
    said = (
        f"贵方名下没有该合同“{draft.contract_id}”，请填写贵方合同的编号。"
        f"you have no contract {draft.contract_id}; write the number of one of yours"
    )
    return SheetMistake(row=draft.row, column=head_of("contract"), message=said)


class Proposing:
    """Takes drafts one by one and keeps everything that is wrong with them."""

    def __init__(self, unit: AssignmentUnit, book: AgreementBook, party_id: str) -> None:
        """Over an open unit of work, for the party that proposes."""
        self._unit = unit
        self._book = book
        self._party_id = party_id
        self._hosts = ProvidersHosts(unit)
        self._used: dict[str, set[str]] = {}
        self.mistakes: list[SheetMistake] = []

    def take(self, draft: AssignmentDraft) -> Assignment | None:
        """The proposal of a draft; None where something speaks against it."""
        contract = self._book.contracts.get(draft.contract_id)
        if contract is None or self._party_id not in contract.sides:
            self.mistakes.append(no_contract(draft))
            return None
        before = len(self.mistakes)
        proposed = Assignment(
            assignment_id=self._number(draft, contract),
            contract_id=contract.contract_id,
            hardware_id=draft.hardware_id,
            interval=draft.interval,
            proposed_by=self._party_id,
        )
        self._check_device(draft, contract)
        for name, message in self._book.troubles(proposed):
            column = _COLUMNS.get(name, name)
            self._wrong(draft, column if column in HEADS else "from", message)
        if len(self.mistakes) > before:
            return None
        self._book.add(proposed)
        return proposed

    def _number(self, draft: AssignmentDraft, contract: Contract) -> str:
        """The number that is asked for, or the next free one of the contract."""
        if draft.assignment_id is not None:
            if self._is_taken(draft.assignment_id):
                said = f"编号 {draft.assignment_id} 已用，请换一个或留空。"
                en = f"the number {draft.assignment_id} is taken; choose another or leave it out"
                self._wrong(draft, "assignment", said + en)
            return draft.assignment_id
        used = self._used_in(contract.contract_id)
        prefix = contract.contract_id[:NUMBER_PREFIX_MAX]
        place = len(used) + 1
        while self._is_taken(f"{prefix}-{place:04d}"):
            place += 1
        used.add(f"{prefix}-{place:04d}")
        return f"{prefix}-{place:04d}"

    def _is_taken(self, assignment_id: str) -> bool:
        known = assignment_id in self._book.assignments
        return known or bool(self._unit.assignments.acts([assignment_id]))

    def _used_in(self, contract_id: str) -> set[str]:
        if contract_id not in self._used:
            stand = {
                one.assignment_id
                for one in self._book.assignments.values()
                if one.contract_id == contract_id
            }
            acts = self._unit.assignments.acts(contract_ids=[contract_id])
            self._used[contract_id] = stand | {act.assignment_id for act in acts}
        return self._used[contract_id]

    def _check_device(self, draft: AssignmentDraft, contract: Contract) -> None:
        """A proposal keeps others from the device: it must be one of the contract's provider."""
        if self._hosts.serve(contract, draft.hardware_id, draft.interval):
            return
        self._wrong(
            draft,
            "device",
            f"合同供给方的主机从未上报 {draft.hardware_id}，或其产权登记未覆盖全部时"
            "段；请与主机页面核对设备编号，等待首次上报，或提前结束时间。"
            f"no host of the contract's provider has reported {draft.hardware_id} and is the"
            " provider's in all of this time; compare the id with the host's page, wait for its"
            " first report, or end where the provider's tenure does",
        )

    def _wrong(self, draft: AssignmentDraft, column: str, message: str) -> None:
        one = SheetMistake(row=draft.row, column=head_of(column), message=message)
        self.mistakes.append(one)
