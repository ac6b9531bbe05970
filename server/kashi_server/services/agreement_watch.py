"""Who is told of agreements that change: whoever keeps claims that rest on them.

Told once for each import, or correction of terms, in its own unit of work and before that commits:
what is told stands with the change, or both are undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kashi_server.services.expense_port import ExpenseUnit
from kashi_server.services.import_building import Agreement


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreementChange:
    """An agreement that is new or changed; `before` None: nothing stood under its key."""

    before: Agreement | None
    after: Agreement


class AgreementWatch(Protocol):
    """Hears of changed agreements."""

    def agreements_changed(
        self, unit: ExpenseUnit, changes: Sequence[AgreementChange], told_by: str
    ) -> None:
        """Take note in the same unit of work; what it raises undoes the change as well.

        Args:
            unit: the change's unit of work; not to be committed. It reads what was changed.
            changes: everything that changed with it.
            told_by: the login of whoever brought it, or both logins.
        """


class NobodyWatches:
    """Nobody keeps claims here."""

    def agreements_changed(
        self, unit: ExpenseUnit, changes: Sequence[AgreementChange], told_by: str
    ) -> None:
        """Nothing to do."""
