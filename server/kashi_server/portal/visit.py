"""One visit: who is there, how they want to see the page, and what their forms must carry.

Cookies: the session's token; for visitors without one, a secret that only binds their forms; and
the look (language, theme, text size). Over https all three are secure `__Host-` cookies.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.responses import Response

from kashi_server.errors import NotFound
from kashi_server.portal.errors import SignInNeeded
from kashi_server.portal.locale.catalogue import LANGUAGES, Language
from kashi_server.portal.parts import PortalParts, parts_of
from kashi_server.services.sessions import Session, form_token_of
from kashi_server.services.sight import Reader

SESSION: Final = "kashi-session"
VISITOR: Final = "kashi-visitor"
LOOK: Final = "kashi-look"
THEMES: Final = ("auto", "light", "dark")
SIZES: Final = ("normal", "large")
LOOK_SECONDS: Final = 365 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How somebody wants to see the pages."""

    language: Language = "zh"
    theme: str = "auto"
    size: str = "normal"

    @classmethod
    def parse(cls, text: str) -> "Look":
        """Read the cookie; what it does not know falls back to the default."""
        language, theme, size = (*text.split("."), "", "", "")[:3]
        return cls(
            language=language if language in LANGUAGES else "zh",
            theme=theme if theme in THEMES else "auto",
            size=size if size in SIZES else "normal",
        )

    def __str__(self) -> str:
        return f"{self.language}.{self.theme}.{self.size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a page must know of the one who looks at it."""

    parts: PortalParts
    look: Look
    session: Session | None
    visitor_token: str
    is_new_visitor: bool
    address: str
    path: str
    back: str
    secure: bool

    @property
    def form_token(self) -> str:
        """What every form of this visit carries."""
        return self.session.form_token if self.session else form_token_of(self.visitor_token)

    @property
    def reader(self) -> Reader:
        """Who reads.

        Raises:
            SignInNeeded: nobody is signed in.
        """
        if self.session is None:
            raise SignInNeeded("请先登录。sign in first")
        account = self.session.account
        return Reader(account_id=account.account_id, role=account.role, party_id=account.party_id)

    def record(self, act: str, subject: str) -> None:
        """Write what this visit did to the audit trail."""
        account = self.session.account if self.session else None
        login = account.login if account else ""
        self.parts.sessions.record(account, login, self.address, act, subject[:200])


def open_visit(request: Request) -> Visit:
    """Recognise who is there."""
    parts = parts_of(request)
    # Behind a proxy the server's own front tells the scheme that the browser used.
    secure = request.url.scheme == "https"
    token = request.cookies.get(cookie_name(SESSION, secure))
    visitor = request.cookies.get(cookie_name(VISITOR, secure))
    return Visit(
        parts=parts,
        look=Look.parse(request.cookies.get(cookie_name(LOOK, secure), "")),
        session=parts.sessions.recognise(token) if token else None,
        visitor_token=visitor or parts.sessions.new_token(),
        is_new_visitor=visitor is None,
        address=request.client.host if request.client else "unknown",
        path=request.url.path,
        back=_back(request),
        secure=secure,
    )


def _back(request: Request) -> str:
    """Where the page that was shown can be had again."""
    path = request.url.path
    if request.method != "GET":
        return "/verify" if path.startswith("/verify/") else path
    return f"{path}?{request.url.query}" if request.url.query else path


def signed_in(visit: Annotated[Visit, Depends(open_visit)]) -> Visit:
    """A visit with somebody signed in.

    Raises:
        SignInNeeded: nobody is.
    """
    if visit.session is None:
        raise SignInNeeded("请先登录。sign in first")
    return visit


def of_office(visit: Annotated[Visit, Depends(signed_in)]) -> Visit:
    """A visit of an officer or auditor; for everybody else the page does not exist.

    Raises:
        NotFound: it is somebody else's.
    """
    if not visit.reader.role.sees_everything:
        raise NotFound("没有此页，或不属于您的账号。there is no such page for this reader")
    return visit


AnyVisit = Annotated[Visit, Depends(open_visit)]
SignedIn = Annotated[Visit, Depends(signed_in)]
OfOffice = Annotated[Visit, Depends(of_office)]


def cookie_name(name: str, secure: bool) -> str:
    """A cookie's name; browsers bind a `__Host-` one to this host and to https."""
    return f"__Host-{name}" if secure else name


def set_cookie(
    response: Response, visit: Visit, name: str, value: str, max_age_seconds: int | None = None
) -> None:
    """Give the browser a cookie that no script reads and no other site sends."""
    response.set_cookie(
        cookie_name(name, visit.secure),
        value,
        max_age=max_age_seconds,
        path="/",
        secure=visit.secure,
        httponly=True,
        samesite="lax",
    )


def drop_cookie(response: Response, visit: Visit, name: str) -> None:
    """Take a cookie back."""
    response.delete_cookie(
        cookie_name(name, visit.secure),
        path="/",
        secure=visit.secure,
        httponly=True,
        samesite="lax",
    )
