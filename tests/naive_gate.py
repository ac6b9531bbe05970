"""The gate of the naive evaluation: which conditions are failed, and what was not known."""

from collections.abc import Callable

from naive_claim import Claim, holds, periods


def gate(claim: Claim) -> bool:
    """False where a condition is failed for certain."""
    fine = [condition(claim) for condition in CONDITIONS]
    return all(fine)


def _judge(claim: Claim, name: str, fact: str, *, demanded: bool | None, met: bool | None) -> bool:
    """A condition that is met is asked of nobody; one that nobody demands neither."""
    if met is True or demanded is False:
        return True
    if demanded is None:
        claim.told.add(name)
    if met is None:
        claim.told.add(fact)
    return not (demanded is True and met is False)


def _in_force(claim: Claim) -> bool:
    basis = claim.value("date_basis")
    if isinstance(basis, str):
        day = claim.date_of(basis)
        met = None if day is None else claim.in_force(day)
        return _judge(claim, "date_basis", basis, demanded=True, met=met)
    days = [
        claim.date_of(basis) for basis in ("application_date", "contract_signed", "service_date")
    ]
    inside = [None if day is None else claim.in_force(day) for day in days]
    if not any(one is None for one in inside) and not any(inside):
        return False
    if all(inside):
        return True
    claim.told.add("date_basis")
    return True


def _listed(claim: Claim, name: str, fact: str, given: str | None) -> bool:
    allowed = claim.texts(name)
    if allowed is None:
        return _judge(claim, name, fact, demanded=None, met=None if given is None else False)
    met = None if given is None else given in allowed
    return _judge(claim, name, fact, demanded=True, met=met)


def _beneficiary(claim: Claim) -> bool:
    return _listed(claim, "beneficiary_types", "claimant.kind", claim.case.claimant.kind)


def _purpose(claim: Claim) -> bool:
    if not claim.spoken("purposes"):
        return True
    return _listed(claim, "purposes", "service.purpose", claim.case.service.purpose)


def _truth(claim: Claim, name: str, fact: str, met: bool | None) -> bool:
    demanded = claim.value(name)
    assert demanded is None or isinstance(demanded, bool)
    return _judge(claim, name, fact, demanded=demanded, met=met)


def _jurisdiction(claim: Claim) -> bool:
    value = claim.value("jurisdiction")
    demanded = None if value is None else value != "none"
    met = claim.case.claimant.in_jurisdiction
    return _judge(claim, "jurisdiction", "in_jurisdiction", demanded=demanded, met=met)


def _legal_person(claim: Claim) -> bool:
    return _truth(claim, "legal_person_required", "legal_person", claim.case.claimant.legal_person)


def _credit(claim: Claim) -> bool:
    return _truth(claim, "credit_record_required", "credit_clean", claim.case.claimant.credit_clean)


def _opposite(fact: bool | None) -> bool | None:
    return None if fact is None else not fact


def _not_provider(claim: Claim) -> bool:
    met = _opposite(claim.case.claimant.listed_provider)
    return _truth(claim, "claimant_not_provider", "listed_provider", met)


def _unrelated(claim: Claim) -> bool:
    met = _opposite(claim.case.service.related)
    return _truth(claim, "related_party_forbidden", "related", met)


def _provider_listed(claim: Claim) -> bool:
    service = claim.case.service
    met = service.provider_listed
    if (
        met is None
        and service.provider_listed_from is not None
        and service.contract_signed is not None
    ):
        met = service.provider_listed_from <= service.contract_signed
    return _truth(claim, "provider_list_required", "provider_listed", met)


def _window(claim: Claim) -> bool:
    windows, day = claim.texts("application_windows"), claim.case.applied_on
    if windows is None:
        return _judge(claim, "application_windows", "applied_on", demanded=None, met=None)
    met = None if day is None else any(first <= day <= last for first, last in periods(windows))
    return _judge(claim, "application_windows", "applied_on", demanded=True, met=met)


def _exclusions(claim: Claim) -> bool:
    excluded, money = claim.texts("mutual_exclusions"), claim.case.other_money
    others = {one.programme_id for one in money or ()}
    if excluded is None:
        return _judge(
            claim,
            "mutual_exclusions",
            "other_money",
            demanded=None,
            met=money is not None and not others,
        )
    met = None if money is None else not others & set(excluded)
    return _judge(claim, "mutual_exclusions", "other_money", demanded=bool(excluded), met=met)


def _years(claim: Claim) -> bool:
    before, value = claim.case.standing.years_awarded, claim.value("years_max")
    if value is None:
        return _judge(claim, "years_max", "years_awarded", demanded=None, met=before == 0)
    if before == 0 or value == "none":
        return True
    met = None if before is None else before < int(str(value))
    return _judge(claim, "years_max", "years_awarded", demanded=True, met=met)


def _conditions(claim: Claim) -> bool:
    fine = True
    for name in ("conditions.any", "conditions.all"):
        wanted = claim.texts(name)
        if wanted is None:
            if claim.spoken(name):
                claim.told.add(name)
            continue
        found = [holds(condition, claim.case.measures) for condition in wanted]
        if name == "conditions.any":
            met = True if True in found or not found else None if None in found else False
        else:
            met = False if False in found else None if None in found else True
        fine = _judge(claim, name, "measures", demanded=True, met=met) and fine
    return fine


CONDITIONS: tuple[Callable[[Claim], bool], ...] = (
    _in_force, _beneficiary, _purpose, _jurisdiction, _legal_person, _credit, _not_provider,
    _unrelated, _provider_listed, _window, _exclusions, _years, _conditions,
)  # fmt: skip
