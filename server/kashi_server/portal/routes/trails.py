"""How an amount came about, for the office: down from a certificate, and up from a minute.

The trail reads reports, the log and the ledger, which the portal's role does not; only the office,
which sees everything, has this page. Each step leads on to the page of what it speaks of.
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.minute_text import minute_of_text
from kashi_server.domain.trail import Trail
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.portal.pages import page
from kashi_server.portal.visit import OfOffice, Visit
from kashi_server.services.trail_words import text_of, word_of
from kashi_server.services.trails import Wanted

STEPS_SHOWN: Final = 400
UNFIT: Final = 422
router = APIRouter(include_in_schema=False)


@router.get("/explain")
def explain(
    visit: OfOffice, certificate: str = "", line: str = "", device: str = "", minute: str = ""
) -> Response:
    """A trail, or the form that asks for one."""
    trail, problem, status_code = Trail(), "", 200
    try:
        trail = _trail(visit, certificate, line, device, minute)
    except NotFound as missing:
        problem, status_code = str(missing), 404
    except InvalidValue as wrong:
        problem, status_code = str(wrong), UNFIT
    return page(
        visit,
        "explain.html",
        status_code=status_code,
        steps=trail.steps[:STEPS_SHOWN],
        found=len(trail.steps),
        problem=problem,
        asked={"certificate": certificate, "line": line, "device": device, "minute": minute},
        word_of=word_of,
        text_of=text_of,
    )


def _trail(visit: Visit, certificate: str, line: str, device: str, minute: str) -> Trail:
    if not (certificate or device):
        return Trail()
    at = minute_of_text(minute) if minute.strip() else None
    if certificate:
        wanted = Wanted(line=_number(line), hardware_id=device or None, minute=at)
        return visit.parts.explaining.certificate(certificate, wanted)
    if at is None:
        raise InvalidValue("请写明分钟。Name the minute as well.")
    return visit.parts.explaining.minute(device, at)


def _number(line: str) -> int | None:
    if not line.strip():
        return None
    if not (line.isascii() and line.isdecimal() and len(line) <= 9):
        raise InvalidValue(f"“{line}”不是行号。'{line}' is no line's number.")
    return int(line)
