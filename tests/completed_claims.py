"""What is not known, filled in at random: a final amount must come out the same."""

from dataclasses import fields, replace
from typing import TypeVar

from kashi_server.domain.evaluation.case import Award, Case, Claimant, Metered, Part, Service
from kashi_server.domain.evaluation.case import Standing as Stands
from kashi_server.domain.rules import RulesVersion
from random_claims import Dice, random_case
from random_rules import published

Record = TypeVar("Record", Award, Claimant, Metered, Part, Service, Stands)

_MEANT = {
    "amount_fen", "card_hours", "decided_fen", "envelope_pool_fen", "month_days", "price_yuan",
    "rent_fen", "rented_days", "utilisation_ratio",
}  # fmt: skip
"""What is left out because there is none: nobody forgot it."""


def completed_rules(dice: Dice, rules: RulesVersion) -> RulesVersion:
    """Every unknown parameter that the rules list has a value."""
    return replace(
        rules,
        parameters=tuple(
            published(dice, one.name) if one.value is None else one for one in rules.parameters
        ),
    )


def completed_case(dice: Dice, rules: RulesVersion, case: Case) -> Case:
    """Nearly every fact that nobody gave is given, as some other claim has it."""
    for _ in range(6):
        other = random_case(dice, rules)
        lines = other.metered if case.metered is None else case.metered
        paid = _either(case.payment_fen, other.payment_fen)
        case = replace(
            case,
            applied_on=case.applied_on or other.applied_on,
            claimant=_filled(case.claimant, other.claimant),
            service=_filled(case.service, _fitting(case.service, other.service)),
            parts=tuple(
                _filled(one, two) for one in case.parts for two in (other.parts or (one,))[:1]
            ),
            payment_fen=paid,
            payment_ex_tax_fen=_either(case.payment_ex_tax_fen, paid),
            other_money=other.other_money if case.other_money is None else case.other_money,
            metered=None if lines is None else tuple(_with_origin(dice, one) for one in lines),
            standing=_filled(case.standing, other.standing),
            award=_filled(case.award, other.award),
            measures={**other.measures, **case.measures},
        )
    return case


def _either(given: int | None, other: int | None) -> int | None:
    return other if given is None else given


def _fitting(given: Service, other: Service) -> Service:
    """Another service that contradicts nothing of the given one: neither its days nor its list."""
    if given.provider_listed_from is not None and given.contract_signed is not None:
        since_before = given.provider_listed_from <= given.contract_signed
        other = replace(other, provider_listed=since_before)
    elif given.provider_listed is None:
        other = replace(other, contract_signed=None, provider_listed_from=None)
    if given.service_from is None or other.service_until is None:
        return other
    until = max(given.service_from, other.service_until)
    return replace(other, service_from=given.service_from, service_until=until)


def _with_origin(dice: Dice, line: Metered) -> Metered:
    return line if line.domestic is not None else replace(line, domestic=dice.random() < 0.5)


def _filled(given: Record, other: Record) -> Record:
    """Fields that nobody gave, from another record."""
    return replace(
        given,
        **{
            one.name: getattr(other, one.name)
            for one in fields(given)
            if getattr(given, one.name) is None and one.name not in _MEANT
        },
    )
