"""How holders are named in reports: a key always, a name only as far as the host's setting allows.

A key is 16 bytes of HMAC-SHA256 under a salt that never leaves the host: it tells this host's
holders apart and says nothing else. Whoever knows the salt can show which key a name has.
"""

import hashlib
import hmac
from enum import StrEnum
from typing import Final

from kashi_agent.reading import HOLDER_KEY_BYTES, HolderKey
from kashi_agent.sample import Holder

SALT_BYTES: Final = 32
CACHE_SIZE_MAX: Final = 4096


class NamePolicy(StrEnum):
    """What is reported of a holder's name."""

    NONE = "none"
    """Nothing (the default)."""
    HASH = "hash"
    """HMAC-SHA256 of the name under the host's salt, as `hmac-sha256:` and 64 hex digits."""
    PLAIN = "plain"
    """The name."""


class HolderNaming:
    """Turns holders into what may be reported of them, under one host's salt and setting."""

    def __init__(self, salt: bytes, policy: NamePolicy = NamePolicy.NONE) -> None:
        """Take the host's salt (32 bytes, secret, kept for good) and its setting."""
        if len(salt) != SALT_BYTES:
            raise ValueError(f"a holder salt has {SALT_BYTES} bytes, not {len(salt)}")
        self._salt = salt
        self._policy = policy
        self._known: dict[Holder, HolderKey] = {}

    def key(self, holder: Holder) -> HolderKey:
        """A holder as it may be reported."""
        known = self._known.get(holder)
        if known is None:
            if len(self._known) >= CACHE_SIZE_MAX:
                self._known.clear()
            known = self._known[holder] = self._make(holder)
        return known

    def _make(self, holder: Holder) -> HolderKey:
        digest = self._hmac(b"kashi/holder-key\n" + bytes([holder.kind]), holder.name)
        return HolderKey(
            kind=holder.kind,
            key=digest[:HOLDER_KEY_BYTES],
            name=self._name(holder.label or holder.name),
        )

    def _name(self, name: str) -> str:
        match self._policy:
            case NamePolicy.NONE:
                return ""
            case NamePolicy.HASH:
                return "hmac-sha256:" + self._hmac(b"kashi/holder-name\n", name).hex()
            case NamePolicy.PLAIN:
                return name

    def _hmac(self, prefix: bytes, name: str) -> bytes:
        # Names come from /proc and may hold bytes that are no UTF-8.
        text = name.encode("utf-8", "surrogateescape")
        return hmac.new(self._salt, prefix + text, hashlib.sha256).digest()
