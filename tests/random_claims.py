"""Claims and rules at random: fast, seeded, with plenty of edges and of facts nobody gave.

`random_case` is one claim; `settled` a version of a programme in which some of the unknown
parameters have sound values; `wild` one in which others have other values as well.
"""

from datetime import date, timedelta
from fractions import Fraction
from random import Random

from kashi_server.domain.evaluation.case import (
    Award,
    Case,
    Claimant,
    Metered,
    OtherMoney,
    Part,
    Service,
    Standing,
    Voucher,
)
from kashi_server.domain.parameters import ITEMS
from kashi_server.domain.rules import RulesVersion

EDGES = (0, 1, 99, 49_999_999, 50_000_000, 50_000_001, 100_000_000, 1_000_000_000, 10**11)
TIERS = ("tier1", "tier2", "demonstration", "benchmark", "none such")
OTHERS = ("district", "national-ai-voucher", "shenzhen-scene-industry")
LEVELS = ("city", "district", "unstated")


class Dice(Random):
    """Chance with a temper: how often a fact is odd or not known."""

    def __init__(self, seed: str) -> None:
        super().__init__(seed)
        self.odd = self.choice([0.0, 0.01, 0.03, 0.15])

    def seldom(self) -> bool:
        """By its temper."""
        return self.random() < self.odd

    def fen(self) -> int:
        """Small, large, or on an edge."""
        return self.choice([self.choice(EDGES), self.randrange(10**7), self.randrange(10**10)])

    def maybe_fen(self) -> int | None:
        """Fen, or nobody knows."""
        return None if self.seldom() else self.fen()

    def day(self) -> date:
        """About the years of the programmes."""
        return date(2024, 12, 1) + timedelta(days=self.randrange(1126))

    def maybe_day(self, usual: date) -> date | None:
        """Mostly a day on which everything is open."""
        if self.seldom():
            return self.choice([None, self.day()])
        return usual

    def mostly(self, *, value: bool) -> bool | None:
        """Seldom the other way, seldom nobody knows."""
        return self.choice([not value, None]) if self.seldom() else value

    def before(self) -> int | None:
        """What was spent or paid before: often nothing, seldom nobody knows."""
        if self.seldom():
            return None
        return self.choice([0, 0, 0, self.randrange(10**8), self.fen() if self.seldom() else 0])


def _claimant(dice: Dice) -> Claimant:
    ages = [dice.day(), date(2015, 1, 1), date(2025, 5, 20), date(2024, 2, 29), date(2025, 5, 21)]
    return Claimant(
        kind=dice.choice(["个人", None]) if dice.seldom() else "企业",
        established_on=None if dice.seldom() else dice.choice(ages),
        in_jurisdiction=dice.mostly(value=True),
        legal_person=dice.mostly(value=True),
        credit_clean=dice.mostly(value=True),
        listed_provider=dice.mostly(value=False),
        exception_approved=dice.choice([True, False, False, None]),
    )


def _service(dice: Dice) -> Service:
    begins = dice.maybe_day(dice.choice([date(2025, 7, 1), date(2025, 3, 1), date(2025, 12, 31)]))
    length = timedelta(days=dice.choice([0, 0, 1, 183, 364, 729, dice.randrange(900)]))
    return Service(
        contract_signed=dice.maybe_day(date(2025, 6, 1)),
        service_from=begins,
        service_until=None if begins is None or dice.seldom() else begins + length,
        purpose=dice.choice(["mining", None]) if dice.seldom() else "training",
        provider_listed=dice.choice([True, True, dice.mostly(value=True), None]),
        provider_listed_from=dice.maybe_day(date(2025, 1, 1)),
        related=dice.mostly(value=False),
    )


def _part(dice: Dice, counted: tuple[str, ...]) -> Part:
    amounts = [dice.maybe_fen() for _ in range(3)]
    if dice.random() < 0.6:
        amounts = [amounts[0]] * 3
    tax = dice.choice([0, 0, 6, 13])
    without = [None if one is None or dice.seldom() else one * 100 // (100 + tax)
               for one in amounts]  # fmt: skip
    return Part(
        item=dice.choice(counted) if counted and dice.random() < 0.8 else dice.choice(ITEMS),
        owned=dice.random() < 0.1,
        domestic=None if dice.seldom() else dice.choice([True, False]),
        contract_fen=amounts[0], invoice_fen=amounts[1], verified_fen=amounts[2],
        contract_ex_tax_fen=without[0], invoice_ex_tax_fen=without[1],
        verified_ex_tax_fen=without[2],
    )  # fmt: skip


def _hours(dice: Dice, top: int) -> Fraction:
    return Fraction(dice.randrange(top), dice.choice([1, 100, 10_000, 7 * 3600]))


def _metered(dice: Dice) -> Metered:
    level, domestic = dice.choice(["E0", "E1", "E2", "E3", "E3"]), dice.choice([True, False])
    origin = None if dice.seldom() else domestic
    if dice.random() < 0.3:
        month = dice.randrange(28, 32)
        return Metered(
            evidence_level=level, domestic=origin, rent_fen=dice.fen(),
            rented_days=dice.randrange(month + 1), month_days=month,
        )  # fmt: skip
    if dice.random() < 0.3:
        return Metered(evidence_level=level, domestic=origin, amount_fen=dice.fen())
    gaps = [dice.choice([Fraction(0), Fraction(0), _hours(dice, 10)]) for _ in range(2)]
    return Metered(
        evidence_level=level,
        domestic=origin,
        card_hours=_hours(dice, 10**6),
        continuity_card_hours=gaps[0],
        officer_card_hours=gaps[1],
        price_yuan=Fraction(dice.randrange(3000), 100),
        utilisation_ratio=dice.choice([None, Fraction(1, 5), Fraction(1)]),
    )


def _voucher(dice: Dice) -> Voucher:
    face = dice.fen()
    begins = dice.choice([None, date(2025, 5, 20), date(2026, 5, 20), dice.day()])
    ends = dice.choice([None, date(2026, 5, 19), date(2026, 5, 20), dice.day()])
    if begins is not None and ends is not None and ends < begins:
        begins, ends = ends, begins
    return Voucher(
        number=f"V-{dice.randrange(10**9)}", face_fen=face,
        used_fen=dice.choice([0, face // 3, face]), valid_from=begins, valid_until=ends,
    )  # fmt: skip


def _standing(dice: Dice) -> Standing:
    return Standing(
        year_eligible_fen=dice.before(),
        year_contract_fen=dice.before(),
        year_awarded_fen=dice.before(),
        years_awarded=dice.choice([1, 2, 3, None]) if dice.seldom() else 0,
        paid_on_contract_fen=dice.before(),
        pool_granted_fen=None if dice.seldom() else dice.choice([0, dice.fen()]),
        pool_requested_fen=None if dice.seldom() else dice.choice([dice.fen(), 5 * dice.fen()]),
        envelope_pool_fen=dice.choice([None, None, dice.fen()]),
        envelope_granted_fen=None if dice.seldom() else dice.choice([0, 0, dice.fen()]),
    )


def random_case(dice: Dice, rules: RulesVersion) -> Case:
    """One claim under a programme: mostly for what it pays for, on a day on which it does."""
    paid = dice.maybe_fen()
    include = rules.parameter("expense_scope.include").value
    counted = include if isinstance(include, tuple) else ()
    lines = tuple(_metered(dice) for _ in range(dice.choice([0, 1, 2, 3])))
    held = tuple(_voucher(dice) for _ in range(dice.choice([0, 1, 2, 3])))
    return Case(
        case_id="random",
        applied_on=dice.maybe_day(date(2026, 5, 20)),
        claimant=_claimant(dice),
        service=_service(dice),
        parts=tuple(_part(dice, counted) for _ in range(dice.choice([0, 1, 1, 1, 2, 2, 3]))),
        payment_fen=paid,
        payment_ex_tax_fen=None if paid is None else paid * 100 // dice.choice([100, 106]),
        metered=None if dice.seldom() else lines,
        other_money=None
        if dice.seldom()
        else tuple(
            OtherMoney(
                programme_id=dice.choice(OTHERS),
                amount_fen=dice.fen() // 100,
                level=dice.choice(LEVELS[:2]) if dice.random() < 0.9 else LEVELS[2],
            )
            for _ in range(dice.choice([0, 0, 0, 1, 2]))
        ),
        vouchers=dice.choice([None, None, None, held]),
        standing=_standing(dice),
        award=Award(
            tier=None if dice.seldom() else dice.choice(TIERS),
            rank=None if dice.seldom() else dice.choice([1, 2, 5, 6, 11]),
            matched_fen=dice.maybe_fen(),
            decided_fen=dice.maybe_fen(),
        ),
        measures=_measures(dice, rules),
    )


def _measures(dice: Dice, rules: RulesVersion) -> dict[str, int]:
    """Measures around what conditions name, and those that the programme's own conditions name."""
    given = {
        name: dice.choice([200, 201, 1_000_000, 1_000_001])
        for name in ("active_users", "enterprises_served")
        if not dice.seldom()
    }
    for condition in ("conditions.any", "conditions.all"):
        named = rules.parameter(condition).value
        for text in named if isinstance(named, tuple) else ():
            name, _sign, bound = text.split()
            if name not in given and not dice.seldom():
                given[name] = int(bound) + dice.choice([0, 0, 0, 0, 1, -1 if int(bound) else 0])
    return given
