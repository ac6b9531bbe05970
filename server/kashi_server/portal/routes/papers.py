"""Papers: invoices, payments and evidence files; lists, uploads, and what an invoice is for."""

from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from kashi_server.domain.evidence_file import Subject, SubjectKind
from kashi_server.domain.invoice import LinePart
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.portal.forms import CheckedForm, Form
from kashi_server.portal.pages import page
from kashi_server.portal.visit import OfOffice, SignedIn, Visit
from kashi_server.services.paper_desk import Uploaded
from kashi_server.services.views import NOT_THERE

ROWS_SHOWN: Final = 500
UNFIT: Final = 422
router = APIRouter(include_in_schema=False)


@router.get("/papers")
def papers(visit: SignedIn) -> Response:
    """Everything a reader sees, and the forms for more."""
    return _list(visit)


@router.post("/papers/invoices")
def take_invoices(visit: SignedIn, form: CheckedForm) -> Response:
    """Take an export of the tax bureau, or an invoice's XML."""
    login = side(visit)
    try:
        taken, passed_by = visit.parts.papers.take_invoices(
            visit.reader, login, uploaded(form, "invoices")
        )
    except MistakesFound as found:
        return _list(visit, mistakes=found.mistakes)
    visit.record("papers-taken", f"invoices {taken.added}+{taken.changed}")
    return _list(visit, taken={"kind": "invoices", "taken": taken, "passed_by": passed_by})


@router.post("/papers/payments")
def take_payments(visit: SignedIn, form: CheckedForm) -> Response:
    """Take a bank's export of payments."""
    login = side(visit)
    try:
        taken = visit.parts.papers.take_payments(visit.reader, login, uploaded(form, "payments"))
    except MistakesFound as found:
        return _list(visit, mistakes=found.mistakes)
    visit.record("papers-taken", f"payments {taken.added}+{taken.changed}")
    return _list(visit, taken={"kind": "payments", "taken": taken, "passed_by": 0})


@router.post("/papers/files")
def add_file(visit: SignedIn, form: CheckedForm) -> Response:
    """Keep an evidence file about a contract, an invoice, a payment or a claim."""
    login = side(visit)
    try:
        subject = Subject.parse(f"{form.text('kind')}:{form.text('subject')}")
        file = uploaded(form, "file")
        visit.parts.papers.add_file(visit.reader, login, file, subject)
    except (InvalidValue, Refused) as problem:
        return _list(visit, problem=str(problem))
    visit.record("papers-taken", f"file {subject}")
    return RedirectResponse("/papers", status_code=303)


@router.get("/papers/invoices/{number}")
def invoice(visit: SignedIn, number: str) -> Response:
    """One invoice: lines, parts, how it stands, what claims hold of it; to a party of whose content
    another one stands, its own."""
    try:
        return _invoice(visit, number)
    except NotFound:
        told = visit.parts.papers.told(visit.reader, number)
        return page(visit, "invoice_told.html", number=number, told=told)


@router.get("/papers/contested")
def contested(visit: OfOffice) -> Response:
    """Invoices with several contents of which two officers have to decide."""
    return page(visit, "contested.html", rows=visit.parts.papers.contested(visit.reader))


@router.post("/papers/invoices/{number}/parts")
def map_lines(visit: SignedIn, number: str, form: CheckedForm) -> Response:
    """Say which part of which contract each line is for."""
    login = side(visit)
    shown = visit.parts.papers.invoice(visit.reader, number)
    parts = []
    try:
        for line in shown.history.stored.invoice.lines:
            contract_id, _slash, part = form.text(f"line-{line.line}").partition("/")
            if part:
                parts.append(LinePart(line=line.line, contract_id=contract_id, part=part))
        visit.parts.papers.map_lines(visit.reader, login, number, parts)
    except (Refused, InvalidValue) as problem:
        return _invoice(visit, number, str(problem))
    visit.record("papers-taken", f"invoice {number}")
    return RedirectResponse(f"/papers/invoices/{number}", status_code=303)


@router.get("/papers/files/{sha256}")
def download(visit: SignedIn, sha256: str) -> Response:
    """An evidence file's bytes, always as a download: nothing of it runs or renders here."""
    file, content = visit.parts.papers.file(visit.reader, sha256)
    visit.record("downloaded", f"file/{sha256}")
    return attachment(content, file.name, file.file.media_type)


def attachment(content: bytes, name: str, media_type: str) -> Response:
    """Bytes to save under a name that may be in any script."""
    return Response(
        content,
        media_type=media_type,
        headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"},
    )


def side(visit: Visit) -> str:
    """The login of an account of a company or provider; the office adds no papers here.

    Raises:
        NotFound: it is the office's.
    """
    assert visit.session is not None
    if visit.session.account.party_id is None:
        raise NotFound(NOT_THERE)
    return visit.session.account.login


def uploaded(form: Form, field: str) -> Uploaded:
    """The file of a form.

    Raises:
        InvalidValue: none was chosen.
    """
    content = form.files.get(field, b"")
    if not content:
        raise InvalidValue("请选择一个非空文件。choose a file that is not empty")
    return Uploaded(name=form.names.get(field, "") or "file", content=content)


def _list(
    visit: Visit,
    *,
    mistakes: tuple[Mistake, ...] = (),
    taken: dict[str, object] | None = None,
    problem: str = "",
) -> Response:
    shown = visit.parts.papers.papers(visit.reader)
    return page(
        visit,
        "papers.html",
        status_code=UNFIT if mistakes else 409 if problem else 200,
        invoices=list(reversed(shown.invoices))[:ROWS_SHOWN],
        payments=list(reversed(shown.payments))[:ROWS_SHOWN],
        files=list(reversed(shown.files))[:ROWS_SHOWN],
        contracts=shown.contracts,
        kinds=[str(kind) for kind in SubjectKind],
        mistakes=mistakes,
        taken=taken,
        problem=problem,
        may_add=visit.reader.party_id is not None,
    )


def _invoice(visit: Visit, number: str, problem: str = "") -> Response:
    shown = visit.parts.papers.invoice(visit.reader, number)
    stored = shown.history.stored
    return page(
        visit,
        "invoice.html",
        status_code=409 if problem else 200,
        invoice=stored.invoice,
        stored=stored,
        history=shown.history,
        told=shown.told,
        contracts=sorted({part.contract_id for part in stored.parts}),
        allocations=shown.allocations,
        parts_of=shown.parts,
        chosen={part.line: f"{part.contract_id}/{part.part}" for part in stored.parts},
        may_map=visit.reader.party_id is not None,
        problem=problem,
    )
