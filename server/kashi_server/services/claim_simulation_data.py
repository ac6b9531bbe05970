"""Replayed claims as plain data, and as a table of one row a claim."""

from collections.abc import Iterator
from datetime import date
from typing import Final

from kashi_server.domain.money import yuan_text
from kashi_server.domain.replayed_budget import ClaimOutcome, ClaimsBudget, ClaimSide, ClaimsSum
from kashi_server.domain.replayed_companies import ClaimSimulation, CompanyClaims
from kashi_server.services.export_rows import Cell, Export, Row

_OF_SIDE: Final = ("yuan", "awarded_yuan", "status", "evaluated_on", "at_cap", "bound")
COLUMNS: Final = (
    "claim", "batch", "company_id", "company_name_zh", "state", "applied_on", "computed_yuan",
    "difference_yuan", *(f"old_{name}" for name in _OF_SIDE), *(f"new_{name}" for name in _OF_SIDE),
    "unknown", "missing",
)  # fmt: skip
"""Columns of the table, in order; `unknown` and `missing` are of the tried rules."""
_METHODS: Final = {
    "awarded": "the share of the computed amount that officers approved, cut to a fen",
    "cap_hit": "day of the first standing evaluation that with the year's awards reaches the cap",
    "forecast_by_days": "computed in the year over days passed, held at the cap of the year",
    "forecast_by_last_month": "the last month's claims again for each month left, held likewise",
    "kept": "what these parameters make of papers stays as it was when the case was gathered",
    "pool_exhausted_on": "what is due before the pool, by the day of the standing evaluation",
}


def claim_simulation_data(found: ClaimSimulation) -> dict[str, object]:
    """The part `claims` of the format `kashi/v1/simulation`; amounts in fen."""
    return {
        "count": len(found.claims),
        "stands_fen": found.stands_fen,
        "kept": list(found.kept),
        "budget": {"old": _budget(found.old), "new": _budget(found.new)},
        "companies": [_company(one) for one in found.companies],
        "methods": _METHODS,
    }


def claim_simulation_export(found: ClaimSimulation) -> Export:
    """One row a claim of the period, by company."""
    return Export("simulated_claims", COLUMNS, _rows(found))


def _rows(found: ClaimSimulation) -> Iterator[Row]:
    for company in found.companies:
        for one in company.claims:
            yield (
                one.claim_id,
                one.batch_id,
                company.company_id,
                company.name_zh,
                str(one.state),
                one.applied_on.isoformat(),
                _yuan(one.stands_fen),
                _yuan(one.difference_fen),
                *_cells(one.old),
                *_cells(one.new),
                "; ".join(one.new.figures.unknown),
                "; ".join(one.new.figures.missing),
            )


def _cells(side: ClaimSide) -> tuple[Cell, ...]:
    figures = side.figures
    return (
        _yuan(figures.amount_fen),
        yuan_text(side.awarded_fen),
        str(figures.status),
        figures.on.isoformat(),
        figures.at_cap,
        "; ".join(figures.bound),
    )


def _company(company: CompanyClaims) -> dict[str, object]:
    return {
        "user_id": company.company_id,
        "name_zh": company.name_zh,
        "difference_fen": company.difference_fen,
        "old": {**_sum(company.old), "cap_hit": _iso(company.old.cap_hit)},
        "new": {**_sum(company.new), "cap_hit": _iso(company.new.cap_hit)},
        "claims": [_claim(one) for one in company.claims],
    }


def _claim(one: ClaimOutcome) -> dict[str, object]:
    return {
        "claim_id": one.claim_id,
        "batch_id": one.batch_id,
        "state": str(one.state),
        "applied_on": one.applied_on.isoformat(),
        "stands_fen": one.stands_fen,
        "difference_fen": one.difference_fen,
        "old": _side(one.old),
        "new": _side(one.new),
    }


def _side(side: ClaimSide) -> dict[str, object]:
    figures = side.figures
    return {
        "computed_fen": figures.amount_fen,
        "before_pool_fen": figures.requested_fen,
        "awarded_fen": side.awarded_fen,
        "status": str(figures.status),
        "evaluated_on": figures.on.isoformat(),
        "at_cap": figures.at_cap,
        "bound": list(figures.bound),
        "unknown": list(figures.unknown),
        "missing": list(figures.missing),
    }


def _sum(found: ClaimsSum) -> dict[str, object]:
    return {
        "computed_fen": found.computed_fen,
        "awarded_fen": found.awarded_fen,
        "without_amount": found.without_amount,
        "estimates": found.estimates,
        "asked_of_pool_fen": found.year_fen,
        "forecast_by_days_fen": found.forecast.by_days_fen,
        "forecast_by_last_month_fen": found.forecast.by_last_month_fen,
        "unknown": list(found.unknown),
        "missing": list(found.missing),
    }


def _budget(budget: ClaimsBudget) -> dict[str, object]:
    return {
        **_sum(budget.sums),
        "companies_at_cap": budget.at_cap,
        "pool_fen": budget.pool_fen,
        "pool_left_fen": budget.left_fen,
        "pool_exhausted_on": _iso(budget.exhausted_on),
    }


def _yuan(fen: int | None) -> str | None:
    return None if fen is None else yuan_text(fen)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
