"""The book of agreements while it changes: what stands, what is added, and what may not be.

Every entry is checked against the book as it would be with all entries before it. History is kept:
a minute of a closed month never gets other terms, and what has begun may only end.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, replace

from kashi_server.domain.contract import (
    Assignment,
    Contract,
    check_assignment,
    check_disjoint,
)
from kashi_server.domain.contract_terms import Amendment
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.interval import Interval, instant_of
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.tariff import Price, check_price, check_revision
from kashi_server.domain.tenure import Tenure, check_tenure
from kashi_server.domain.voiding import Voiding
from kashi_server.errors import KashiError
from kashi_server.services.agreement_entries import AGREEMENT_ENTRY, dropped
from kashi_server.services.expense_port import ExpenseUnit
from kashi_server.services.import_building import Agreement
from kashi_server.services.paper_book import PAPERS, Paper, PaperBook

Trouble = tuple[str, str]
"""A field and what is wrong with it."""

CORRECTION = "kashi-server correct --month YYYY-MM --terms FILE"
"""The command by which two officers change what a closed month holds."""

_BROKEN: Trouble = ("", "")
"""Names an entry that cannot be read: its own mistake is told, not this one."""

_FREE: Mapping[type[Agreement], frozenset[str]] = {
    Party: frozenset({"name_zh", "name_en", "district", "established_on"}),
    Contract: frozenset({"unrelated_declared"}),
    Assignment: frozenset({"confirmed_by"}),
}
"""What may change of an entry that stands, besides its end."""

_FIELDS = {
    "owner_id": "owner",
    "operator_id": "operator",
    "provider_id": "provider",
    "user_id": "user",
    "contract_id": "contract",
    "yuan": "yuan_per_card_hour",
    "interval": "from",
    "term": "from",
}
"""How fields of values are called in files, where that differs."""


class AgreementBook:
    """Parties, tenures, contracts, assignments and prices by their keys."""

    def __init__(
        self,
        unit: ExpenseUnit,
        now_minute: int,
        broken: Collection[str] = (),
        *,
        reader_id: str | None = None,
        corrects: bool = False,
    ) -> None:
        """Read the book.

        Args:
            unit: the unit of work.
            now_minute: the UTC minute that is now.
            broken: keys of entries that are there but cannot be read: what names one of them is
                not refused for that.
            reader_id: the party that reads what is wrong; None: the office, which reads all.
            corrects: two officers correct what stands: closed months and prices that have begun
                may change then, and only a correction run carries it into statements.
        """
        expense = unit.expense
        self.parties = {party.party_id: party for party in expense.parties()}
        self.tenures = {(t.host_id, t.interval.start): t for t in expense.tenures()}
        self.contracts = {contract.contract_id: contract for contract in expense.contracts()}
        self.assignments = {found.assignment_id: found for found in expense.assignments()}
        self.prices = {price.price_id: price for price in expense.prices()}
        # What is kept of a proposal that was declined or withdrawn lies in closed months and
        # proposes nothing any more: it gives way to what two officers put there.
        self._answered = frozenset(expense.answered_proposals() if corrects else ())
        self._index_of = unit.log.index_of
        last = expense.last_close()
        self._closed_until = None if last is None or corrects else last.cut_off.event_end
        self._corrects = corrects
        self._now_minute = now_minute
        self._broken = broken
        self._reader_id = reader_id
        self.papers = PaperBook(unit.papers, broken)
        # By hardware: however a device or a proposal spells it, or tells its share.
        self._parents: Mapping[str, str | None] = {
            hardware_key(device.hardware_id): hardware_key(device.parent_hardware_id) or None
            for device in unit.facts.devices()
        }
        self._parts: dict[str | None, list[str]] = defaultdict(list)
        for part, parent in self._parents.items():
            self._parts[parent].append(part)
        self._by_device: dict[str | None, dict[str, Assignment]] = defaultdict(dict)
        for assignment in self.assignments.values():
            self._of_device(assignment)[assignment.assignment_id] = assignment

    @property
    def closed_until(self) -> int | None:
        """The UTC minute up to which months are closed; None: none is."""
        return self._closed_until

    def standing(self, agreement: Agreement) -> Agreement | None:
        """What stands under the same key."""
        match agreement:
            case Party():
                return self.parties.get(agreement.party_id)
            case Tenure():
                return self.tenures.get((agreement.host_id, agreement.interval.start))
            case Contract():
                return self.contracts.get(agreement.contract_id)
            case Assignment():
                return self.assignments.get(agreement.assignment_id)
            case Price():
                return self.prices.get(agreement.price_id)
            case Voiding():
                return agreement if self._is_void(agreement) else None
            case _:
                return self.papers.standing(agreement)

    def _is_void(self, voiding: Voiding) -> bool:
        """The log knows the assignment, and the book holds it no longer."""
        reference = dropped(voiding.assignment_id)[1]
        stands = voiding.assignment_id in self.assignments
        return not stands and self._index_of(AGREEMENT_ENTRY, reference) is not None

    def add(self, agreement: Agreement) -> None:
        """Take an entry into the book."""
        match agreement:
            case Party():
                self.parties[agreement.party_id] = agreement
            case Tenure():
                self.tenures[agreement.host_id, agreement.interval.start] = agreement
            case Contract():
                self.contracts[agreement.contract_id] = agreement
            case Assignment():
                self.assignments[agreement.assignment_id] = agreement
                self._of_device(agreement)[agreement.assignment_id] = agreement
            case Price():
                self.prices[agreement.price_id] = agreement
            case Voiding():
                gone = self.assignments.pop(agreement.assignment_id, None)
                if gone is not None:
                    del self._of_device(gone)[gone.assignment_id]
            case _:
                self.papers.add(agreement)

    def merged(self, agreement: Agreement) -> Agreement:
        """An entry with what it leaves open filled from what stands.

        So a file that proposes an assignment does not take back a confirmation given since.
        """
        if isinstance(agreement, PAPERS):
            return self.papers.merged(agreement, self.contracts)
        old = self.standing(agreement)
        if old is None:
            return agreement
        kept = {
            name: getattr(old, name)
            for name in _FREE.get(type(agreement), ())
            if getattr(agreement, name) in (None, "")
        }
        filled = replace(agreement, **kept)
        if isinstance(filled, Contract) and isinstance(old, Contract):
            return self.papers.held_contract(filled, old)
        return filled

    def following(self, agreement: Agreement) -> Iterator[Contract]:
        """What changes with an entry that was added: a contract, by its amendment."""
        if isinstance(agreement, Amendment | RelatedDeclaration):
            contract = self.contracts[agreement.contract_id]
            amended = self.papers.amended_contract(agreement, contract)
            if amended != contract:
                yield amended

    def troubles(self, agreement: Agreement) -> list[Trouble]:
        """Everything that speaks against an entry."""
        if isinstance(agreement, PAPERS):
            found = list(self._of_paper(agreement))
            return [trouble for trouble in found if trouble != _BROKEN]
        found = [*self._references(agreement)]
        if not found:
            found += self._history(agreement)
            found += self._rules(agreement)
        return [trouble for trouble in found if trouble != _BROKEN]

    def _of_paper(self, paper: Paper) -> Iterator[Trouble]:
        found = [*self.papers.troubles(paper, self.contracts, self.parties)]
        found += self.papers.changed(paper)
        yield from found
        if found or self.standing(paper) is not None:
            return
        if isinstance(paper, Amendment | RelatedDeclaration) and (
            contract := self.contracts.get(paper.contract_id)
        ):
            amended = self.papers.amended_contract(paper, contract)
            yield from self._closed("until", contract, amended.term)
            yield from self._kept_in_term(amended)

    def _references(self, agreement: Agreement) -> Iterator[Trouble]:
        match agreement:
            case Tenure():
                yield from self._party("owner", agreement.owner_id)
                yield from self._party("operator", agreement.operator_id)
            case Contract():
                yield from self._party("provider", agreement.provider_id, PartyKind.PROVIDER)
                yield from self._party("user", agreement.user_id, PartyKind.COMPANY)
            case Assignment() | Price() if agreement.contract_id in self._broken:
                yield _BROKEN
            case Voiding() if not self._corrects:
                yield (
                    "assignment",
                    (
                        "指派作废须由两名经办人办理。"
                        f"two officers declare an assignment void: {CORRECTION}"
                    ),
                )
            case Voiding() if agreement.assignment_id not in (*self.assignments, *self._broken):
                if not self._is_void(agreement):
                    yield (
                        "assignment",
                        (
                            f"没有指派 {agreement.assignment_id}，请核对编号。"
                            f"there is no assignment {agreement.assignment_id}"
                        ),
                    )
            case Assignment() | Price() if agreement.contract_id not in self.contracts:
                yield (
                    "contract",
                    (
                        f"没有合同 {agreement.contract_id}，请核对编号。"
                        f"there is no contract {agreement.contract_id}"
                    ),
                )

    def _party(self, name: str, party_id: str, kind: PartyKind | None = None) -> Iterator[Trouble]:
        party = self.parties.get(party_id)
        if party is None and party_id in self._broken:
            yield _BROKEN
        elif party is None:
            yield (
                name,
                (
                    f"没有主体 {party_id}，请补充 [[party]]。"
                    f"there is no party {party_id}; add a [[party]]"
                ),
            )
        elif kind is not None and party.kind is not kind:
            yield (
                name,
                (
                    f"主体类别不符：{party_id} 为 {party.kind}，此处须为 {kind}。"
                    f"{party_id} is a {party.kind}, not a {kind}"
                ),
            )

    def _history(self, agreement: Agreement) -> Iterator[Trouble]:
        old = self.standing(agreement)
        if old is not None and not isinstance(agreement, Price):
            yield from _fixed(old, agreement)
        interval = _interval(agreement)
        if old == agreement or self._closed_until is None or interval is None:
            return
        if isinstance(agreement, Contract):
            yield from self._closed("until", old, interval)
            return
        if interval.start < self._closed_until:
            if old is None:
                yield "from", self._closed_text()
            elif isinstance(old, Assignment) and not old.confirmed:
                yield "confirmed_by", self._closed_text()
        yield from self._closed("until", old, interval)

    def _closed(self, name: str, old: Agreement | None, interval: Interval) -> Iterator[Trouble]:
        before = None if old is None else _interval(old)
        if before is None or before.end == interval.end or self._closed_until is None:
            return
        ends = [end for end in (before.end, interval.end) if end is not None]
        if any(end < self._closed_until for end in ends):
            yield name, self._closed_text()

    def _closed_text(self) -> str:
        until = instant_of(self._closed_until or 0).isoformat()
        return (
            f"{until} 以前的月份已关账，其中内容须作更正。"
            f"months are closed until {until}; what lies before is a"
            f" correction: {CORRECTION}"
        )

    def _rules(self, agreement: Agreement) -> Iterator[Trouble]:
        match agreement:
            case Tenure():
                yield from _trouble("from", check_tenure, agreement, self.tenures.values())
            case Contract():
                yield from self.papers.end_stated(agreement, self.contracts)
                yield from self._kept_in_term(agreement)
            case Assignment():
                contract = self.contracts[agreement.contract_id]
                yield from _trouble("proposed_by", check_assignment, agreement, contract)
                near = [one for one in self._near(agreement) if not self._gives_way(one)]
                yield from _trouble(
                    "from", check_disjoint, agreement, near, self._parents, self._may_name
                )
            case Price():
                yield from _trouble("from", check_price, agreement, self.prices.values())
                old = self.prices.get(agreement.price_id)
                if old is not None and not self._corrects:
                    yield from _trouble("from", check_revision, old, agreement, self._now_minute)
            case Party() | Voiding():
                pass

    def _near(self, assignment: Assignment) -> Iterator[Assignment]:
        """The assignments of its device, of what that is cut from, and of what it is cut into."""
        device = hardware_key(assignment.hardware_id)
        for near in (device, self._parents.get(device), *self._parts.get(device, ())):
            yield from self._by_device.get(near, {}).values()

    def _of_device(self, assignment: Assignment) -> dict[str, Assignment]:
        return self._by_device[hardware_key(assignment.hardware_id)]

    def giving_way(self, agreement: Agreement) -> Iterator[Voiding]:
        """Remainders of answered proposals in the time of an assignment that is put there."""
        if isinstance(agreement, Assignment):
            for other in list(self._near(agreement)):
                mine = other.assignment_id == agreement.assignment_id
                if (
                    not mine
                    and self._gives_way(other)
                    and other.interval.overlap(agreement.interval)
                ):
                    yield Voiding(assignment_id=other.assignment_id)

    def _gives_way(self, other: Assignment) -> bool:
        return not other.confirmed and other.assignment_id in self._answered

    def _may_name(self, other: Assignment) -> bool:
        """Whether the reader is told of another assignment: of one's own contracts only."""
        contract = self.contracts.get(other.contract_id)
        return self._reader_id is None or (
            contract is not None and self._reader_id in contract.sides
        )

    def _kept_in_term(self, contract: Contract) -> Iterator[Trouble]:
        for assignment in self.assignments.values():
            if assignment.contract_id == contract.contract_id:
                yield from _trouble("until", check_assignment, assignment, contract)


def _trouble(name: str, check: Callable[..., None], *values: object) -> Iterator[Trouble]:
    try:
        check(*values)
    except KashiError as error:
        yield name, str(error)


def _interval(agreement: Agreement) -> Interval | None:
    match agreement:
        case Contract():
            return agreement.term
        case Tenure() | Assignment() | Price():
            return agreement.interval
        case _:
            return None


def _fixed(old: Agreement, new: Agreement) -> Iterator[Trouble]:
    for field in fields(old):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if isinstance(before, Interval):
            before, after = before.start, after.start
        decided = field.name == "confirmed_by" and before is not None
        if before != after and (field.name not in _FREE.get(type(old), ()) or decided):
            name = _FIELDS.get(field.name, field.name)
            differs = f"differs from what stands ({before}); only its end may be changed"
            yield name, f"与现有内容（{before}）不同，仅可更改结束时间。{differs}"
