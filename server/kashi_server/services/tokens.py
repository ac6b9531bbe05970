"""Enrolment tokens: `kashi1.<secret>.<root>`, both parts base64url without padding.

The secret is 256 random bits, known to the server by its SHA-256 only; the root is the server's
root certificate in DER, so that an agent needs nothing else to trust the server. A token works
once, for one party's host, for at most 24 hours.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from kashi_server.errors import InvalidValue

PREFIX: Final = "kashi1"
SECRET_BYTES: Final = 32
LIFETIME_MS_MAX: Final = 24 * 3_600_000

_PARTY_ID = re.compile(r"[0-9A-Z]{18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as the server keeps it; the last three are None until it is consumed."""

    token_sha256: bytes
    operator_party_id: str
    issued_utc_ms: int
    issued_by: str
    expires_utc_ms: int
    consumed_utc_ms: int | None = None
    host_id: str | None = None
    tls_key_sha256: bytes | None = None

    def __post_init__(self) -> None:
        """Refuse a token without a party or with a lifetime over 24 hours."""
        if _PARTY_ID.fullmatch(self.operator_party_id) is None:
            raise InvalidValue(
                f"“{self.operator_party_id}”不是单位代码，请填写 18 位统一社会信用代码"
                "（数字与大写字母）。"
                f"'{self.operator_party_id}' is not a party: give its 18-character"
                " 统一社会信用代码 (digits and capital letters)"
            )
        if not 0 < self.expires_utc_ms - self.issued_utc_ms <= LIFETIME_MS_MAX:
            raise InvalidValue(
                "令牌有效期须大于零，最长 24 小时。"
                "a token lives at most 24 hours, and longer than none"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A fresh token: its text is shown once and kept nowhere."""

    text: str
    record: TokenRecord


def token_text(secret: str, root_der: bytes) -> str:
    """The token a sysadmin hands to the agent."""
    return f"{PREFIX}.{secret}.{encode(root_der)}"


def secret_sha256(secret: str) -> bytes:
    """By what the server knows a token."""
    return hashlib.sha256(secret.encode()).digest()


def hint_of(token_sha256: bytes) -> str:
    """How acts name a token. Not by its whole hash, which is what shows a token by file."""
    return token_sha256[:8].hex()


def encode(content: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(content).decode().rstrip("=")
