"""What assigning asks of storage besides agreements: acts, the audit trail, whose a host is."""

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from kashi_server.domain.assignment_act import AssignmentAct
from kashi_server.services.accounts import AuditEntry
from kashi_server.services.expense_port import ExpenseUnit
from kashi_server.services.rows import PartyName
from kashi_server.services.sight import Sight


class AssignmentsPort(Protocol):
    """Acts about assignments."""

    def acts(
        self,
        assignment_ids: Collection[str] | None = None,
        contract_ids: Collection[str] | None = None,
    ) -> Sequence[AssignmentAct]:
        """Every act, or those about some assignments or contracts, by assignment and number."""

    def add_act(self, act: AssignmentAct) -> None:
        """Add an act; it never changes."""

    def drop(self, assignment_id: str) -> None:
        """Take a proposal that was not confirmed out of the assignments."""


class TrailPort(Protocol):
    """The audit trail."""

    def record(self, entry: AuditEntry) -> None:
        """Add a line."""


class SightPort(Protocol):
    """Whose a host is, and what parties are called."""

    def sight(self, party_id: str | None) -> Sight:
        """What a party may see."""

    def parties(self) -> Sequence[PartyName]:
        """Every registered party that this unit shows."""


class AssignmentUnit(ExpenseUnit, Protocol):
    """A unit of work as assigning needs it."""

    @property
    def assignments(self) -> AssignmentsPort:
        """Acts."""

    @property
    def accounts(self) -> TrailPort:
        """The audit trail."""

    @property
    def views(self) -> SightPort:
        """Sight."""


class AssignmentWork(Protocol):
    """Opens units of work."""

    def begin(
        self, *, writes: bool = True, party: str = ""
    ) -> AbstractContextManager[AssignmentUnit]:
        """Open one; the database itself shows it the rows of `party` only, `*` for all."""
