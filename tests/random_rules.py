"""Rules at random: programmes whose unknown parameters are settled, and wilder ones.

`settled` is a version of a programme in which some of the unknown parameters have sound values;
`wild` one in which others have other values as well.
"""

from collections.abc import Callable
from dataclasses import replace

from kashi_server.domain.parameters import PARAMETERS, Value, ValueKind
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from random_claims import LEVELS, TIERS, Dice


def _yuan(dice: Dice) -> str:
    return f"{dice.fen() // 100}.{dice.randrange(100):02d}" if dice.random() < 0.8 else "none"


_TEXTS: dict[str, tuple[str, ...]] = {
    "beneficiary_types": ("企业", "高等院校"),
    "purposes": ("training", "inference"),
    "mutual_exclusions": ("shenzhen-scene-industry", "shenzhen-scene-product"),
    "stacking.levels": LEVELS,
    "conditions.any": ("active_users > 1000000", "enterprises_served > 200"),
    "conditions.all": ("active_users >= 200", "enterprises_served > 200"),
}
_PERIODS = {
    "application_windows": ("2025-01-01/2026-12-31", "2026-05-06/2026-06-05"),
    "base_period": ("2025-03-01/2025-12-31", "2026-01-01/2026-06-30"),
}
_SPECIAL: dict[str, tuple[Value, ...]] = {
    "rounding.unit_yuan": ("0.01", "0.10", "1.00", "100.00", "none"),
    "years_max": (1, 2, 3, "none"),
    "quota_per_year": (5, 10, "none"),
    "startup.max_age_months": (12, 12, 36, "none"),
    "voucher.validity_months": (12, 1, "none"),
    "jurisdiction": ("深圳市", "none"),
    "envelope": ("shenzhen-ai-envelope", "none"),
    "threshold.year_yuan": ("500000.00", "500000.00", "100.00", "none"),
    "kind": ("cost_share",),
}
_BY_KIND: dict[ValueKind, Callable[[Dice], Value]] = {
    ValueKind.RATIO: lambda dice: dice.choice(["0.30", "0.50", "0.60", "0.333333", "1", "none"]),
    ValueKind.YUAN: _yuan,
    ValueKind.COUNT: lambda dice: dice.randrange(1, 40),
    ValueKind.TRUTH: lambda dice: dice.random() < 0.5,
    ValueKind.TEXT: lambda _: "some text",
    ValueKind.AMOUNTS: lambda dice: tuple(
        f"{tier}={dice.randrange(10**6)}.00" for tier in TIERS[:4]
    ),
}


def sound_value(dice: Dice, name: str) -> Value:
    """A value that the parameter may have."""
    spec = PARAMETERS[name]
    if name in _SPECIAL:
        return dice.choice(_SPECIAL[name])
    if name in _PERIODS:
        first, second = _PERIODS[name]
        return dice.choice([(first,), (first, second)])
    match spec.kind:
        case ValueKind.CHOICE:
            return dice.choice(spec.choices)
        case ValueKind.CHOICES:
            return _some(dice, spec.choices)
        case ValueKind.TEXTS:
            return _some(dice, _TEXTS.get(name, ("some text",)))
        case _:
            return _BY_KIND[spec.kind](dice)


def _some(dice: Dice, of: tuple[str, ...]) -> tuple[str, ...]:
    """The first, and some of the others."""
    return (of[0], *(one for one in of[1:] if dice.random() < 0.5))


def published(dice: Dice, name: str) -> Parameter:
    """A parameter with a value at random."""
    value = sound_value(dice, name)
    return Parameter(name=name, state=ParameterState.PUBLISHED, value=value, source="at random")


def settled(dice: Dice, rules: RulesVersion, share: float) -> RulesVersion:
    """The same programme, where about so many of the unknown parameters are settled."""
    return replace(
        rules,
        parameters=tuple(
            published(dice, one.name) if one.value is None and dice.random() < share else one
            for one in rules.parameters
        ),
    )


def wild(dice: Dice, rules: RulesVersion) -> RulesVersion:
    """The programme with other values, of more parameters, with few unknown ones; of its kind."""
    known = {one.name: one for one in settled(dice, rules, 0.97).parameters}
    for name in PARAMETERS:
        if name != "kind" and dice.random() < 0.3:
            known[name] = published(dice, name)
    return replace(rules, parameters=tuple(known.values()))


def random_rules(dice: Dice, programmes: tuple[RulesVersion, ...]) -> RulesVersion:
    """A programme as it stands, half settled, settled, or wild."""
    rules = dice.choice(programmes)
    match dice.randrange(6):
        case 0:
            return rules
        case 1:
            return settled(dice, rules, 0.5)
        case 2 | 3:
            return settled(dice, rules, 1.0)
        case _:
            return wild(dice, rules)
