"""A simulation as plain data."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from kashi_server.domain.replayed_companies import ClaimSimulation
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.rules_difference import Difference
from kashi_server.domain.simulated_budget import Budget
from kashi_server.domain.simulated_outcome import Outcome
from kashi_server.services.claim_simulation_data import claim_simulation_data
from kashi_server.services.simulation import CompanySimulation, Simulation

FORMAT: Final = "kashi/v1/simulation"


def simulation_data(
    found: Simulation,
    base: RulesVersion | None,
    new: RulesVersion,
    changed: Sequence[Difference],
    claims: ClaimSimulation | None = None,
) -> dict[str, object]:
    """A simulation in the format `kashi/v1/simulation`; amounts in fen.

    Args:
        found: what was simulated.
        base: the rules it is compared with; None: none stand.
        new: the rules that were tried.
        changed: what parts the two.
        claims: the claims of the period; None: there are none.
    """
    return {
        "format": FORMAT,
        "period": {"first": str(found.period.first), "last": str(found.period.last)},
        "programme_id": new.programme_id,
        "old": None if base is None else {"version": base.version, "sha256": base.sha256},
        "new": {"version": new.version, "sha256": new.sha256},
        "changed": [one.to_data() for one in changed],
        "statements": found.statements,
        "open_months": [str(month) for month in found.open_months],
        "stored_fen": found.stored_fen,
        "budget": {"old": _budget_data(found.old), "new": _budget_data(found.new)},
        "companies": [_company_data(one) for one in found.companies],
        "methods": {
            "cap_hit": "first day whose part of the month's lines brings the year to the cap",
            "forecast_by_days": "eligible expense of the year over days passed, evaluated",
            "forecast_by_last_month": "the last month again for each month left, evaluated",
            "pool_exhausted_on": "what is due before the pool, each month's by its lines' days",
        },
        "claims": None if claims is None else claim_simulation_data(claims),
    }


def _budget_data(budget: Budget) -> dict[str, object]:
    return {
        "eligible_fen": budget.eligible_fen,
        "subsidy_fen": budget.subsidy_fen,
        "asked_of_pool_fen": budget.year_fen,
        "without_amount": budget.without_amount,
        "companies_at_cap": budget.at_cap,
        "pool_fen": budget.pool_fen,
        "pool_left_fen": budget.left_fen,
        "pool_exhausted_on": _iso(budget.exhausted_on),
        "forecast_by_days_fen": budget.forecast_by_days_fen,
        "forecast_by_last_month_fen": budget.forecast_by_last_month_fen,
        "unknown": list(budget.unknown),
        "missing": list(budget.missing),
    }


def _company_data(company: CompanySimulation) -> dict[str, object]:
    return {
        "user_id": company.user_id,
        "name_zh": company.name_zh,
        "stored_fen": company.stored_fen,
        "difference_fen": company.difference_fen,
        "old": _outcome_data(company.old),
        "new": _outcome_data(company.new),
    }


def _outcome_data(outcome: Outcome) -> dict[str, object]:
    return {
        "eligible_fen": outcome.eligible_fen,
        "subsidy_fen": outcome.subsidy_fen,
        "without_amount": outcome.without_amount,
        "cap_hit": _iso(outcome.cap_hit),
        "forecast_by_days_fen": outcome.forecast.by_days_fen,
        "forecast_by_last_month_fen": outcome.forecast.by_last_month_fen,
        "months": [
            {
                "month": str(month.month),
                "eligible_fen": month.eligible_fen,
                "subsidy_fen": month.subsidy_fen,
            }
            for month in outcome.months
        ],
    }


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
