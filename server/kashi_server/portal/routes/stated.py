"""Usage that a provider states (E1): what it says, line by line, and the word of each side.

Whoever may not see an attestation is told that there is none, before anything else is looked at.
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from kashi_server.domain.attestation import AttestationState
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.portal.forms import CheckedForm, Form
from kashi_server.portal.pages import page
from kashi_server.portal.visit import SignedIn, Visit
from kashi_server.services.stated_desk import Word
from kashi_server.services.views import NOT_THERE

ROWS_SHOWN: Final = 100
RECORDS_SHOWN: Final = 500
router = APIRouter(include_in_schema=False)


@router.get("/stated")
def stated(visit: SignedIn, state: str = "", at: int = 1) -> Response:
    """What was stated of the reader's contracts, what awaits the reader first."""
    desk, chosen = visit.parts.stated, _state(state)
    shown = desk.listed(visit.reader, chosen, at=at, size=ROWS_SHOWN)
    return page(
        visit,
        "stated.html",
        rows=shown.rows,
        found=shown.found,
        at=shown.at,
        pages=shown.pages,
        awaiting=desk.awaiting(visit.reader),
        states=[str(one) for one in AttestationState],
        state="" if chosen is None else str(chosen),
    )


@router.get("/stated/{attestation_id}")
def attestation(visit: SignedIn, attestation_id: str) -> Response:
    """One attestation: file and hashes, months, records, and what was said to it."""
    return _one(visit, attestation_id)


@router.post("/stated/{attestation_id}/answer")
def answer(visit: SignedIn, attestation_id: str, form: CheckedForm) -> Response:
    """Countersign, refuse, withdraw or take back, as the side that the account speaks for."""
    assert visit.session is not None
    if visit.reader.party_id is None:
        raise NotFound(NOT_THERE)
    visit.parts.stated.row(visit.reader, attestation_id)
    word, login = _word(form), visit.session.account.login
    try:
        visit.parts.stated.say(visit.reader, login, attestation_id, word, form.text("reason"))
    except (Refused, InvalidValue) as problem:
        return _one(visit, attestation_id, str(problem))
    visit.record(f"stated-{word}", attestation_id)
    return RedirectResponse(f"/stated/{attestation_id}", status_code=303)


def _state(text: str) -> AttestationState | None:
    """The state that a list is cut to; None: any."""
    return AttestationState(text) if text in set(AttestationState) else None


def _word(form: Form) -> Word:
    try:
        return Word(form.text("answer"))
    except ValueError as error:
        raise InvalidValue(
            "请选择会签、拒绝、撤回或撤销。Choose countersign, refuse, withdraw or reverse."
        ) from error


def _one(visit: Visit, attestation_id: str, problem: str = "") -> Response:
    row = visit.parts.stated.row(visit.reader, attestation_id)
    return page(
        visit,
        "attestation.html",
        status_code=409 if problem else 200,
        row=row,
        stored=row.stored,
        stated=row.stored.attestation,
        records=row.stored.attestation.records[:RECORDS_SHOWN],
        problem=problem,
    )
