"""A contract's page: parts, amendments, prices, and every paper of it that the reader sees."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.money import price_text
from kashi_server.portal.pages import page
from kashi_server.portal.visit import SignedIn

ROWS_SHOWN: Final = 500
router = APIRouter(include_in_schema=False)


@router.get("/contracts/{contract_id}")
def contract(visit: SignedIn, contract_id: str) -> Response:
    """One contract, for its two sides and the office."""
    reader, parts = visit.reader, visit.parts
    now_minute = parts.clock() // MINUTE_MS
    row, sheet = parts.assignments.contract(reader, contract_id, now_minute)
    assignments = [
        one
        for one in parts.assignments.rows(reader)
        if one.history.contract.contract_id == contract_id
    ]
    statements = [one for one in parts.views.statements(reader) if one.contract_id == contract_id]
    claims = [one for one in parts.claims.all(reader) if contract_id in one.content.contract_ids]
    return page(
        visit,
        "contract.html",
        row=row,
        contract=row.contract,
        sheet=sheet,
        now_minute=now_minute,
        price_text=price_text,
        assignments=assignments[:ROWS_SHOWN],
        invoices=list(reversed(parts.papers.invoices_of(reader, contract_id)))[:ROWS_SHOWN],
        statements=statements[:ROWS_SHOWN],
        claims=claims[:ROWS_SHOWN],
    )
