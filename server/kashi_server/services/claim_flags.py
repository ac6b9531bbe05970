"""What of a claim's steps still waits for somebody: flags that stand, money that may be recovered.

A flag says that an agreement changed under a claim, or that a paper fell away under one that ended
or is suspended. It stands until a step asks the worth again; of money that was paid by then, until
two officers recover it or let the claim go on. A stop is what becomes of a paid claim whose paper
fell away; it is settled in the same two ways.
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
"""The term of a flag, or of a stop, that says what of public money was out on that day; that of a
payment says what it paid."""
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
    """That something changed under a claim: when, in words, and what it came to then."""

    utc_ms: int
    reason: str
    comes_to_fen: int | None
    paid_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Recoverable:
    """A claim of which paid money may be recovered, since when and why.

    Attributes:
        stored: the claim.
        utc_ms: when it was told the last time.
        reason: why, in the words of that day.
        comes_to_fen: what it came to on that day; None: nobody asked, or nobody knows.
        due_fen: what of what is out was above that, less what was recovered since; where nobody
            knows what it came to, all that is out. 0: a stop alone keeps it on the list.
    """

    stored: StoredClaim
    utc_ms: int
    reason: str
    comes_to_fen: int | None
    due_fen: int

    @property
    def paid_fen(self) -> int:
        """What is out and not recovered."""
        return self.stored.claim.amounts.out_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class TellsDue:
    """What a word on a claim leaves due of what is out; not `known`: all, for nobody knows."""

    known: bool
    due_fen: int

    @classmethod
    def of(cls, comes_to_fen: int | None, out_fen: int) -> "TellsDue":
        """By what it comes to."""
        due_fen = max(0, out_fen - (comes_to_fen or 0))
        return cls(known=comes_to_fen is not None, due_fen=due_fen)


def last_told(events: Sequence[ClaimEvent], out_fen: int) -> TellsDue:
    """What the last word on a claim leaves due, whoever settled it since: officers who let it go on
    knew that word. Where nobody told anything, nothing is due."""
    told = [place for place, event in enumerate(events) if _tells(event)]
    if not told:
        return TellsDue(known=True, due_fen=0)
    last, later = events[told[-1]], events[told[-1] + 1 :]
    return TellsDue(known=_comes_to_fen(last) is not None, due_fen=_due_fen(last, later, out_fen))


def standing_flags(events: Sequence[ClaimEvent]) -> tuple[ClaimFlag, ...]:
    """Flags after which nobody asked the worth again, oldest first."""
    since = _since(events, lambda event: event.step in ASKING)
    return tuple(
        ClaimFlag(
            utc_ms=one.utc_ms,
            reason=one.reason,
            comes_to_fen=_comes_to_fen(one),
            paid_fen=parse_yuan(one.terms[PAID]),
        )
        for one in since
        if one.step == Step.FLAG
    )


def recoverable(stored: StoredClaim, events: Sequence[ClaimEvent]) -> Recoverable | None:
    """Whether of a claim's paid money something may be recovered; None: nothing says so.

    Of what was told since the matter was settled the last word counts: it asked the worth of
    everything anew. Two officers settle it: they let the claim go on, recover down to what it came
    to, or recover what they hold to be due and say that with it the matter is settled. While a stop
    holds the claim it stays, whatever it comes to.
    """
    out_fen = stored.claim.amounts.out_fen
    since = _since(events, _settled)
    told = [place for place, event in enumerate(since) if _tells(event)]
    if out_fen <= 0 or not told:
        return None
    last, later = since[told[-1]], since[told[-1] + 1 :]
    due_fen = _due_fen(last, later, out_fen)
    held = stored.claim.state is ClaimState.SUSPENDED and any(_stopped(one) for one in since)
    if due_fen == 0 and not held:
        return None
    return Recoverable(
        stored=stored,
        utc_ms=last.utc_ms,
        reason=last.reason,
        comes_to_fen=_comes_to_fen(last),
        due_fen=due_fen,
    )


def _due_fen(last: ClaimEvent, later: Sequence[ClaimEvent], out_fen: int) -> int:
    """What was out above what it came to, less what was recovered since; never below nothing."""
    recovered_fen = _sum_fen(later, Step.CLAW_BACK, "recovered_yuan")
    if PAID in last.terms:
        then_fen = parse_yuan(last.terms[PAID])
    else:
        then_fen = out_fen + recovered_fen - _sum_fen(later, Step.PAY, PAID)
    return max(0, then_fen - (_comes_to_fen(last) or 0) - recovered_fen)


def _sum_fen(events: Sequence[ClaimEvent], step: Step, term: str) -> int:
    return sum(parse_yuan(one.terms[term]) for one in events if one.step == step)


def _comes_to_fen(event: ClaimEvent) -> int | None:
    comes_to = event.terms.get(COMES_TO)
    return None if comes_to is None else parse_yuan(comes_to)


def _tells(event: ClaimEvent) -> bool:
    return event.step == Step.FLAG or _stopped(event)


def _stopped(event: ClaimEvent) -> bool:
    """A stop that tells no sum is one of which nobody knows what the claim came to."""
    return event.step == Step.REOPEN and event.after == ClaimState.SUSPENDED


def _settled(event: ClaimEvent) -> bool:
    return event.step == Step.RESUME or event.terms.get(SETTLES) is True


def _since(
    events: Sequence[ClaimEvent], settles: Callable[[ClaimEvent], bool]
) -> Sequence[ClaimEvent]:
    """What followed the last event that settles; everything where none does."""
    begins = max((place + 1 for place, one in enumerate(events) if settles(one)), default=0)
    return events[begins:]
