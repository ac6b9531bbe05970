"""What of a claim's steps still waits for somebody: flags that stand, money that may be recovered.

A flag says that an agreement changed under a claim. It stands until a step asks the worth again; of
money that was paid by then, until two officers recover it or let the claim go on. A stop is what
becomes of a paid claim whose paper fell away; it is settled in the same two ways.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.money import parse_yuan
from kashi_server.services.claims_port import StoredClaim

COMES_TO: Final = "comes_to_yuan"
"""The term of a step that says what the claim came to on that day; None: nobody knows."""
PAID: Final = "paid_yuan"
"""The term of a flag, or of a stop, that says what of public money was out on that day."""
SETTLES: Final = "settles"
"""The term of a claw-back by which its officers say that no more is to be recovered."""

ASKING: Final = (
    Step.SUBMIT,
    Step.CHECK,
    Step.ASSESS,
    Step.APPROVE,
    Step.ISSUE,
    Step.VERIFY,
    Step.PAY,
    Step.REOPEN,
    Step.RESUME,
    Step.CLAW_BACK,
)
"""Steps that ask the worth anew, or by which officers settle what became of it."""
TROUBLING: Final = (Step.FLAG, Step.REOPEN)
"""Steps by which a claim may come among those to be recovered from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFlag:
    """That an agreement changed under a claim: when, in words, and what it came to then."""

    utc_ms: int
    reason: str
    comes_to_fen: int | None
    paid_fen: int

    @property
    def above(self) -> bool:
        """More was paid than it came to, or nobody knows what it came to."""
        return self.below(self.paid_fen)

    def below(self, out_fen: int) -> bool:
        """It came to less than is out, or nobody knows what it came to."""
        return out_fen > (self.comes_to_fen or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoverable:
    """A claim of which paid money may be recovered, since when and why.

    `comes_to_fen`: None where nobody asked, or nobody knows.
    """

    stored: StoredClaim
    utc_ms: int
    reason: str
    comes_to_fen: int | None

    @property
    def paid_fen(self) -> int:
        """What is out and not recovered."""
        amounts = self.stored.claim.amounts
        return amounts.disbursed_fen - amounts.recovered_fen


def standing_flags(events: Sequence[ClaimEvent]) -> tuple[ClaimFlag, ...]:
    """Flags after which nobody asked the worth again, oldest first."""
    return _since(events, _flagged, lambda event: event.step in ASKING)


def recoverable(stored: StoredClaim, events: Sequence[ClaimEvent]) -> Recoverable | None:
    """Whether of a claim's paid money something may be recovered; None: nothing says so.

    Two officers settle it: they let the claim go on, recover down to what it came to, or recover
    what they hold to be due and say that with it the matter is settled.
    """
    amounts = stored.claim.amounts
    out_fen = amounts.disbursed_fen - amounts.recovered_fen
    if out_fen <= 0:
        return None
    flags = [one for one in _since(events, _flagged, _settled) if one.above]
    stops = _since(events, _stopped, _settled)
    stands = stored.claim.state is ClaimState.SUSPENDED
    open_ones = [
        *(one for one in stops if stands or one.below(out_fen)),
        *(one for one in flags if one.below(out_fen)),
    ]
    if not open_ones:
        return None
    last = max(open_ones, key=lambda one: one.utc_ms)
    return Recoverable(
        stored=stored, utc_ms=last.utc_ms, reason=last.reason, comes_to_fen=last.comes_to_fen
    )


def _flagged(event: ClaimEvent) -> bool:
    return event.step == Step.FLAG


def _stopped(event: ClaimEvent) -> bool:
    """Public money was out by then: where none was, a stop tells no sum."""
    return event.step == Step.REOPEN and PAID in event.terms


def _settled(event: ClaimEvent) -> bool:
    return event.step == Step.RESUME or event.terms.get(SETTLES) is True


def _since(
    events: Sequence[ClaimEvent],
    raises: Callable[[ClaimEvent], bool],
    settles: Callable[[ClaimEvent], bool],
) -> tuple[ClaimFlag, ...]:
    found: list[ClaimFlag] = []
    for event in events:
        if raises(event):
            found.append(_flag(event))
        elif settles(event):
            found.clear()
    return tuple(found)


def _flag(event: ClaimEvent) -> ClaimFlag:
    comes_to = event.terms.get(COMES_TO)
    return ClaimFlag(
        utc_ms=event.utc_ms,
        reason=event.reason,
        comes_to_fen=None if comes_to is None else parse_yuan(comes_to),
        paid_fen=parse_yuan(event.terms[PAID]),
    )
