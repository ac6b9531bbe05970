"""Recovery nonces that need no storage: bound to a host and a time by an HMAC.

Layout: 8 bytes of the instant it expires (UTC milliseconds, big-endian), 16 random bytes, 32 bytes
of HMAC-SHA-256 over a prefix, the host and the rest. Any server process that holds the secret can
check it; one that is older than two minutes, or another host's, is worth nothing.
"""

import hashlib
import hmac
from typing import Final

from kashi.limits import CHALLENGE_LIFETIME_MS

from kashi_server.errors import Refused

_PREFIX: Final = b"kashi/v1/nonce\n"
_TIME_BYTES: Final = 8
RANDOM_BYTES: Final = 16
_BODY_BYTES: Final = _TIME_BYTES + RANDOM_BYTES


def make_nonce(secret: bytes, host_id: str, random: bytes, utc_ms: int) -> bytes:
    """A nonce for one host that lives two minutes."""
    body = (utc_ms + CHALLENGE_LIFETIME_MS).to_bytes(_TIME_BYTES, "big") + random
    return body + _tag(secret, host_id, body)


def check_nonce(secret: bytes, host_id: str, nonce: bytes, utc_ms: int) -> None:
    """Check that this server gave this nonce to this host within the last two minutes.

    Raises:
        Refused: it did not.
    """
    body, tag = nonce[:_BODY_BYTES], nonce[_BODY_BYTES:]
    if len(body) != _BODY_BYTES or not hmac.compare_digest(tag, _tag(secret, host_id, body)):
        raise Refused(
            "该随机数不是本服务器发给此主机的。"
            "the nonce is not one that this server gave to this host"
        )
    if int.from_bytes(body[:_TIME_BYTES], "big") <= utc_ms:
        raise Refused(
            "该随机数已超过两分钟，请重新索取。"
            "the nonce is older than two minutes; ask for a new one"
        )


def _tag(secret: bytes, host_id: str, body: bytes) -> bytes:
    return hmac.digest(secret, _PREFIX + host_id.encode() + b"\n" + body, hashlib.sha256)
