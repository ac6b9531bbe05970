"""What hosts claim of the tokens that hold their report keys, and officers' words, as rows."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, insert, select

from kashi_server.domain.key_token import KeyToken
from kashi_server.domain.key_word import KeyAct, KeyWord
from kashi_server.storage.tables.identity import host_key_tokens, host_key_words

_TEXTS: Final = ("manufacturer", "model", "serial")
_PROPERTIES: Final = ("made_inside", "never_extractable", "always_sensitive")
_WORD: Final = (
    "host_id", "ordinal", "completes", "officer", "reason", "evidence_sha256", "claim_sha256",
    "host_state",
)  # fmt: skip


def token_columns() -> list[ColumnElement[Any]]:
    """The columns of a claim under names of their own, for a row of hosts."""
    return [host_key_tokens.c[name].label(f"key_{name}") for name in (*_TEXTS, *_PROPERTIES)]


def token_of(row: Row[Any]) -> KeyToken | None:
    """The claim in a row with `token_columns`; None: there is none."""
    if row.key_serial is None:
        return None
    return KeyToken(
        manufacturer=row.key_manufacturer,
        model=row.key_model,
        serial=row.key_serial,
        made_inside=bool(row.key_made_inside),
        never_extractable=bool(row.key_never_extractable),
        always_sensitive=bool(row.key_always_sensitive),
    )


class HostKeyRows:
    """The part of `IdentityRepository` that speaks of where report keys are held."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def key_words(self, host_id: str | None = None) -> Sequence[KeyWord]:
        """Officers' words on a host's report key, or on all hosts', by host and in order."""
        columns = host_key_words.c
        query = select(host_key_words).order_by(columns.host_id, columns.ordinal)
        if host_id is not None:
            query = query.where(columns.host_id == host_id)
        return [
            KeyWord(
                act=KeyAct(row.act),
                utc_ms=row.said_utc_ms,
                **{name: getattr(row, name) for name in _WORD},
            )
            for row in self._connection.execute(query)
        ]

    def add_key_word(self, word: KeyWord) -> None:
        """Add a word on a host's report key."""
        said = {name: getattr(word, name) for name in _WORD}
        self._connection.execute(
            insert(host_key_words).values(act=str(word.act), said_utc_ms=word.utc_ms, **said)
        )

    def _add_key_token(self, host_id: str, token: KeyToken | None) -> None:
        if token is None:
            return
        properties = {name: int(getattr(token, name)) for name in _PROPERTIES}
        texts = {name: getattr(token, name) for name in _TEXTS}
        self._connection.execute(
            insert(host_key_tokens).values(host_id=host_id, **texts, **properties)
        )
