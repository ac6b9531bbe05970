"""Forms: read whole, and only with the token that this visit's pages carry."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from kashi_server.portal.errors import FormRefused
from kashi_server.portal.visit import AnyVisit
from kashi_server.services.sessions import is_form_token

TOKEN_FIELD = "form_token"
FIELDS_MAX = 40
LONG_FIELDS_MAX = 1100


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The fields of a form that passed: texts, all texts of a name, files as bytes and what they
    are called there."""

    texts: dict[str, str] = field(default_factory=dict)
    lists: dict[str, list[str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A field's text without surrounding blanks; empty where it is missing."""
        return self.texts.get(name, "").strip()


async def checked_form(request: Request, visit: AnyVisit) -> Form:
    """The form of a request.

    Raises:
        FormRefused: its token is missing or another visit's.
    """
    return await _read(request, visit, FIELDS_MAX)


async def long_form(request: Request, visit: AnyVisit) -> Form:
    """The form of a request that may choose many things at once.

    Raises:
        FormRefused: its token is missing or another visit's.
    """
    return await _read(request, visit, LONG_FIELDS_MAX)


async def _read(request: Request, visit: AnyVisit, fields_max: int) -> Form:
    texts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    files: dict[str, bytes] = {}
    names: dict[str, str] = {}
    async with request.form(max_files=1, max_fields=fields_max) as fields:
        for name, value in fields.multi_items():
            if isinstance(value, UploadFile):
                files[name] = await value.read()
                names[name] = PurePosixPath((value.filename or "").replace("\\", "/")).name
            else:
                texts[name] = value
                lists.setdefault(name, []).append(value)
    secret = visit.session.token if visit.session else visit.visitor_token
    if not is_form_token(secret, texts.get(TOKEN_FIELD, "")):
        await run_in_threadpool(visit.record, "form-refused", request.url.path)
        raise FormRefused(
            "表单令牌缺失或属于其他会话，请刷新后重试。"
            "the form's token is missing or belongs to another session"
        )
    return Form(texts=texts, lists=lists, files=files, names=names)


CheckedForm = Annotated[Form, Depends(checked_form)]
LongForm = Annotated[Form, Depends(long_form)]
