"""The JSON interface: the pages' data under the pages' scope, for the session's cookie.

It only reads. What is somebody else's answers exactly like what does not exist.
"""

from datetime import date
from typing import Final

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.responses import JSONResponse, Response

from kashi_server.domain.interval import Month
from kashi_server.errors import NotFound
from kashi_server.portal.days import day_window
from kashi_server.portal.locale import catalogue
from kashi_server.portal.pages import page
from kashi_server.portal.routes.certificates import certificate_file
from kashi_server.portal.shapes import (
    AccountShape,
    AuditShape,
    CertificateShape,
    CompanyMonthShape,
    GapShape,
    HoldShape,
    HostShape,
    HourShape,
    MonthUsageShape,
    PartyShape,
    StatementShape,
    month_usage_shape,
    usage_shape,
)
from kashi_server.portal.visit import AnyVisit, SignedIn
from kashi_server.services.views import NOT_THERE

PREFIX: Final = "/api/v1"
pages = APIRouter(include_in_schema=False)


def _name(route: APIRoute) -> str:
    return route.name


def _both(name: str) -> str:
    """What an address gives, Chinese first: a description has one reader in each language."""
    return " ".join(catalogue.words(one, f"api.operation.{name}") for one in catalogue.LANGUAGES)


router = APIRouter(prefix=PREFIX, generate_unique_id_function=_name)


@pages.get("/api")
def described(visit: AnyVisit, request: Request) -> Response:
    """What the interface offers, as a page without foreign scripts."""
    operations = [
        (path, method.upper(), operation["operationId"])
        for path, methods in request.app.openapi()["paths"].items()
        for method, operation in methods.items()
    ]
    return page(visit, "api.html", operations=operations)


@pages.get(f"{PREFIX}/openapi.json")
def description(request: Request) -> Response:
    """The OpenAPI description."""
    return JSONResponse(request.app.openapi())


@router.get("/account", summary=_both("account"))
def account(visit: SignedIn) -> AccountShape:
    """Login, role and party of the session."""
    assert visit.session is not None
    return AccountShape.model_validate(visit.session.account)


@router.get("/parties", summary=_both("parties"))
def parties(visit: SignedIn) -> list[PartyShape]:
    """Everybody for the office, oneself otherwise."""
    return [PartyShape.model_validate(p) for p in visit.parts.views.parties(visit.reader)]


@router.get("/company-months", summary=_both("company_months"))
def company_months(visit: SignedIn) -> list[CompanyMonthShape]:
    """Card-hours, expense and eligible expense, latest month first."""
    rows = visit.parts.views.company_months(visit.reader)
    return [CompanyMonthShape.model_validate(row) for row in rows]


@router.get("/companies/{party_id}/months/{month}", summary=_both("company_month"))
def company_month(visit: SignedIn, party_id: str, month: str) -> MonthUsageShape:
    """By day and by device, cut to the minutes the party sees."""
    views = visit.parts.views
    views.party(visit.reader, party_id)
    return month_usage_shape(views.month_usage(visit.reader, party_id, Month.parse(month)))


@router.get("/companies/{party_id}/months/{month}/gaps", summary=_both("gaps"))
def gaps(visit: SignedIn, party_id: str, month: str) -> list[GapShape]:
    """Cut to the minutes the party sees, latest first."""
    views = visit.parts.views
    views.party(visit.reader, party_id)
    found = views.gaps(visit.reader, party_id, Month.parse(month).interval())
    return [GapShape.model_validate(gap) for gap in found]


@router.get("/devices/{hardware_id}/months/{month}", summary=_both("device_month"))
def device_month(visit: SignedIn, hardware_id: str, month: str) -> MonthUsageShape:
    """By day, cut to the minutes the reader sees."""
    window = Month.parse(month).interval()
    _device, usage = visit.parts.views.device_usage(visit.reader, hardware_id, window)
    return month_usage_shape(usage)


@router.get("/devices/{hardware_id}/days/{day}", summary=_both("device_day"))
def device_day(visit: SignedIn, hardware_id: str, day: date) -> list[HourShape]:
    """Twenty-four hours of Asia/Shanghai, cut to the minutes the reader sees."""
    hours = visit.parts.views.device_hours(visit.reader, hardware_id, day_window(day))
    return [
        HourShape(start_minute=step.start, usage=usage_shape(seen.total)) for step, seen in hours
    ]


@router.get("/hosts", summary=_both("hosts"))
def hosts(visit: SignedIn) -> list[HostShape]:
    """With last report, agent version and state."""
    return [HostShape.model_validate(row) for row in visit.parts.views.hosts(visit.reader)]


@router.get("/hosts/{host_id}", summary=_both("host"))
def host(visit: SignedIn, host_id: str) -> HostShape:
    """With last report, agent version and state."""
    return HostShape.model_validate(visit.parts.views.host(visit.reader, host_id))


@router.get("/holds", summary=_both("holds"))
def holds(visit: SignedIn) -> list[HoldShape]:
    """Held hosts, quarantined reports, forks, new epochs, conflicts, alarms."""
    return [HoldShape.model_validate(row) for row in visit.parts.views.holds(visit.reader)]


@router.get("/statements", summary=_both("statements"))
def statements(visit: SignedIn, month: str | None = None) -> list[StatementShape]:
    """Of all months, or of one."""
    chosen = Month.parse(month) if month else None
    rows = visit.parts.views.statements(visit.reader, chosen)
    return [StatementShape.model_validate(row) for row in rows]


@router.get("/statements/{number}", summary=_both("statement"))
def statement(visit: SignedIn, number: str) -> Response:
    """The canonical bytes of format kashi/v1/statement."""
    return _canonical(visit.parts.views.statement(visit.reader, number).content)


@router.get("/statements/{number}/revisions/{revision}", summary=_both("statement_revision"))
def statement_revision(visit: SignedIn, number: str, revision: int) -> Response:
    """The canonical bytes of format kashi/v1/statement."""
    return _canonical(visit.parts.views.statement(visit.reader, number, revision).content)


@router.get("/certificates", summary=_both("certificates"))
def certificates(visit: SignedIn) -> list[CertificateShape]:
    """Latest first."""
    rows = visit.parts.views.certificates(visit.reader)
    return [CertificateShape.model_validate(row) for row in rows]


@router.get("/certificates/{number}", summary=_both("certificate"))
def certificate(visit: SignedIn, number: str) -> CertificateShape:
    """Its key figures, hashes and status."""
    return CertificateShape.model_validate(visit.parts.views.certificate(visit.reader, number))


@router.get("/certificates/{number}/{file}", summary=_both("download"))
def download(visit: SignedIn, number: str, file: str) -> Response:
    """certificate.pdf, statement.json, evidence.json or bundle.zip, as issued."""
    return certificate_file(visit, number, file)


@router.get("/audit", summary=_both("audit"))
def audit(visit: SignedIn) -> list[AuditShape]:
    """Sign-ins, denials, downloads and tokens on the portal."""
    if not visit.reader.role.sees_everything:
        raise NotFound(NOT_THERE)
    return [AuditShape.model_validate(e) for e in visit.parts.views.audit(visit.reader)]


def _canonical(content: bytes) -> Response:
    return Response(content, media_type="application/json")
