"""Step 7, threshold: less than that in a year earns nothing. A cliff, not a ramp."""

from dataclasses import dataclass, replace

from kashi_server.domain.evaluation.amounts import Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.money import yuan_text

_NAME = "threshold.year_yuan"


def threshold(state: State, asking: Asking) -> Outcome:
    """Hold the year's expense against the threshold."""
    least_fen = asking.fen(_NAME)
    if least_fen is None:
        return Outcome(state=state, reason=("无适用门槛", "no threshold applies"))
    years = {"eligible": _eligible(state), "contract": _contract(state)}
    below = {name: year.below(least_fen) for name, year in years.items()}
    # Where nobody knows which of the two it is, it is the eligible expense, and told.
    parted = below["eligible"] is not below["contract"]
    contract = parted and asking.text("threshold.basis") == "contract"
    basis = "contract" if contract else "eligible"
    year_fen = years[basis].known_fen
    if below[basis] is None:
        for fact in years[basis].missing:
            asking.lacks(fact)
    inputs = (("year", yuan_text(year_fen)), ("threshold", yuan_text(least_fen)))
    if below[basis]:
        return Outcome(
            state=replace(state, amounts=Amounts(), ended=True),
            reason=(
                f"全年 {yuan_text(year_fen)} 元，未达 {yuan_text(least_fen)} 元",
                f"{yuan_text(year_fen)} yuan in the year do not reach {yuan_text(least_fen)}",
            ),
            bound=_NAME,
            inputs=inputs,
        )
    least = yuan_text(least_fen)
    reason = (f"已达 {least} 元", f"reaches {least} yuan")
    if below[basis] is None:
        reason = (
            f"是否达到 {least} 元不可知，暂不适用",
            f"nobody knows whether it reaches {least} yuan: not applied",
        )
    return Outcome(state=state, reason=reason, inputs=inputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Year:
    """A year's expense: what is known of it, and what is missing."""

    known_fen: int
    missing: tuple[str, ...]

    def below(self, least_fen: int) -> bool | None:
        """Whether it stays below; what is missing may still lift it."""
        if self.known_fen >= least_fen:
            return False
        return None if self.missing else True


def _eligible(state: State) -> _Year:
    other_fen = state.case.standing.year_eligible_fen
    return _Year(
        known_fen=state.amounts.total_fen + (other_fen or 0),
        missing=("standing.year_eligible_yuan",) if other_fen is None else (),
    )


def _contract(state: State) -> _Year:
    parts = {
        "part.contract_yuan": state.contract_fen,
        "standing.year_contract_yuan": state.case.standing.year_contract_fen,
    }
    return _Year(
        known_fen=sum(filter(None, parts.values())),
        missing=tuple(name for name, fen in parts.items() if fen is None),
    )
