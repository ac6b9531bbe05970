"""The programme office: everything at a glance, company by company, and the audit trail."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.interval import Month
from kashi_server.domain.money import truncate_places
from kashi_server.portal.charts import HALF, BarChart, Series
from kashi_server.portal.closing_notice import closing_notice
from kashi_server.portal.locale import formats
from kashi_server.portal.locale.catalogue import words
from kashi_server.portal.months import chosen_month
from kashi_server.portal.pages import page
from kashi_server.portal.routes.claims import closed_of
from kashi_server.portal.usage_chart import tick_text, usage_chart
from kashi_server.portal.visit import OfOffice, SignedIn, Visit
from kashi_server.services.rows import CompanyMonth, HostRow, PartyName
from kashi_server.services.views import AUDIT_LINES

MONTHS_SHOWN: Final = 12
COMPANIES_COLOURED: Final = 7
ONLINE_MS: Final = 15 * 60_000
BEHIND_MS: Final = 3_600_000
router = APIRouter(include_in_schema=False)


@router.get("/overview")
def overview(visit: OfOffice, month: str | None = None) -> Response:
    """Card-hours and eligible expense by company and month, hosts and holds."""
    reader, views = visit.reader, visit.parts.views
    months = views.company_months(reader)
    closed = sorted({row.month for row in months}, reverse=True)
    shown = Month.parse(month) if month else (closed[0] if closed else None)
    rows = [row for row in months if row.month == shown]
    return page(
        visit,
        "overview.html",
        rows=rows,
        shown=shown,
        closed=closed,
        expense=_chart(visit, months, "overview.eligible_chart", "unit.yuan", _fen),
        hours=_chart(visit, months, "overview.hours_chart", "unit.card_hours", _hours),
        by_month=_by_month(months),
        hosts=host_counts(visit, views.hosts(reader)),
        holds=len(views.holds(reader)),
        closed_funds=closed_of(visit.parts.claims.batches(reader)),
        to_recover=len(visit.parts.claims.to_recover(reader)),
        contested=len(visit.parts.papers.contested(reader)),
        closing=closing_notice(visit),
    )


@router.get("/companies/{party_id}")
def company(visit: SignedIn, party_id: str) -> Response:
    """One company's months."""
    reader, views = visit.reader, visit.parts.views
    party = views.party(reader, party_id)
    months = [row for row in views.company_months(reader) if row.user.party_id == party_id]
    return page(
        visit,
        "company.html",
        party=party,
        months=months,
        expense=_chart(visit, months, "overview.eligible_chart", "unit.yuan", _fen),
        running=chosen_month(visit, None).month,
        closing=closing_notice(visit),
    )


@router.get("/companies/{party_id}/months/{month}")
def company_month(visit: SignedIn, party_id: str, month: str) -> Response:
    """One company's month: its statements, and its usage by day and device."""
    reader, views = visit.reader, visit.parts.views
    party = views.party(reader, party_id)
    choice = chosen_month(visit, month)
    usage = views.month_usage(reader, party_id, choice.month)
    statements = [s for s in views.statements(reader, choice.month) if s.user.party_id == party_id]
    return page(
        visit,
        "company_month.html",
        party=party,
        choice=choice,
        usage=usage,
        statements=statements,
        chart=usage_chart(visit, usage),
        attested=views.attested_usage(reader, party_id, choice.month),
    )


@router.get("/audit")
def audit(visit: OfOffice) -> Response:
    """The latest lines of the audit trail."""
    entries = visit.parts.views.audit(visit.reader)
    return page(visit, "audit.html", entries=entries, lines=AUDIT_LINES)


def host_counts(visit: Visit, hosts: Sequence[HostRow]) -> dict[str, int]:
    """How many hosts report, are catching up, are late, were never heard, or do not count."""
    now = visit.parts.clock()
    counts = dict.fromkeys(("reporting", "behind", "late", "never", "held", "revoked"), 0)
    for host in hosts:
        counts[standing(host, now)] += 1
    return counts


def standing(host: HostRow, now_utc_ms: int) -> str:
    """One word for how a host is doing."""
    if host.state != "active":
        return host.state
    if host.received_utc_ms is None:
        return "never"
    if now_utc_ms - host.received_utc_ms > ONLINE_MS:
        return "late"
    until = host.reported_until_utc_ms or 0
    return "behind" if now_utc_ms - until > BEHIND_MS else "reporting"


def _fen(row: CompanyMonth) -> Fraction:
    return Fraction(row.eligible_fen, 100)


def _hours(row: CompanyMonth) -> Fraction:
    return row.card_hours


def _chart(
    visit: Visit,
    rows: Sequence[CompanyMonth],
    title: str,
    unit: str,
    value: Callable[[CompanyMonth], Fraction],
) -> BarChart | None:
    """The last months, stacked by company; the smaller companies share one colour."""
    if not rows:
        return None
    language = visit.look.language
    months = sorted({row.month for row in rows})[-MONTHS_SHOWN:]
    sums: dict[str, dict[Month, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    eligible: dict[str, int] = defaultdict(int)
    for row in rows:
        sums[company_name(visit, row.user)][row.month] += value(row)
        eligible[company_name(visit, row.user)] += row.eligible_fen
    # One order for every chart of a page, so that a company keeps its colour.
    ranked = sorted(sums, key=lambda name: (-eligible[name], name))
    colours = {name: [name] for name in ranked[:COMPANIES_COLOURED]}
    if ranked[COMPANIES_COLOURED:]:
        colours[words(language, "overview.others")] = ranked[COMPANIES_COLOURED:]
    return BarChart(
        title=words(language, title),
        unit=words(language, unit),
        labels=[str(month) for month in months],
        series=[
            Series(
                name=name,
                values=[sum((sums[c][m] for c in companies), Fraction(0)) for m in months],
            )
            for name, companies in colours.items()
        ],
        show=lambda shown: formats.grouped(truncate_places(shown, 2)),
        tick=tick_text,
        width=HALF,
    )


def company_name(visit: Visit, party: PartyName) -> str:
    """A party's name in the visitor's language."""
    return party.name_en if visit.look.language == "en" and party.name_en else party.name_zh


def _by_month(rows: Sequence[CompanyMonth]) -> list[tuple[Month, Fraction, int, int]]:
    sums: dict[Month, list[CompanyMonth]] = defaultdict(list)
    for row in rows:
        sums[row.month].append(row)
    return [
        (
            month,
            sum((row.card_hours for row in found), Fraction(0)),
            sum(row.amount_fen for row in found),
            sum(row.eligible_fen for row in found),
        )
        for month, found in sorted(sums.items(), reverse=True)[:MONTHS_SHOWN]
    ]
