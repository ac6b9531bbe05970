"""From a template and its values to a page. Reads are done before a page is rendered."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from kashi_server.domain.host_reason import reason_in_both
from kashi_server.portal import assets, charts
from kashi_server.portal.locale import catalogue, formats
from kashi_server.portal.visit import VISITOR, Visit, set_cookie
from kashi_server.services.accounts import Role

TEMPLATES: Final = Path(__file__).parent / "templates"

_OF_OFFICE: Final = (
    "overview",
    "hosts",
    "assignments",
    "stated",
    "statements",
    "certificates",
    "papers",
    "claims",
    "holds",
    "audit",
)
_NAVIGATION: Final[dict[Role, tuple[str, ...]]] = {
    Role.OFFICER: _OF_OFFICE,
    Role.AUDITOR: _OF_OFFICE,
    Role.COMPANY: (
        "usage",
        "assignments",
        "stated",
        "statements",
        "certificates",
        "papers",
        "claims",
        "hosts",
        "holds",
    ),
    Role.PROVIDER: (
        "usage",
        "assignments",
        "stated",
        "hosts",
        "holds",
        "papers",
        "claims",
        "statements",
        "certificates",
    ),
}
_FORMATS: Final = {
    name: getattr(formats, name)
    for name in (
        "yuan",
        "card_hours",
        "hours_of_ms",
        "percent",
        "memory",
        "instant",
        "minute",
        "iso_minute",
    )
}


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kashi_server.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FORMATS)
    environment.filters["part"] = lambda text: quote(str(text), safe="")
    return environment


_ENVIRONMENT: Final = _environment()


def page(visit: Visit, template: str, *, status_code: int = 200, **values: object) -> HTMLResponse:
    """Render a template for a visit."""
    frame = _frame(visit)
    html = _ENVIRONMENT.get_template(template).render({**frame, **values})
    response = HTMLResponse(html, status_code=status_code)
    response.headers["content-language"] = catalogue.HTML_LANGUAGE[visit.look.language]
    if visit.session is None and visit.is_new_visitor:
        set_cookie(response, visit, VISITOR, visit.visitor_token)
    return response


def _frame(visit: Visit) -> Mapping[str, object]:
    language = visit.look.language
    account = visit.session.account if visit.session else None
    return {
        "t": partial(catalogue.words, language),
        "known": partial(catalogue.known_words, language),
        "reason": partial(catalogue.reason_words, language),
        "count": partial(formats.count, language=language),
        "day": partial(formats.day, language=language),
        "name": partial(_name, language),
        "host_reason": partial(_host_reason, language),
        "ago": partial(_ago, visit),
        "charts": charts,
        "look": visit.look,
        "html_language": catalogue.HTML_LANGUAGE[language],
        "account": account,
        "is_officer": account is not None and account.role is Role.OFFICER,
        "is_office": account is not None and account.role.sees_everything,
        "navigation": _NAVIGATION[account.role] if account else (),
        "here": visit.path,
        "back": visit.back,
        "form_token": visit.form_token,
        "demo": visit.parts.demo,
        "version": visit.parts.version,
        "stylesheet": assets.ADDRESSES["kashi.css"],
        "icon": assets.ADDRESSES["kashi.svg"],
        "now_utc_ms": visit.parts.clock(),
    }


def _name(language: catalogue.Language, zh: str, en: str) -> str:
    return en if language == "en" and en else zh


def _host_reason(language: catalogue.Language, stored: str) -> str:
    return _name(language, *reason_in_both(stored))


def _ago(visit: Visit, then_utc_ms: int | None) -> str:
    since = formats.ago(then_utc_ms, visit.parts.clock())
    if since is None:
        return formats.NOTHING
    number, unit = since
    return catalogue.words(visit.look.language, f"ago.{unit}", n=number)
