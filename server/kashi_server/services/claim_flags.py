"""What of a claim's steps still waits for somebody: flags that stand, money that may be recovered.

A flag says that an agreement changed under a claim. It stands until a step asks the worth again; of
money that was paid by then, until two officers recover it or let the claim go on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.money import parse_yuan
from kashi_server.services.claims_port import StoredClaim

COMES_TO: Final = "comes_to_yuan"
"""The term of a flag that says what the claim came to on that day; None: nobody knows."""
PAID: Final = "paid_yuan"
"""The term of a flag that says what of public money was out on that day."""

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
SETTLING: Final = (Step.RESUME, Step.CLAW_BACK)
"""By these two officers settle what of a stopped claim's paid money is recovered; of a flag's a
claw-back settles only what it brings down to what the claim comes to."""
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
        return self.paid_fen > (self.comes_to_fen or 0)


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
    return _after(events, ASKING)


def recoverable(stored: StoredClaim, events: Sequence[ClaimEvent]) -> Recoverable | None:
    """Whether of a claim's paid money something may be recovered; None: nothing says so."""
    amounts = stored.claim.amounts
    if amounts.disbursed_fen <= amounts.recovered_fen:
        return None
    out_fen = amounts.disbursed_fen - amounts.recovered_fen
    unsettled = _after(events, (Step.RESUME,))
    above = [one for one in unsettled if one.above and out_fen > (one.comes_to_fen or 0)]
    if above:
        last = above[-1]
        return Recoverable(
            stored=stored, utc_ms=last.utc_ms, reason=last.reason, comes_to_fen=last.comes_to_fen
        )
    stopped = [one for one in events if one.step == Step.REOPEN]
    if stored.claim.state is ClaimState.SUSPENDED and stopped:
        last_stop = stopped[-1]
        if last_stop.after == ClaimState.SUSPENDED and not _settled_since(events, last_stop.serial):
            return Recoverable(
                stored=stored, utc_ms=last_stop.utc_ms, reason=last_stop.reason, comes_to_fen=None
            )
    return None


def _settled_since(events: Sequence[ClaimEvent], serial: int) -> bool:
    return any(one.step in SETTLING and one.serial > serial for one in events)


def _after(events: Sequence[ClaimEvent], settling: Sequence[Step]) -> tuple[ClaimFlag, ...]:
    found: list[ClaimFlag] = []
    for event in events:
        if event.step == Step.FLAG:
            found.append(_flag(event))
        elif event.step in settling:
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
