"""Public verification: anybody who holds a certificate may ask whether it stands.

Number and code together, or the document itself, show the masked key fields and the status. A wrong
number and a wrong code are answered alike, so that numbers cannot be walked through.
"""

import hmac
from hashlib import sha256
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.domain.certificate import CertificateStatus, VerificationCode
from kashi_server.domain.confirmation import Side
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.portal.forms import CheckedForm
from kashi_server.portal.pages import page
from kashi_server.portal.visit import AnyVisit, SignedIn, Visit
from kashi_server.services.rows import CertificateRow
from kashi_server.services.views import NOT_THERE

router = APIRouter(include_in_schema=False)
_STANDING: Final = (CertificateStatus.ISSUED, CertificateStatus.REDEEMED)


@router.get("/verify")
def verify_page(visit: AnyVisit, number: str = "", code: str = "") -> Response:
    """The two forms; the address in a certificate's QR code answers at once."""
    if number and code:
        return _answer(visit, number[:40], code[:40])
    return _page(visit, number=number[:40], code=code[:40])


@router.post("/verify")
def verify_number(visit: AnyVisit, form: CheckedForm) -> Response:
    """Look a certificate up by its number and code."""
    return _answer(visit, form.text("number")[:40], form.text("code")[:40])


@router.post("/verify/document")
def verify_document(visit: AnyVisit, form: CheckedForm) -> Response:
    """Look a certificate up by the bytes of its PDF, which are hashed and forgotten."""
    visit.parts.pace.take(visit.address)
    digest = sha256(form.files.get("document", b"")).hexdigest()
    found = visit.parts.views.verify_document(digest)
    return _page(visit, asked="document", row=found, digest=digest)


@router.post("/verify/confirm")
def confirm(visit: SignedIn, form: CheckedForm) -> Response:
    """A party's confirmation of the document it holds, as the user or the provider it names."""
    number, code = form.text("number")[:40], form.text("code")[:40]
    account = visit.session.account if visit.session else None
    if account is None or account.party_id is None:
        raise NotFound(NOT_THERE)
    visit.parts.pace.take(visit.address)
    try:
        visit.parts.confirming.confirm(number, code, account.party_id, account.login)
    except NotFound:
        return _page(visit, number=number, code=code, asked="number")
    except Refused as problem:
        return _answer(visit, number, code, str(problem))
    visit.record("confirmed", number)
    return _answer(visit, number, code)


def _may_confirm(visit: Visit, row: CertificateRow | None) -> bool:
    """Whether the reader is a side of it that has not confirmed it yet."""
    account = visit.session.account if visit.session else None
    if row is None or account is None or row.status not in _STANDING:
        return False
    sides = {Side.USER: row.user.party_id, Side.PROVIDER: row.provider_id}
    given = {one.side for one in row.confirmations}
    return any(party == account.party_id and side not in given for side, party in sides.items())


def masked(name: str) -> str:
    """A name of which every other person knows enough to recognise it: its ends."""
    if len(name) <= 4:
        return name[:1] + "*" * (len(name) - 1)
    return name[:2] + "*" * (len(name) - 4) + name[-2:]


def _same_code(stored: str, given: str) -> bool:
    try:
        canonical = str(VerificationCode.parse(given))
    except InvalidValue:
        return False
    return hmac.compare_digest(stored.encode(), canonical.encode())


def _answer(visit: Visit, number: str, code: str, problem: str = "") -> Response:
    visit.parts.pace.take(visit.address)
    found = visit.parts.views.verify_number(number)
    return _page(
        visit,
        number=number,
        code=code,
        asked="number",
        row=found if found is not None and _same_code(found.code, code) else None,
        problem=problem,
    )


def _page(
    visit: Visit,
    *,
    number: str = "",
    code: str = "",
    asked: str = "",
    row: CertificateRow | None = None,
    digest: str = "",
    problem: str = "",
) -> Response:
    return page(
        visit,
        "verify.html",
        number=number,
        code=code,
        asked=asked,
        row=row,
        digest=digest,
        problem=problem,
        may_confirm=asked == "number" and _may_confirm(visit, row),
        user_name=masked(row.user.name_zh) if row else "",
        user_id=masked(row.user.party_id) if row else "",
    )
