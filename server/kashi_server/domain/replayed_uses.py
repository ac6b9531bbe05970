"""Uses of a voucher under other rules: what was paid on stays expense of the year once it ended."""

from dataclasses import dataclass, field

from kashi_server.domain.evaluation.evaluate import evaluate
from kashi_server.domain.replayed_claim import EndedPaid, UseThen
from kashi_server.domain.rules import RulesVersion


@dataclass(frozen=True, slots=True)
class _Eligible:
    """What of a use is eligible: as it was kept, and as it is replayed."""

    then_fen: int
    now_fen: int


@dataclass(slots=True)
class ReplayedUses:
    """A voucher's uses, each evaluated again; `ended`: how it ended, where something was paid."""

    ended: EndedPaid | None = None
    _uses: dict[int, _Eligible] = field(default_factory=dict)

    def evaluated(self, use: UseThen, rules: RulesVersion) -> None:
        """Evaluate a use under rules."""
        now_fen = evaluate(rules, use.case).eligible_fen or 0
        self._uses[use.serial] = _Eligible(use.eligible_fen, now_fen)

    def more_fen(self) -> int:
        """By how much its paid uses bring more towards a year's threshold than was told of them;
        nothing where it did not end so.

        What fell away of them since they were made stays the share of them that it was.
        """
        if self.ended is None:
            return 0
        ended = self.ended
        uses = [self._uses[one] for one in ended.serials if one in self._uses]
        then_fen, now_fen = sum(one.then_fen for one in uses), sum(one.now_fen for one in uses)
        told_fen = then_fen if ended.told_fen is None else ended.told_fen
        if told_fen >= then_fen:
            return now_fen - then_fen
        return now_fen * told_fen // then_fen - told_fen
