"""Step 1, gate: who may claim at all. Every reason against is told, not the first alone.

A condition that the facts meet is not asked of the rules twice: whether they demand it cannot
change the outcome. A condition that the facts fail is fatal where the rules demand it, and open
where nobody knows whether they do.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final

from kashi_server.domain.evaluation.amounts import Amounts
from kashi_server.domain.evaluation.asking import Asking
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.input_words import chinese
from kashi_server.domain.evaluation.step import Outcome, State
from kashi_server.domain.interval import minute_of_day
from kashi_server.errors import InvalidValue

_MEASURE: Final = re.compile(r"([a-z_]+) (>=|>|=) (\d+)")
_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    ">=": operator.ge, ">": operator.gt, "=": operator.eq,
}  # fmt: skip


def gate(state: State, asking: Asking) -> Outcome:
    """Nothing is due where one condition fails."""
    against = [
        *_in_force(state, asking),
        *_applicant(state.case, asking),
        *_lists(state.case, asking),
        *_provider(state.case, asking),
        *_measures(state.case, asking),
    ]
    if not against:
        return Outcome(state=state, reason=("申请条件未见不符", "no condition is failed"))
    zh = "；".join(f"不符合“{chinese(name)}”" for name in against)
    return Outcome(
        state=replace(state, amounts=Amounts(), ended=True),
        reason=(zh, f"fails {', '.join(against)}"),
        bound=against[0],
    )


def date_of(case: Case, basis: str) -> date | None:
    """The date of a case that a basis names."""
    return {
        "application_date": case.applied_on,
        "contract_signed": case.service.contract_signed,
        "service_date": case.service.service_from,
    }[basis]


def _in_force(state: State, asking: Asking) -> Iterator[str]:
    """The version holds at the date that chooses it; where no text names that date, at all three
    it must hold or at none, or nobody knows."""
    peeked = state.rules.parameter("date_basis").value
    names = (str(peeked),) if peeked else ("application_date", "contract_signed", "service_date")
    dates = {name: date_of(state.case, name) for name in names}
    known = [one for one in dates.values() if one is not None]
    holds = {minute_of_day(one) in state.rules.in_force for one in known}
    if not known:
        asking.lacks(names[0])
    if peeked or len(known) < len(names) or len(holds) > 1:
        asking.parameter("date_basis")
    if holds == {False} and len(known) == len(names):
        yield "in_force"


def _applicant(case: Case, asking: Asking) -> Iterator[str]:
    claimant = case.claimant
    yield from _listed(asking, "beneficiary_types", claimant.kind, "claimant.kind")
    if asking.rules.parameter("jurisdiction").value != "none":
        yield from _demanded(
            asking, "jurisdiction", claimant.in_jurisdiction, "claimant.in_jurisdiction"
        )
    for name, fact, field in (
        ("legal_person_required", claimant.legal_person, "claimant.legal_person"),
        ("credit_record_required", claimant.credit_clean, "claimant.credit_clean"),
    ):
        yield from _demanded(asking, name, fact, field)
    free = None if claimant.listed_provider is None else not claimant.listed_provider
    yield from _demanded(asking, "claimant_not_provider", free, "claimant.listed_provider")
    yield from _years(case, asking)


def _demanded(asking: Asking, name: str, fact: bool | None, field: str) -> Iterator[str]:
    """A yes that rules may demand."""
    if fact is True:
        return
    demanded = asking.parameter(name)
    if demanded is None or demanded.value is False:
        return
    if fact is None:
        asking.lacks(field)
    else:
        yield name


def _listed(asking: Asking, name: str, fact: str | None, field: str) -> Iterator[str]:
    """A text that must be one of those the rules list."""
    listed = asking.texts(name)
    if listed is None:
        return
    if fact is None:
        asking.lacks(field)
    elif fact not in listed:
        yield name


def _years(case: Case, asking: Asking) -> Iterator[str]:
    before = case.standing.years_awarded
    if before == 0:
        return
    years = asking.count("years_max")
    if years is None:
        return
    if before is None:
        asking.lacks("standing.years_awarded")
    elif before >= years:
        yield "years_max"


def _lists(case: Case, asking: Asking) -> Iterator[str]:
    windows = asking.periods("application_windows")
    if windows is not None:
        if case.applied_on is None:
            asking.lacks("applied_on")
        elif not any(a <= case.applied_on.toordinal() <= b for a, b in windows):
            yield "application_windows"
    if asking.speaks_of("purposes"):
        yield from _listed(asking, "purposes", case.service.purpose, "service.purpose")
    yield from _exclusions(case, asking)


def _exclusions(case: Case, asking: Asking) -> Iterator[str]:
    """Money of a programme that must not pay for the same."""
    if case.other_money == ():
        return
    excluded = asking.texts("mutual_exclusions")
    if not excluded:
        return
    if case.other_money is None:
        asking.lacks("other_money")
    elif any(one.programme_id in excluded for one in case.other_money):
        yield "mutual_exclusions"


def _provider(case: Case, asking: Asking) -> Iterator[str]:
    service = case.service
    unrelated = None if service.related is None else not service.related
    yield from _demanded(asking, "related_party_forbidden", unrelated, "service.related")
    listed = service.provider_listed
    since, signed = service.provider_listed_from, service.contract_signed
    if listed is None and since is not None and signed is not None:
        listed = since <= signed
    yield from _demanded(asking, "provider_list_required", listed, "service.provider_listed")


def _measures(case: Case, asking: Asking) -> Iterator[str]:
    for name, holds in (("conditions.any", any), ("conditions.all", all)):
        conditions = asking.texts(name) if asking.speaks_of(name) else None
        if not conditions:
            continue
        found = {text: _holds(text, case) for text in conditions}
        decisive = holds is any
        if decisive in found.values() or None not in found.values():
            if not holds(found.values()):
                yield name
            continue
        for text in (text for text, held in found.items() if held is None):
            asking.lacks(f"measures.{text.split()[0]}")


def _holds(text: str, case: Case) -> bool | None:
    match = _MEASURE.fullmatch(text)
    if match is None:
        raise InvalidValue(
            f"“{text}”不是条件；写法如 active_users > 1000000。"
            f"'{text}' is no condition like 'active_users > 1000000'"
        )
    name, sign, number = match.groups()
    if name not in case.measures:
        return None
    return _COMPARE[sign](case.measures[name], int(number))
