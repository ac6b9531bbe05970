"""Which awards of a company came before that of a claim, and so are held against its limits.

A limit of a company is asked of every award on the day it is approved. One that is approved later,
by way of exception or under rules that give more years, takes nothing back of what came before it.
"""

from collections.abc import Sequence
from typing import Final

from kashi_server.domain.claim_states import Step
from kashi_server.domain.parameters import NONE
from kashi_server.services.claim_remembering import once
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

PRINCIPLE: Final = "cap.company_year_principle_yuan"
YEARS: Final = "years_max"


class AwardsBefore:
    """Looks at a company's awards as a claim stood to them when it was approved."""

    def __init__(self, unit: ClaimsUnit, stored: StoredClaim) -> None:
        """For one claim; nothing is read before it is asked for."""
        self._unit = unit
        self._stored = stored

    def held_against(self, limit: str, found: Sequence[StoredClaim]) -> Sequence[StoredClaim]:
        """Claims whose awards count towards a limit of the claim's rules.

        Where they know none nobody asks which came first; every other cap is the ledger's, which
        holds it in whichever order.
        """
        if self._stored.rules.parameter(limit).value in (None, NONE):
            return found
        own_utc_ms = self._approved_utc_ms(self._stored)
        if own_utc_ms is None:
            return found
        return [one for one in found if (self._approved_utc_ms(one) or 0) <= own_utc_ms]

    def _approved_utc_ms(self, stored: StoredClaim) -> int | None:
        """When what stands of it was approved; None: nothing is."""
        if not stored.claim.amounts.awarded_fen:
            return None
        claim_id = stored.claim.claim_id
        return once(self._unit, ("approved", claim_id), lambda: self._last_approval_ms(claim_id))

    def _last_approval_ms(self, claim_id: str) -> int | None:
        events = self._unit.claims.events(claim_id)
        return max((one.utc_ms for one in events if one.step == Step.APPROVE), default=None)
