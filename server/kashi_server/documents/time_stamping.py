"""Time-stamps of an outside authority, RFC 3161 over HTTP (§3.4): what `timestamp_url` sets.

One request a document, within bounds: ten seconds in all, an answer of at most 16 KiB, no redirect,
no proxy. What the authority answers is checked before it is used: granted, the same nonce, the same
imprint, and a token that holds by itself (`stamp_checking`). The stamp says when a signature
existed; whose clock that is, only the authority's certificate tells.
"""

import http.client
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from asn1crypto import cms, core, tsp
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError

from kashi_server.documents.signing import STAMP_BYTES_MAX
from kashi_server.documents.stamp_checking import check_token
from kashi_server.domain.both_languages import because
from kashi_server.errors import InvalidValue, TimeStampMissing

TIMEOUT_S: Final = 10.0
_QUERY: Final = "application/timestamp-query"
_REPLY: Final = "application/timestamp-reply"
_GRANTED: Final = ("granted", "granted_with_mods")
_PIECE_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class StampAddress:
    """Where an authority answers: http or https, without user and fragment."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no such address."""
        parts = urlsplit(self.text)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.fragment:
            raise InvalidValue(
                f"“{self.text}”不是时间戳机构的 http 或 https 地址。"
                f"'{self.text}' is not the http or https address of an authority"
            )
        if parts.username is not None or parts.password is not None:
            raise InvalidValue(
                "时间戳机构的地址中不得写用户名与密码。"
                "an authority's address names no user and no password"
            )

    @property
    def parts(self) -> SplitResult:
        """The address in its parts."""
        return urlsplit(self.text)


class HttpTimeStamper(TimeStamper):
    """Asks an authority over HTTP."""

    def __init__(
        self, address: StampAddress, monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # the library ships no types here
        self._address = address
        self._monotonic_s = monotonic_s

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Send a request.

        Raises:
            TimeStampMissing: no proper answer came in time.
        """
        try:
            # One document is signed at a time and nothing else runs in its loop: it may block.
            answer = self._ask(req.dump())
            _check_granted(answer)
            return tsp.TimeStampResp.load(answer, strict=True)
        except (OSError, http.client.HTTPException, ValueError, TypeError) as error:
            raise self._missing(error) from error

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """A stamp over a digest.

        Raises:
            TimeStampMissing: the authority refuses, or stamps something else.
        """
        try:
            token = await super().async_timestamp(message_digest, md_algorithm)
        except TimestampRequestError as error:
            raise self._missing(error) from error
        try:
            said = token["content"]["encap_content_info"]["content"].parsed
            imprint = said["message_imprint"]
            stamped = (
                imprint["hash_algorithm"]["algorithm"].native,
                imprint["hashed_message"].native,
            )
        except (ValueError, TypeError, KeyError) as error:
            raise self._missing(
                because("时间戳无法读取", "its stamp cannot be read", error)
            ) from error
        if stamped != (md_algorithm, message_digest):
            raise self._missing(
                "它盖时间戳的内容并非所请求的。it stamped something else than was asked"
            )
        if len(token.dump()) > STAMP_BYTES_MAX:
            raise self._missing(
                f"其时间戳超过 {STAMP_BYTES_MAX} 字节。"
                f"its stamp has more than {STAMP_BYTES_MAX} bytes"
            )
        try:
            check_token(token)
        except ValueError as error:
            raise self._missing(error) from error
        return token

    def _missing(self, why: str | Exception) -> TimeStampMissing:
        address = self._address.text
        zh, en = f"时间戳机构 {address} 未给出时间戳", f"the time-stamping authority {address}"
        return TimeStampMissing(because(zh, en, why))

    def _ask(self, query: bytes) -> bytes:
        parts = self._address.parts
        https = parts.scheme == "https"
        kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        until_s = self._monotonic_s() + TIMEOUT_S
        assert parts.hostname is not None  # refused at birth
        with closing(kind(parts.hostname, parts.port, timeout=TIMEOUT_S)) as connection:
            connection.request("POST", path, body=query, headers={"Content-Type": _QUERY})
            with closing(connection.getresponse()) as response:
                if response.status != http.client.OK:
                    raise ValueError(
                        f"它应答 {response.status} {response.reason}。"
                        f"it answered {response.status} {response.reason}"
                    )
                found = response.headers.get_content_type()
                if found != _REPLY:
                    raise ValueError(
                        f"它应答的类型是 {found}，而不是 {_REPLY}。"
                        f"it answered {found} instead of {_REPLY}"
                    )
                return self._read(response, until_s)

    def _read(self, response: http.client.HTTPResponse, until_s: float) -> bytes:
        """The body, piece by piece: neither an endless nor a dripping answer holds anybody."""
        content = bytearray()
        while piece := response.read1(_PIECE_BYTES):
            content += piece
            if len(content) > STAMP_BYTES_MAX:
                raise ValueError(
                    f"它的应答超过 {STAMP_BYTES_MAX} 字节。"
                    f"it answered more than {STAMP_BYTES_MAX} bytes"
                )
            if self._monotonic_s() > until_s:
                raise ValueError(
                    f"它的应答超过 {TIMEOUT_S:.0f} 秒。"
                    f"its answer took longer than {TIMEOUT_S:.0f} seconds"
                )
        return bytes(content)


def _check_granted(answer: bytes) -> None:
    """A refusal carries no token, and the library cannot read an answer without one."""
    status = tsp.PKIStatusInfo.load(core.Sequence.load(answer, strict=True).contents)
    if status["status"].native not in _GRANTED:
        told = "; ".join(status["status_string"].native or [])
        answer_said = f"'{status['status'].native}' {told}".strip()
        raise ValueError(f"它应答 {answer_said}。it answered {answer_said}")
