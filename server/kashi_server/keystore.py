"""The keys of an installation on disk: one folder, readable by the server's user alone.

    keys/<name>.pem    a P-256 private key (PKCS#8), then its certificates, its own first, its root
                       last; mode 0600
    keys/nonce.secret  32 random bytes, mode 0600
    roots/<name>.pem   the three roots with their keys: needed again only to make new issuers, so
                       they may be carried to a safe and removed here
    public/<name>-root.pem  certificates of the roots, for browsers and verifiers

A key that others may read is refused: whoever could read it may have copied it.
"""

import os
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from kashi_server.errors import ConfigurationError, InvalidValue
from kashi_server.services.authority import Foundation, Keyring
from kashi_server.services.profiles import Signer

KEYS: Final = "keys"
ROOTS: Final = "roots"
PUBLIC: Final = "public"
PRIVATE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700

_HOST_ISSUER: Final = "hosts-issuer"
_SERVER_ISSUER: Final = "server-issuer"
_SERVER_TLS: Final = "server-tls"
_RECEIPT: Final = "receipts"
_DOCUMENT: Final = "documents"
_NONCE_SECRET: Final = "nonce.secret"


def write_foundation(directory: Path, foundation: Foundation) -> None:
    """Write all keys of a new installation; never over existing ones.

    Raises:
        ConfigurationError: there are keys already.
    """
    keys, roots = directory / KEYS, directory / ROOTS
    for folder in (keys, roots):
        folder.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    keyring = foundation.keyring
    signers = {
        roots / "hosts.pem": foundation.host_root,
        roots / "server.pem": foundation.server_root,
        roots / "documents.pem": foundation.document_root,
        keys / f"{_HOST_ISSUER}.pem": keyring.host_issuer,
        keys / f"{_SERVER_ISSUER}.pem": keyring.server_issuer,
        keys / f"{_SERVER_TLS}.pem": keyring.server_tls,
        keys / f"{_RECEIPT}.pem": keyring.receipt,
        keys / f"{_DOCUMENT}.pem": keyring.document,
    }
    for path, signer in signers.items():
        _write_new(path, key_pem(signer) + chain_pem(signer))
    _write_public(directory / PUBLIC, keyring)
    # Last, so that its presence tells that everything before it is there.
    _write_new(keys / _NONCE_SECRET, keyring.nonce_secret)
    for folder in (keys, roots, directory):
        _sync_directory(folder)


def has_keys(directory: Path) -> bool:
    """Whether an installation's keys were written to their end."""
    return (directory / KEYS / _NONCE_SECRET).exists()


def read_keyring(directory: Path) -> Keyring:
    """Read the keys a server works with.

    Raises:
        ConfigurationError: one is missing, unreadable, readable by others, or not what it claims.
    """
    keys = directory / KEYS
    try:
        return Keyring(
            host_issuer=_read_signer(keys / f"{_HOST_ISSUER}.pem"),
            server_issuer=_read_signer(keys / f"{_SERVER_ISSUER}.pem"),
            server_tls=_read_signer(keys / f"{_SERVER_TLS}.pem"),
            receipt=_read_signer(keys / f"{_RECEIPT}.pem"),
            document=_read_signer(keys / f"{_DOCUMENT}.pem"),
            nonce_secret=_read_private(keys / _NONCE_SECRET),
        )
    except InvalidValue as error:
        raise ConfigurationError(f"{keys}: {error}") from error


def read_document_root(path: Path) -> Signer:
    """The documents root with its key, from where it is kept.

    Raises:
        ConfigurationError: it is missing, unreadable or readable by others.
    """
    return _read_signer(path)


def server_tls_path(directory: Path) -> Path:
    """The file with key and certificates of the server's TLS."""
    return directory / KEYS / f"{_SERVER_TLS}.pem"


def replace_server_tls(directory: Path, signer: Signer) -> None:
    """Put a new TLS key and its certificates in the place of the old ones, both at once."""
    path = server_tls_path(directory)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    _write_new(fresh, key_pem(signer) + chain_pem(signer))
    fresh.replace(path)
    _sync_directory(path.parent)


def chain_pem(signer: Signer) -> bytes:
    """A signer's certificates in PEM, its own first, its root last."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in signer.chain)


def key_pem(signer: Signer) -> bytes:
    """A signer's private key in PEM."""
    return signer.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write_public(folder: Path, keyring: Keyring) -> None:
    folder.mkdir(exist_ok=True)
    roots = {
        "hosts": keyring.host_root,
        "server": keyring.server_root,
        "documents": keyring.document.root,
    }
    for family, root in roots.items():
        path = folder / f"{family}-root.pem"
        path.write_bytes(root.public_bytes(serialization.Encoding.PEM))


def _write_new(path: Path, content: bytes) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    except FileExistsError as error:
        raise ConfigurationError(
            f"{path} 已存在，密钥不覆盖。{path} exists; keys are never written over"
        ) from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _read_signer(path: Path) -> Signer:
    pem = _read_private(path)
    try:
        key = serialization.load_pem_private_key(pem, password=None)
        chain = tuple(x509.load_pem_x509_certificates(pem))
    except ValueError as error:
        raise ConfigurationError(
            f"{path} 中没有 PEM 格式的密钥与证书。{path} holds no key and certificates in PEM"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"{path} 中没有 P-256 密钥。{path} holds no P-256 key")
    try:
        return Signer(key=key, chain=chain)
    except InvalidValue as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _read_private(path: Path) -> bytes:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise ConfigurationError(
                f"{path} 可被他人读取（权限 {mode:04o}），可能已被复制；"
                "请查明何人所为，再执行 chmod 600。"
                f"{path} can be read by others (mode {mode:04o}) and may have been copied:"
                " find out by whom, then chmod 600"
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"没有 {path}，请从本服务器的备份恢复。"
            f"{path} is missing; restore it from this server's backup"
        ) from error
    except PermissionError as error:
        raise ConfigurationError(
            f"当前用户无法读取 {path}。{path} cannot be read by this user"
        ) from error


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
