"""The shield around every answer and every request that changes something.

Answers carry a content security policy without any inline code and without any other origin: the
portal has no script at all, so none may run. A request that changes something must come from our
own pages and state its length.
"""

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "cache-control": "no-store",
}
STRICT_TRANSPORT: Final = "max-age=31536000"
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
FORM_BYTES_MAX: Final = 64 * 1024
UPLOAD_BYTES_MAX: Final = 16 * 1024 * 1024 + FORM_BYTES_MAX
SHEET_BYTES_MAX: Final = 8 * 1024 * 1024 + FORM_BYTES_MAX
EVIDENCE_BYTES_MAX: Final = 20 * 1024 * 1024 + FORM_BYTES_MAX
LIST_BYTES_MAX: Final = 1024 * 1024
BYTES_MAX: Final = {
    "/verify/document": UPLOAD_BYTES_MAX,
    "/papers/invoices": SHEET_BYTES_MAX,
    "/papers/payments": SHEET_BYTES_MAX,
    "/papers/files": EVIDENCE_BYTES_MAX,
    "/proposals/preview": SHEET_BYTES_MAX,
    "/proposals/rows": LIST_BYTES_MAX,
    "/proposals/answers": LIST_BYTES_MAX,
}
"""How long a request may be where it may be longer than a form."""


class Shield:
    """Wraps the application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_shielded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in shielding(scope["scheme"]).items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = _refusal(scope)
        await (refusal or self._app)(scope, receive, send_shielded)


def shielding(scheme: str) -> dict[str, str]:
    """The headers of an answer over http or https."""
    strict = {"strict-transport-security": STRICT_TRANSPORT} if scheme == "https" else {}
    return HEADERS | strict


def _refusal(scope: Scope) -> PlainTextResponse | None:
    if scope["method"] in SAFE_METHODS:
        return None
    headers = Headers(scope=scope)
    if not _is_ours(headers, scope["scheme"]):
        return PlainTextResponse("跨站请求已被拒绝。cross-site request refused\n", status_code=403)
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdecimal()):
        return PlainTextResponse(
            "请求须注明长度。state the length of the request\n", status_code=411
        )
    if int(length[:12]) > BYTES_MAX.get(scope["path"], FORM_BYTES_MAX):
        return PlainTextResponse("请求过大。the request is too large\n", status_code=413)
    return None


def _is_ours(headers: Headers, scheme: str) -> bool:
    # Browsers state where a request comes from. What states nothing is no browser, and cannot
    # have been led here by another site; it still needs the form's token.
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or origin == f"{scheme}://{headers.get('host', '')}"
