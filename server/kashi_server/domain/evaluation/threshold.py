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
        return Outcome(state=state, reason=_UNKNOWN if asking.unknown else _NONE)
    if least_fen == 0:
        return Outcome(state=state, reason=_ZERO)
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
    year, least = yuan_text(year_fen), yuan_text(least_fen)
    inputs = (("year", year), ("threshold", least))
    reason = _reason(year, least, below=below[basis])
    if below[basis]:
        ended = replace(state, amounts=Amounts(), ended=True)
        return Outcome(state=ended, reason=reason, bound=_NAME, inputs=inputs)
    return Outcome(state=state, reason=reason, inputs=inputs)


_UNKNOWN = ("门槛未知，暂不适用", "nobody knows the threshold: none is applied")
_NONE = ("规则不设门槛", "the rules have no threshold")
_ZERO = ("规则门槛为 0 元，即无门槛", "the rules' threshold is 0 yuan: there is none to reach")
"""Rules of programmes without a threshold may say so by an amount."""


def _reason(year: str, least: str, *, below: bool | None) -> tuple[str, str]:
    """Both amounts in every case: which of them is the year's and which the rules' is said."""
    if below is None:
        return (
            f"已知全年 {year} 元，是否达到门槛 {least} 元不可知，暂不适用",
            f"of the year {year} yuan are known; whether it reaches {least} is not: not applied",
        )
    if below:
        return (
            f"全年 {year} 元，未达门槛 {least} 元",
            f"{year} yuan in the year do not reach the threshold of {least}",
        )
    return (
        f"全年 {year} 元，已达门槛 {least} 元",
        f"{year} yuan in the year reach the threshold of {least}",
    )


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
