"""The ledger's part of a claim's step: bookings become movements, in the unit of work of the step.

Every account that a step touches is locked at once and in one order, so that officers who work at
the same time wait for each other and never both. Allowances (a company's cap, the quota) are opened
from the rules when the first claim needs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kashi_server.domain.budget import Act, Budget, ClaimMoney
from kashi_server.domain.claim import Booking, BookingKind
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.ledger import Account, Movement
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_envelopes import envelopes_around, reserved_from
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim
from kashi_server.services.ledger import post


def budget_of(rules: RulesVersion, year: int) -> Budget:
    """The budget of a programme's year, with the allowances that its rules alone know; envelopes
    are other programmes' rules as well, see `claim_envelopes`."""
    return Budget(
        programme_id=rules.programme_id,
        year=year,
        counted=isinstance(rules.parameter("quota_per_year").value, int),
        capped=rules.fen("cap.company_year_yuan") is not None,
    )


def book(
    unit: ClaimsUnit, stored: StoredClaim, bookings: Sequence[Booking], event: ClaimEvent
) -> None:
    """Post what a step books.

    Raises:
        Refused: pool, cap, quota or envelope do not hold it; nothing is posted then.
    """
    if not bookings:
        return
    booking = _Booking(unit, stored, event)
    movements = [booking.movement(place, one) for place, one in enumerate(bookings)]
    allowances = booking.allowances() if _reserves(bookings) else []
    accounts = {
        posting.account
        for movement in (*movements, *(one.movement for one in allowances))
        for posting in movement.postings
    }
    balances = unit.ledger.lock(sorted(accounts, key=lambda one: one.name))
    for allowance in allowances:
        missing = allowance.amount + balances[allowance.source.name]
        if missing:
            post(unit, allowance.opened(missing), event.utc_ms)
    for movement in movements:
        post(unit, movement, event.utc_ms)


def _reserves(bookings: Sequence[Booking]) -> bool:
    return any(one.kind is BookingKind.RESERVE for one in bookings)


@dataclass(frozen=True, slots=True)
class _Allowance:
    """An allowance as the rules have it; `source` holds its negative once it is open."""

    movement: Movement
    amount: int
    source: Account

    def opened(self, missing: int) -> Movement:
        """The movement that opens what is missing of it, or takes back what is too much."""
        factor = missing
        postings = tuple(
            type(one)(one.account, factor if one.amount > 0 else -factor)
            for one in self.movement.postings
        )
        return Movement(
            key=self.movement.key,
            kind=self.movement.kind,
            reference=self.movement.reference,
            officer=self.movement.officer,
            reason=self.movement.reason,
            postings=postings,
        )


class _Booking:
    def __init__(self, unit: ClaimsUnit, stored: StoredClaim, event: ClaimEvent) -> None:
        self._unit = unit
        self._budget = budget_of(stored.rules, stored.batch.year)
        self._stored = stored
        self._event = event
        claim = stored.claim
        self._money = ClaimMoney(claim_id=claim.claim_id, company_id=claim.company_id)

    def movement(self, place: int, booking: Booking) -> Movement:
        """The movement of a booking."""
        kind, amount_fen, budget, money = (
            booking.kind,
            booking.amount_fen,
            self._budget,
            self._money,
        )
        act = self._act(f"{place}/{kind}")
        match kind:
            case BookingKind.RESERVE:
                around = envelopes_around(self._unit, self._stored.rules, budget.year)
                return replace(budget, envelopes=around).reserve(act, money, amount_fen)
            case BookingKind.RELEASE:
                taken = replace(budget, envelopes=reserved_from(self._unit, self._stored))
                return taken.release(act, money, amount_fen, whole=booking.whole)
            case BookingKind.ACCRUE | BookingKind.CERTIFY | BookingKind.DISBURSE:
                return budget.advance(act, money, amount_fen, kind.value)
            case BookingKind.RETREAT:
                return budget.retreat(act, money, amount_fen, "accrued")
            case BookingKind.UNCERTIFY:
                return budget.retreat(act, money, amount_fen, "certified")
            case BookingKind.CLAW_BACK:
                return budget.claw_back(act, money, amount_fen)
            case BookingKind.INTEREST:
                return budget.charge_interest(act, money, amount_fen)

    def allowances(self) -> list[_Allowance]:
        """What the rules allow the company and the year."""
        rules, budget, found = self._stored.rules, self._budget, []
        cap_fen = rules.fen("cap.company_year_yuan")
        if cap_fen:
            company_id = self._money.company_id
            found.append((budget.allow_company(self._act("cap"), company_id, cap_fen), cap_fen))
        quota = rules.parameter("quota_per_year").value
        if isinstance(quota, int) and quota:
            found.append((budget.allow_awards(self._act("quota"), quota), quota))
        return [
            _Allowance(
                movement=movement,
                amount=amount,
                source=next(one.account for one in movement.postings if one.amount < 0),
            )
            for movement, amount in found
        ]

    def _act(self, what: str) -> Act:
        event = self._event
        officer = f"{event.actor}, {event.second}" if event.second else event.actor
        return Act(
            key=f"claim/{event.claim_id}/{event.serial}/{what}",
            officer=officer,
            reason=event.reason_kept,
        )
