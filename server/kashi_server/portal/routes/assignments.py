"""Assignments: what waits for an answer, each with its history, and proposals one by one or many.

Whoever may not see an assignment is told that there is none, before anything else is looked at: the
first look is always the reader's own, under the portal's role.
"""

import json
from typing import Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from kashi_server.domain.assignment_act import Answer, Standing
from kashi_server.domain.assignment_draft import DRAFTS_MAX, HEADS, AssignmentDraft, drafts_of
from kashi_server.domain.interval import SHANGHAI, instant_of
from kashi_server.domain.minute_text import minute_of_text
from kashi_server.domain.sheet import SheetMistake, SheetRefused
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.portal.forms import CheckedForm, Form, LongForm
from kashi_server.portal.pages import page
from kashi_server.portal.visit import SignedIn, Visit
from kashi_server.services.assignment import Actor
from kashi_server.services.proposing import no_contract
from kashi_server.services.views import NOT_THERE

ROWS_SHOWN: Final = 500
SPREADSHEET: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
UNFIT: Final = 422
router = APIRouter(include_in_schema=False)


@router.get("/assignments")
def assignments(visit: SignedIn, standing: str = "", contract: str = "") -> Response:
    """The assignments of a reader's contracts, what awaits the reader first."""
    return _list(visit, standing, contract)


@router.get("/assignments/{assignment_id}")
def assignment(visit: SignedIn, assignment_id: str) -> Response:
    """One assignment: what stands, everything done about it, and what may be done now."""
    return _one(visit, assignment_id)


@router.post("/assignments/{assignment_id}/answer")
def answer(visit: SignedIn, assignment_id: str, form: CheckedForm) -> Response:
    """Confirm, decline or withdraw what waits about one assignment."""
    actor = _actor(visit)
    visit.parts.assignments.row(visit.reader, assignment_id)
    given, reason = _answer(form), form.text("reason")
    try:
        visit.parts.assigning.answer(actor, [assignment_id], given, reason)
    except (Refused, InvalidValue) as problem:
        return _one(visit, assignment_id, str(problem))
    return RedirectResponse(f"/assignments/{assignment_id}", status_code=303)


@router.post("/assignments/{assignment_id}/end")
def propose_end(visit: SignedIn, assignment_id: str, form: CheckedForm) -> Response:
    """Propose another end of a confirmed assignment."""
    actor = _actor(visit)
    visit.parts.assignments.row(visit.reader, assignment_id)
    try:
        end = minute_of_text(form.text("until"))
        visit.parts.assigning.propose_end(actor, assignment_id, end, form.text("reason"))
    except (Refused, InvalidValue) as problem:
        return _one(visit, assignment_id, str(problem))
    return RedirectResponse(f"/assignments/{assignment_id}", status_code=303)


@router.post("/proposals/answers")
def answers(visit: SignedIn, form: LongForm) -> Response:
    """Answer a list of proposals: all of them or none."""
    actor = _actor(visit)
    chosen = form.lists.get("chosen", [])
    seen = {row.assignment_id for row in visit.parts.assignments.rows(visit.reader)}
    if not seen >= set(chosen):
        raise NotFound(NOT_THERE)
    try:
        visit.parts.assigning.answer(actor, chosen, _answer(form), form.text("reason"))
    except (Refused, InvalidValue) as problem:
        return _list(visit, problem=str(problem))
    return RedirectResponse("/assignments", status_code=303)


@router.get("/proposals")
def proposals(visit: SignedIn) -> Response:
    """The form for one proposal, and the way for many."""
    _actor(visit)
    return _form(visit)


@router.post("/proposals")
def propose(visit: SignedIn, form: CheckedForm) -> Response:
    """Propose one assignment."""
    actor = _actor(visit)
    fields = {name: form.text(name) for name in HEADS}
    try:
        (made,) = visit.parts.assigning.propose(actor, _own(visit, drafts_of([(0, fields)])))
    except SheetRefused as refusal:
        return _form(visit, mistakes=refusal.mistakes, fields=fields)
    return RedirectResponse(f"/assignments/{made.assignment_id}", status_code=303)


@router.get("/proposals/template")
def template(visit: SignedIn) -> Response:
    """The spreadsheet to fill in, with the contracts it may name."""
    _actor(visit)
    content = visit.parts.sheets.template(visit.parts.assignments.contracts(visit.reader))
    name = 'attachment; filename="kashi-assignments.xlsx"'
    return Response(content, media_type=SPREADSHEET, headers={"content-disposition": name})


@router.post("/proposals/preview")
def preview(visit: SignedIn, form: CheckedForm) -> Response:
    """What a spreadsheet would propose, or everything that is wrong with it; nothing is taken."""
    actor = _actor(visit)
    try:
        drafts = _own(visit, visit.parts.sheets.read(form.files.get("sheet", b"")))
        shown = visit.parts.assigning.preview(actor, drafts)
    except SheetRefused as refusal:
        return _form(visit, mistakes=refusal.mistakes, of_sheet=True)
    written = json.dumps([_written(draft) for draft in drafts], ensure_ascii=False)
    return page(visit, "preview.html", drafts=list(zip(drafts, shown, strict=True)), rows=written)


@router.post("/proposals/rows")
def propose_rows(visit: SignedIn, form: LongForm) -> Response:
    """Take what was previewed: all of it or nothing. Every rule is asked once more."""
    actor = _actor(visit)
    try:
        drafts = _own(visit, drafts_of(_rows(form.text("rows"))))
        visit.parts.assigning.propose(actor, drafts)
    except SheetRefused as refusal:
        return _form(visit, mistakes=refusal.mistakes, of_sheet=True)
    return RedirectResponse("/assignments?standing=proposed", status_code=303)


def _actor(visit: Visit) -> Actor:
    """The party's account that acts; for the office, which is no side, there is nothing here."""
    assert visit.session is not None
    account = visit.session.account
    if account.party_id is None:
        raise NotFound(NOT_THERE)
    return Actor(
        login=account.login,
        party_id=account.party_id,
        account_id=account.account_id,
        address=visit.address,
    )


def _own(visit: Visit, drafts: list[AssignmentDraft]) -> list[AssignmentDraft]:
    """Drafts of contracts that the reader's own look has found.

    Raises:
        SheetRefused: some name others, or none.
    """
    rows = visit.parts.assignments.contracts(visit.reader)
    known = {row.contract.contract_id for row in rows}
    strange = [no_contract(draft) for draft in drafts if draft.contract_id not in known]
    if strange:
        raise SheetRefused(strange)
    return drafts


def _answer(form: Form) -> Answer:
    try:
        return Answer(form.text("answer"))
    except ValueError as error:
        raise InvalidValue("请选择确认、拒绝或撤回。choose confirm, decline or withdraw") from error


def _written(draft: AssignmentDraft) -> list[str]:
    """A draft as the preview's form carries it: its row, then its fields in order."""
    end = draft.interval.end
    until = "" if end is None else _iso(end)
    start = _iso(draft.interval.start)
    named = draft.assignment_id or ""
    return [str(draft.row), draft.contract_id, draft.hardware_id, start, until, named]


def _iso(minute: int) -> str:
    return instant_of(minute).astimezone(SHANGHAI).isoformat()


def _rows(text: str) -> list[tuple[int, dict[str, str]]]:
    """The rows that a preview's form carries."""
    try:
        written = json.loads(text)
        rows = [(int(row[0]), dict(zip(HEADS, row[1:], strict=True))) for row in written]
    except (
        *(ValueError, TypeError, KeyError, IndexError),
        *(RecursionError, OverflowError),  # nested without end; a number beyond all numbers
    ) as error:
        raise InvalidValue(
            "无法读取预览中的各行，请重新上传。the rows of the preview cannot be read"
        ) from error
    texts = all(isinstance(text, str) for _number, row in rows for text in row.values())
    if not texts or not 0 < len(rows) <= DRAFTS_MAX:
        raise InvalidValue(
            "无法读取预览中的各行，请重新上传。the rows of the preview cannot be read"
        )
    return rows


def _list(visit: Visit, standing: str = "", contract: str = "", problem: str = "") -> Response:
    rows = visit.parts.assignments.rows(visit.reader)
    contracts = sorted({row.history.contract.contract_id for row in rows})
    shown = [
        row
        for row in rows
        if standing in ("", row.history.standing)
        and contract in ("", row.history.contract.contract_id)
    ]
    return page(
        visit,
        "assignments.html",
        status_code=409 if problem else 200,
        rows=shown[:ROWS_SHOWN],
        found=len(shown),
        awaiting=[row for row in rows if row.awaits_reader],
        own=[row for row in rows if row.is_readers],
        standings=[str(one) for one in Standing],
        standing=standing,
        contracts=contracts,
        contract=contract,
        problem=problem,
        may_propose=visit.reader.party_id is not None,
    )


def _one(visit: Visit, assignment_id: str, problem: str = "") -> Response:
    row = visit.parts.assignments.row(visit.reader, assignment_id)
    is_side = visit.reader.party_id in row.history.contract.sides
    return page(
        visit,
        "assignment.html",
        status_code=409 if problem else 200,
        row=row,
        history=row.history,
        may_end=is_side and row.history.standing is Standing.CONFIRMED,
        problem=problem,
    )


def _form(
    visit: Visit,
    mistakes: tuple[SheetMistake, ...] = (),
    fields: dict[str, str] | None = None,
    *,
    of_sheet: bool = False,
) -> Response:
    return page(
        visit,
        "proposals.html",
        status_code=UNFIT if mistakes else 200,
        contracts=visit.parts.assignments.contracts(visit.reader),
        mistakes=mistakes,
        fields=fields or dict.fromkeys(HEADS, ""),
        of_sheet=of_sheet,
    )
