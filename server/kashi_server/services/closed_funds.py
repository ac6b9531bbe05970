"""Funds that nobody opened yet: a programme's pool, an envelope around it. They stop approvals.

An approval takes from the pool and from every envelope around it; one that was registered and never
opened holds nothing. An officer is told before finding out at the approval.
"""

from dataclasses import dataclass

from kashi_server.domain.batch import Batch
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claim_envelopes import envelopes_around
from kashi_server.services.claims_port import ClaimsUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedFund:
    """A pool or an envelope of a year into which no money was put.

    `programme_id`: whose pool, or the envelope's own name.
    """

    programme_id: str
    year: int
    is_envelope: bool

    @property
    def command(self) -> str:
        """What two officers type to open it."""
        return (
            f"kashi-server ledger appropriate {self.programme_id} {self.year} YUAN"
            " --officer LOGIN --second LOGIN --reason REASON --document DOCUMENT"
        )


def closed_funds(unit: ClaimsUnit, rules: RulesVersion, batch: Batch) -> tuple[ClosedFund, ...]:
    """What keeps a batch's claims from being approved: its pool first, envelopes by name."""
    year = batch.year
    pool = () if _opened(unit, f"pool:{budget_of(rules, year)}") else (rules.programme_id,)
    around = envelopes_around(unit, rules, year)
    empty = [one for one in around if not _opened(unit, f"envelope:{one}/{year}")]
    return (
        *(ClosedFund(programme_id=one, year=year, is_envelope=False) for one in pool),
        *(ClosedFund(programme_id=one, year=year, is_envelope=True) for one in empty),
    )


def _opened(unit: ClaimsUnit, account: str) -> bool:
    return account in unit.ledger.amounts((account,))
