"""Signing in and out, the front door, and how somebody wants to see the pages."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from kashi_server.portal.forms import CheckedForm
from kashi_server.portal.pages import page
from kashi_server.portal.visit import (
    LOOK,
    LOOK_SECONDS,
    SESSION,
    AnyVisit,
    Look,
    SignedIn,
    drop_cookie,
    set_cookie,
)
from kashi_server.services.sessions import TooManyAttempts, WrongCredentials

HOME: Final = "/"
router = APIRouter(include_in_schema=False)


@router.get("/")
def front_door(visit: SignedIn) -> Response:
    """Lead everybody to their first page."""
    office = visit.reader.role.sees_everything
    return RedirectResponse("/overview" if office else "/usage", status_code=303)


@router.get("/sign-in")
def sign_in_page(visit: AnyVisit, next: str = HOME) -> Response:  # noqa: A002 - the address says so
    """The form."""
    if visit.session is not None:
        return RedirectResponse(HOME, status_code=303)
    return page(visit, "sign_in.html", next=own_path(next), problem="", login="")


@router.post("/sign-in")
def sign_in(visit: AnyVisit, form: CheckedForm) -> Response:
    """Open a session under a new token, whatever the browser had before."""
    target = own_path(form.text("next"))
    login = form.text("login")
    try:
        session = visit.parts.sessions.sign_in(login, form.texts.get("password", ""), visit.address)
    except (WrongCredentials, TooManyAttempts) as refusal:
        throttled = isinstance(refusal, TooManyAttempts)
        return page(
            visit,
            "sign_in.html",
            status_code=429 if throttled else 401,
            next=target,
            problem="throttled" if throttled else "wrong",
            login=login,
        )
    if visit.session is not None:
        visit.parts.sessions.sign_out(visit.session, visit.address)
    response = RedirectResponse(target, status_code=303)
    set_cookie(response, visit, SESSION, session.token)
    return response


@router.post("/sign-out")
def sign_out(visit: AnyVisit, form: CheckedForm) -> Response:
    """End the session, here and in the database."""
    if visit.session is not None:
        visit.parts.sessions.sign_out(visit.session, visit.address)
    response = RedirectResponse("/sign-in", status_code=303)
    drop_cookie(response, visit, SESSION)
    return response


@router.post("/look")
def change_look(visit: AnyVisit, form: CheckedForm) -> Response:
    """Keep language, theme and text size for a year, and go back."""
    fields = (form.text("language"), form.text("theme"), form.text("size"))
    response = RedirectResponse(own_path(form.text("back")), status_code=303)
    set_cookie(response, visit, LOOK, str(Look.parse(".".join(fields))), LOOK_SECONDS)
    return response


def own_path(text: str) -> str:
    """A path of this portal; anything that could lead elsewhere leads home."""
    safe = text.startswith("/") and not text.startswith(("//", "/\\"))
    return text if safe and text.isprintable() and len(text) <= 500 else HOME
