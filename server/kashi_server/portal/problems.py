"""What goes wrong, as a page for people and as JSON under /api; never more than one may know.

A thing that is somebody else's and a thing that does not exist get the same bytes.
"""

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response

from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.portal.errors import FormRefused, SignInNeeded, TooManyRequests
from kashi_server.portal.pages import page
from kashi_server.portal.shield import shielding
from kashi_server.portal.visit import open_visit

API: Final = "/api/"
_STATUS: Final = {
    "not_found": 404,
    "forbidden": 403,
    "bad_request": 400,
    "method": 405,
    "too_many": 429,
    "refused": 409,
}
_BY_STATUS: Final = {404: "not_found", 403: "forbidden", 405: "method", 429: "too_many"}


def install(app: FastAPI) -> None:
    """Tell the app what to answer."""
    for kind, problem in (
        (NotFound, "not_found"),
        (FormRefused, "forbidden"),
        (TooManyRequests, "too_many"),
        (RequestValidationError, "bad_request"),
        (InvalidValue, "bad_request"),
    ):
        app.add_exception_handler(kind, _handler(problem))
    app.add_exception_handler(SignInNeeded, _sign_in)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(Exception, _failed)


def _handler(problem: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, _error: Exception) -> Response:
        return await run_in_threadpool(_answer, request, problem)

    return answer


async def _of_framework(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return await run_in_threadpool(_answer, request, _BY_STATUS.get(status, "bad_request"))


async def _refused(request: Request, error: Exception) -> Response:
    return await run_in_threadpool(_answer, request, "refused", str(error))


async def _sign_in(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith(API):
        return JSONResponse({"error": "sign_in_needed"}, status_code=401)
    return RedirectResponse(f"/sign-in?next={quote(request.url.path)}", status_code=303)


async def _failed(request: Request, _error: Exception) -> Response:
    # The database may be what failed: no visit is looked up, and the shield does not stand here.
    return PlainTextResponse(
        "服务器出错，错误已记录。\nThe server failed; the failure is logged.\n",
        status_code=500,
        headers=shielding(request.url.scheme),
    )


def _answer(request: Request, problem: str, detail: str = "") -> Response:
    status = _STATUS[problem]
    visit = open_visit(request)
    if problem == "not_found" and visit.session is not None:
        visit.record("denied", request.url.path)
    if request.url.path.startswith(API):
        return JSONResponse({"error": problem}, status_code=status)
    # Nothing of the address stands in the answer: a foreign id and a missing one read the same.
    return page(
        visit, "problem.html", status_code=status, problem=problem, detail=detail, here="", back="/"
    )
