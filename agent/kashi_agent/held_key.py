"""Which key of a key token this host is known by: a file of the identity folder, without a secret.

It is there before the server hears of the key, and from then on no other key is used: a token with
another one is refused, whatever it is called.
"""

import base64
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing
from kashi.errors import SignatureError

from kashi_agent.durable import make_folder, write_durable
from kashi_agent.errors import AgentError
from kashi_agent.key_token import TEXT_MAX, KeyToken
from kashi_agent.link_fields import TEXT_CHARACTERS_MAX, Fields, LinkError, expected

FORMAT: Final = "kashi/v1/report-key"
BYTES_MAX: Final = 1 << 14
KEY_TEXT_MAX: Final = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeyRecord:
    """The public half, and what the token said when the key was taken."""

    public: ec.EllipticCurvePublicKey
    token: KeyToken

    def write(self, path: Path) -> None:
        """Keep it."""
        public = base64.b64encode(signing.public_key_bytes(self.public)).decode()
        fields = {"format": FORMAT, "public_key": public, **asdict(self.token)}
        make_folder(path.parent)
        text = json.dumps(fields, ensure_ascii=False, indent=2)
        write_durable(path, text.encode() + b"\n")


def read_record(path: Path) -> HeldKeyRecord:
    """What was kept.

    Raises:
        AgentError: it is damaged.
    """
    try:
        return _record_of(Fields.of_line(path.read_bytes(), BYTES_MAX))
    except (LinkError, SignatureError, ValueError) as error:
        raise AgentError(
            f"{path} 已损坏；请从备份恢复，其中没有私钥。{path} is damaged; restore it from a "
            f"backup, it holds no private key: {error}"
        ) from error


def _record_of(fields: Fields) -> HeldKeyRecord:
    if (name := fields.text("format", TEXT_CHARACTERS_MAX)) != FORMAT:
        raise expected(f" {FORMAT!r}", f"{FORMAT!r}", name, "format")
    record = HeldKeyRecord(
        public=signing.load_public_key(
            base64.b64decode(fields.text("public_key", KEY_TEXT_MAX), validate=True)
        ),
        token=KeyToken(
            manufacturer=fields.text("manufacturer", TEXT_MAX),
            model=fields.text("model", TEXT_MAX),
            serial=fields.text("serial", TEXT_MAX),
            made_inside=fields.flag("made_inside"),
            never_extractable=fields.flag("never_extractable"),
            always_sensitive=fields.flag("always_sensitive"),
        ),
    )
    fields.done()
    return record
