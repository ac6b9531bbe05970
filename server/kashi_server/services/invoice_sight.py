"""What a party sees of an invoice's past, where two officers let another content of it stand.

Allocations, payments and statuses are kept by number, and the number may have been another buyer's:
of each a party sees what is its own. On PostgreSQL row-level security holds the same once more.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from kashi_server.domain.contract import Contract
from kashi_server.services.acting import Acting
from kashi_server.services.papers_port import (
    Allocation,
    InvoiceDecision,
    InvoicesPort,
    StatusChange,
)


class SightUnit(Protocol):
    """A unit of work as this needs it."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""


def statuses_seen(unit: SightUnit, number: str, acting: Acting) -> tuple[StatusChange, ...]:
    """How an invoice stood: for the office ever, for a party since this content of it stands."""
    statuses = tuple(unit.invoices.statuses(number))
    if acting.party_id is None:
        return statuses
    # The portal's role sees no decision: the database has left out what was before it.
    switched = _switched(unit.invoices.decisions(number))
    if switched is None:
        return statuses
    first = max((one.change for one in statuses if _is_of(one, switched)), default=None)
    return tuple(one for one in statuses if first is not None and one.change >= first)


def own_allocations(
    allocations: Iterable[Allocation], contracts: Iterable[Contract], party_id: str | None
) -> tuple[Allocation, ...]:
    """What claims took, as far as the reader sees it: of the contracts that it uses itself."""
    own = {one.contract_id for one in contracts if party_id in (None, one.user_id)}
    return tuple(one for one in allocations if party_id is None or one.contract_id in own)


def _switched(decisions: Sequence[InvoiceDecision]) -> InvoiceDecision | None:
    """The latest decision by which another content stood than before it."""
    found, before = None, 1
    for one in decisions:
        if one.version != before:
            found = one
        before = one.version
    return found


def _is_of(status: StatusChange, decision: InvoiceDecision) -> bool:
    """Whether a status is the one that a decision set."""
    said = (status.source, status.told_by, status.told_utc_ms)
    return status.decided and said == (
        decision.document,
        decision.decided_by,
        decision.decided_utc_ms,
    )
