"""Uses of a voucher, followed step by step: which wait to be paid, which are paid, and what expense
of the paid ones still counts once the voucher ended.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.money import parse_yuan
from kashi_server.services.claims_port import ClaimsUnit

FELL_AWAY: Final = "fell_away"
"""The term of a resume that says which paper fell away meanwhile."""
PAID_ELIGIBLE: Final = "paid_eligible_yuan"
"""The term of a step by which a voucher ends of which something was paid, and of a word on one that
ended so: how much expense of its paid uses is eligible. Their papers are nobody else's."""
ENDS_PAID: Final = (ClaimState.EXPIRED, ClaimState.WITHDRAWN)
"""What ended so gives back what nobody was paid on; what was paid on stays expense of the year."""


class UsingStep(Protocol):
    """A step of a claim, as stored or as the log has it."""

    @property
    def serial(self) -> int:
        """Its number."""

    @property
    def step(self) -> str:
        """Which."""

    @property
    def after(self) -> str:
        """How the claim stood then."""

    @property
    def terms(self) -> Mapping[str, Any]:
        """What it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidUses:
    """Uses that one payment paid, by their serials, and how much it was."""

    serials: tuple[int, ...]
    paid_fen: int


@dataclass(slots=True)
class VoucherUses:
    """How a voucher's uses stand after the steps that were followed.

    Attributes:
        waiting: serials of the uses after the last payment and taking back.
        paid: payment by payment, oldest first.
        told_fen: what the last step that tells it says of the paid uses' expense; None: none does,
            and it is what they were found to be when they were made.
    """

    waiting: list[int] = field(default_factory=list)
    paid: list[PaidUses] = field(default_factory=list)
    told_fen: int | None = None

    @property
    def paid_serials(self) -> tuple[int, ...]:
        """Of all payments."""
        return tuple(serial for one in self.paid for serial in one.serials)

    def follow(self, event: UsingStep) -> None:
        """Go one step on."""
        if event.step == Step.USE:
            self.waiting.append(event.serial)
        elif event.step == Step.PAY:
            paid_fen = parse_yuan(event.terms["paid_yuan"])
            self.paid.append(PaidUses(serials=tuple(self.waiting), paid_fen=paid_fen))
            self.waiting.clear()
        elif _takes_back(event):
            self.waiting.clear()
        if PAID_ELIGIBLE in event.terms:
            self.told_fen = parse_yuan(event.terms[PAID_ELIGIBLE])
        elif event.step == Step.FLAG and event.after in ENDS_PAID and self.told_fen is None:
            # Something changed under what ended, and nobody said what is left of it.
            self.told_fen = 0


def voucher_uses(events: Iterable[UsingStep]) -> VoucherUses:
    """How the uses stand after all steps of a claim."""
    uses = VoucherUses()
    for event in events:
        uses.follow(event)
    return uses


def open_uses(unit: ClaimsUnit, claim_id: str) -> Sequence[int]:
    """Serials of the uses that are not paid: those after the last payment and taking back."""
    return voucher_uses(unit.claims.events(claim_id)).waiting


def paid_uses(unit: ClaimsUnit, claim_id: str) -> Sequence[PaidUses]:
    """Uses that are paid, payment by payment, oldest first."""
    return voucher_uses(unit.claims.events(claim_id)).paid


def _takes_back(event: UsingStep) -> bool:
    """Whether what was used is the voucher's again; a resume does so where papers fell away."""
    if event.step == Step.RESUME:
        return FELL_AWAY in event.terms
    return event.step in (Step.RETURN, Step.REOPEN) and event.after in (
        ClaimState.ISSUED,
        ClaimState.PARTIALLY_USED,
    )
