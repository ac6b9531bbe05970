"""Standing estimates: never above a company's year, whatever is closed or corrected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction

from expense_cases import HOST_A, PARTIES, PROVIDER, RULES, TENANT, contract, device, price
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.assembling import MonthEnd, assemble
from kashi_server.domain.device_time import Columns, Stretch
from kashi_server.domain.interval import MINUTE_MS, Interval, Month, minute_of_day
from kashi_server.domain.rating import RatedLine, Rating, priced_line
from kashi_server.domain.replay import eligible_lines
from kashi_server.domain.standing import Standing, Terms
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.subsidy import subsidy_of, year_case
from kashi_server.domain.usage import QUANTITY_NAMES
from kashi_server.domain.year_estimate import estimated_again
from kashi_server.domain.year_to_date import YearToDate

CAP_FEN = 10_000_000 * 100
"""Ten million yuan a company and year: the published cap of the shipped rules."""
RULE = replace(RULES[0], in_force=Interval(minute_of_day(date(2024, 12, 18)), None))
CONTRACTS = {
    one: contract(one, start=minute_of_day(date(2026, 1, 1))) for one in ("HT-1", "HT-2", "HT-3")
}
TERMS = Terms(
    contracts=CONTRACTS,
    assignments=(),
    prices=(),
    tenures=(),
    operators={HOST_A: PROVIDER},
    rules=(RULE,),
)
# Of a whole month, a card-hour at these comes to 0, or about 0.7, 7, 15 or 70 million yuan.
Yuan = Mapping[str, int]
AMOUNTS = st.dictionaries(
    st.sampled_from(sorted(CONTRACTS)),
    st.sampled_from((0, 1, 1_000, 10_000, 20_000, 100_000)),
    max_size=3,
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """Close the next month, or correct one of those that are closed, with these prices."""

    corrects: int | None
    yuan: Yuan


STEPS = st.lists(
    st.builds(Step, corrects=st.none() | st.integers(0, 11), yuan=AMOUNTS), min_size=1, max_size=12
)


def _line(contract_id: str, month: Month, yuan: int) -> RatedLine:
    start, end = month.interval().bounded()
    standing = Standing(
        host_id=HOST_A,
        contract_id=contract_id,
        party_id=None,
        price=replace(price("0", start, contract_id=contract_id), yuan=Fraction(yuan)),
        rules_sha256=RULE.sha256,
        blocked=(),
        ineligible=(),
    )

    def counted(days: Sequence[Stretch]) -> Columns:
        observed_ms = [(end - start) * MINUTE_MS for start, end in days]
        said = {"observed_ms": observed_ms}
        return [said.get(name, [0] * len(days)) for name in QUANTITY_NAMES]

    return priced_line("GPU-1", Interval(start, end), standing, Fraction(1), counted)


@dataclass
class Year:
    """The standing revisions of a company's year, closed and corrected as services do."""

    standing: dict[str, Statement] = field(default_factory=dict)
    months: list[Month] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Close or correct."""
        if step.corrects is None or not self.months:
            if len(self.months) < 12:
                self.months.append(Month(2026, len(self.months) + 1))
                month = self.months[-1]
                self._keep(self._made(month, step.yuan, self._sum(self.standing.values())))
            return
        month = self.months[step.corrects % len(self.months)]
        fresh = {one.number: one for one in self._made(month, step.yuan, YearToDate())}
        changed = {
            number: one
            for number, one in fresh.items()
            if number not in self.standing or self.standing[number].lines != one.lines
        }
        rest = [one for number, one in self.standing.items() if number not in changed]
        self._keep(estimated_again(changed, {TENANT: self._sum(rest)}, RULE).values())

    def _keep(self, made: Iterable[Statement]) -> None:
        self.standing.update({one.number: one for one in made})

    def _sum(self, statements: Iterable[Statement]) -> YearToDate:
        found = YearToDate()
        for one in statements:
            found = found.plus(eligible_lines(one.to_data()))
            found = found.estimated(one.subsidy.estimate_fen or 0)
        return found

    def _made(self, month: Month, yuan: Yuan, earlier: YearToDate) -> tuple[Statement, ...]:
        end = month.interval().bounded()[1]
        return assemble(
            MonthEnd(
                month=month,
                cut_off=CutOff(event_end=end, checkpoint_size=1, checkpoint_root=bytes(32)),
                demo=False,
                rating=Rating(
                    lines=tuple(_line(one, month, of) for one, of in yuan.items()), disputes=()
                ),
                terms=TERMS,
                devices=(device("GPU-1", (HOST_A, 0, None)),),
                gaps=(),
                parties={party.party_id: party for party in PARTIES},
                earlier={TENANT: earlier},
            )
        )

    @property
    def estimate_fen(self) -> int:
        """What all that stands is estimated at."""
        return sum(one.subsidy.estimate_fen or 0 for one in self.standing.values())

    @property
    def due_fen(self) -> int:
        """What the year comes to, evaluated at once."""
        so_far = self._sum(self.standing.values())
        case = year_case("year", None, CONTRACTS["HT-1"], so_far)
        return subsidy_of(RULE, case, 0).year_fen or 0


@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_standing_estimates_never_pass_the_year(steps: list[Step]) -> None:
    """In any order of closings and corrections, up and down: all standing revisions of a company's
    year together never pass its cap, and never fall short of what its year comes to."""
    year = Year()
    for step in steps:
        year.take(step)
        assert year.due_fen <= year.estimate_fen <= CAP_FEN


@given(yuan=st.lists(AMOUNTS, min_size=1, max_size=6), month=st.integers(0, 5), more=AMOUNTS)
@settings(max_examples=40, deadline=None)
def test_what_only_grows_is_estimated_to_the_fen(
    yuan: list[dict[str, int]], month: int, more: dict[str, int]
) -> None:
    """Months closed one after the other and one of them corrected upwards: the standing estimates
    are the year's, as one evaluation has it."""
    year = Year()
    for one in yuan:
        year.take(Step(corrects=None, yuan=one))
    before = yuan[month % len(yuan)]
    grown = {name: max(before.get(name, 0), more.get(name, 0)) for name in {*before, *more}}
    year.take(Step(corrects=month, yuan=grown))

    assert year.estimate_fen == year.due_fen
