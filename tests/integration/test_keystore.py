"""Keys on disk: private, whole, and never written over."""

import stat
from pathlib import Path

import pytest
from fixtures_identity import ADDRESSES, START_UTC_MS
from kashi_server.errors import ConfigurationError
from kashi_server.keystore import (
    KEYS,
    ROOTS,
    has_keys,
    read_keyring,
    replace_server_tls,
    write_foundation,
)
from kashi_server.services.authority import Foundation, issue_server_tls


def test_keys_come_back_as_they_were(tmp_path: Path, foundation: Foundation) -> None:
    """What was written is what is read; the roots are not needed for it."""
    assert not has_keys(tmp_path)
    write_foundation(tmp_path, foundation)
    for root in (tmp_path / ROOTS).iterdir():
        root.unlink()
    keyring = read_keyring(tmp_path)

    assert has_keys(tmp_path)
    assert keyring.receipt_chain == foundation.keyring.receipt_chain
    assert keyring.document_key.private_numbers() == (
        foundation.keyring.document_key.private_numbers()
    )
    assert keyring.nonce_secret == foundation.keyring.nonce_secret


def test_keys_are_for_the_owner_alone(tmp_path: Path, foundation: Foundation) -> None:
    """Files are 0600 in folders of 0700."""
    write_foundation(tmp_path, foundation)
    secret = [*(tmp_path / KEYS).iterdir(), *(tmp_path / ROOTS).iterdir()]
    modes = {stat.S_IMODE(one.stat().st_mode) for one in secret}
    folders = {stat.S_IMODE((tmp_path / one).stat().st_mode) for one in (KEYS, ROOTS)}

    assert modes == {0o600}
    assert folders == {0o700}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
@pytest.mark.parametrize("name", ["receipts.pem", "nonce.secret"])
def test_key_that_others_may_read_is_refused(
    tmp_path: Path, foundation: Foundation, name: str, mode: int
) -> None:
    """A key readable by group or world may have been copied: the server does not start with it."""
    write_foundation(tmp_path, foundation)
    (tmp_path / KEYS / name).chmod(mode)

    with pytest.raises(ConfigurationError, match=rf"{name} can be read by others \(mode 0"):
        read_keyring(tmp_path)


@pytest.mark.parametrize("damage", ["missing", "garbage", "other key"])
def test_damaged_key_is_named(tmp_path: Path, foundation: Foundation, damage: str) -> None:
    """A key that is missing, no key, or another's is refused by name."""
    write_foundation(tmp_path, foundation)
    path = tmp_path / KEYS / "documents.pem"
    if damage == "missing":
        path.unlink()
    elif damage == "garbage":
        path.write_bytes(b"-----BEGIN NOTHING-----")
    else:
        own, other = path.read_bytes(), (tmp_path / KEYS / "receipts.pem").read_bytes()
        border = b"-----END PRIVATE KEY-----\n"
        path.write_bytes(other.split(border)[0] + border + own.split(border)[1])

    with pytest.raises(ConfigurationError, match=r"documents\.pem"):
        read_keyring(tmp_path)


def test_keys_are_never_written_over(tmp_path: Path, foundation: Foundation) -> None:
    """A second foundation in the same directory is refused and changes nothing."""
    write_foundation(tmp_path, foundation)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.pem")}

    with pytest.raises(ConfigurationError, match="never written over"):
        write_foundation(tmp_path, foundation)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pem")} == before


def test_server_tls_is_replaced_whole(tmp_path: Path, foundation: Foundation) -> None:
    """A new TLS certificate takes the old one's place with its key; the root stays."""
    write_foundation(tmp_path, foundation)
    fresh = issue_server_tls(
        foundation.keyring.server_issuer, "Kashi", ADDRESSES, START_UTC_MS + 1000
    )
    replace_server_tls(tmp_path, fresh)
    keyring = read_keyring(tmp_path)

    assert keyring.server_tls.certificate == fresh.certificate
    assert keyring.server_root == foundation.keyring.server_root
