"""Hosts that claim a token holds their report key, and officers' words on it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from kashi_server.domain.key_token import KeyToken
from kashi_server.filestore import FileStore
from kashi_server.services.evidence_inputs import KEY_CLAIM_ENTRY
from kashi_server.services.key_confirming import Document, KeyConfirming
from kashi_server.storage.tables.identity import host_key_tokens
from kashi_server.storage.unit_of_work import Work
from released_hosts import OFFICERS, add_officers
from sqlalchemy import insert

TOKEN = KeyToken(
    manufacturer="Example Token AG",
    model="ET-2000",
    serial="0042-17",
    made_inside=True,
    never_extractable=True,
    always_sensitive=True,
)
DOCUMENT = Document(name="delivery-note.pdf", content=b"%PDF-1.7\ndelivery note\n%%EOF\n")
PHOTO = Document(name="serial.pdf", content=b"%PDF-1.7\nserial number\n%%EOF\n")


def claim_token(work: Work, host_id: str, token: KeyToken = TOKEN) -> None:
    """What enrolment keeps where the host claims a token, for one that was put in without."""
    with work.begin() as unit:
        said = {
            name: int(value) if isinstance(value, bool) else value
            for name, value in token.to_data().items()
        }
        unit.connection.execute(insert(host_key_tokens).values(host_id=host_id, **said))
        host = unit.identity.host(host_id)
        assert host is not None
        claim = host.key_claim()
        assert claim is not None
        unit.log.append_pending(KEY_CLAIM_ENTRY, host_id, claim)
        unit.commit()


def key_confirming(work: Work, clock: Callable[[], int], folder: Path) -> KeyConfirming:
    """The use case over a store of bytes in a folder."""
    return KeyConfirming(work, FileStore(folder), clock)


def confirm_key(
    keys: KeyConfirming, work: Work, host_id: str, officers: Sequence[str] = OFFICERS
) -> None:
    """Two officers confirm it."""
    add_officers(work, *officers)
    first, second = officers
    assert not keys.confirm(host_id, first, "delivery note seen", DOCUMENT)
    assert keys.confirm(host_id, second, "serial number seen", PHOTO)


def withdraw_key(keys: KeyConfirming, host_id: str, officers: Sequence[str] = OFFICERS) -> None:
    """Two officers withdraw it."""
    first, second = officers
    assert not keys.withdraw(host_id, first, "token lost")
    assert keys.withdraw(host_id, second, "token lost, seen")
