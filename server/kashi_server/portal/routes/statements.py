"""Statements: what a month came to, line by line, with the reasons for what earns nothing."""

import json
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.told_subsidy import told_subsidy
from kashi_server.portal.months import chosen_month
from kashi_server.portal.pages import page
from kashi_server.portal.visit import SignedIn

LINES_A_PAGE: Final = 100
router = APIRouter(include_in_schema=False)


@router.get("/statements")
def statements(visit: SignedIn, month: str | None = None) -> Response:
    """The latest revisions of the statements a reader may read."""
    reader, views = visit.reader, visit.parts.views
    chosen = chosen_month(visit, month).month if month else None
    every = views.statements(reader)
    rows = [row for row in every if chosen in (None, row.month)]
    months = sorted({row.month for row in every}, reverse=True)
    return page(visit, "statements.html", rows=rows, months=months, chosen=chosen)


@router.get("/statements/{number}")
def statement(visit: SignedIn, number: str, revision: int | None = None, at: int = 1) -> Response:
    """One revision: totals, lines, days and the estimate, as stored."""
    reader, views = visit.reader, visit.parts.views
    document = views.statement(reader, number, revision)
    content = json.loads(document.content)
    pages = max(1, -(-len(content["lines"]) // LINES_A_PAGE))
    at = min(max(1, at), pages)
    certificates = [
        c
        for c in views.certificates(reader)
        if (c.statement_number, c.statement_revision) == (number, document.row.revision)
    ]
    return page(
        visit,
        "statement.html",
        row=document.row,
        revisions=document.revisions,
        content=content,
        subsidy=told_subsidy(content["subsidy"]),
        lines=content["lines"][(at - 1) * LINES_A_PAGE : at * LINES_A_PAGE],
        at=at,
        pages=pages,
        unearned=_unearned(content["lines"]),
        certificates=certificates,
    )


def _unearned(lines: list[dict[str, object]]) -> list[tuple[str, int, int]]:
    """Reason, lines and observed milliseconds of what earns nothing."""
    sums: dict[str, tuple[int, int]] = {}
    for line in lines:
        quantities, reasons = line["quantities"], line["reasons"]
        if line["eligible"] or not isinstance(quantities, dict) or not isinstance(reasons, list):
            continue
        for reason in reasons:
            count, observed = sums.get(reason, (0, 0))
            sums[reason] = (count + 1, observed + int(quantities["observed_ms"]))
    return [(reason, count, observed) for reason, (count, observed) in sorted(sums.items())]
