"""Signing on a PKCS#11 token: the same document verifies; what goes wrong is a sentence."""

import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_certificates import COMPANY_A, make_month, write_files
from fixtures_database import Database
from fixtures_ingest import START_UTC_MS
from kashi_server.documents.press import DocumentPress
from kashi_server.documents.token_key import TokenKey, read_chain
from kashi_server.errors import ConfigurationError, KashiError, SigningFailed
from kashi_server.services.authority import found, issue_document_chain
from kashi_verify.cli import run as verify
from server_commands import run
from soft_token import KEY, LABEL, PIN, SoftToken, make_token


@pytest.fixture(scope="session")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    """A token with a key, made by its own tools."""
    before = os.environ.get("SOFTHSM2_CONF")
    yield make_token(tmp_path_factory.mktemp("softhsm"))
    if before is None:
        os.environ.pop("SOFTHSM2_CONF", None)
    else:
        os.environ["SOFTHSM2_CONF"] = before


def key_on(token: SoftToken, folder: Path, **other: object) -> TokenKey:
    """The token's key as settings name it, its certificate freshly issued under a new root."""
    root = found("深圳市算力服务中心", ("k.example",), b"n" * 32, START_UTC_MS, demo=False)
    chain = issue_document_chain(
        root.document_root, token.public_key, "深圳市算力服务中心", START_UTC_MS, demo=False
    )
    pin = folder / "pin"
    pin.write_text(f"{PIN}\n", encoding="utf-8")
    named = {
        "module": token.module,
        "token_label": LABEL,
        "key_label": KEY,
        "pin_file": pin,
        "chain": chain,
    }
    return TokenKey(**(named | other))  # type: ignore[arg-type]  # fields by name


def test_a_document_signed_on_the_token_verifies(
    token: SoftToken, sqlite_database: Database, tmp_path: Path
) -> None:
    """A month is issued with the key on the token; kashi-verify accepts it to the evidence."""
    month = make_month(sqlite_database.work)
    key = key_on(token, tmp_path)
    month.keeping._making._press = DocumentPress(key=key)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path / "files")
    files.root.write_bytes(key.chain[-1].public_bytes(Encoding.PEM))

    assert verify(files.arguments, datetime(2026, 11, 1, tzinfo=UTC)) == 0


def test_a_chain_of_another_key_issues_nothing(
    token: SoftToken, sqlite_database: Database, tmp_path: Path
) -> None:
    """The certificate on disk is not of the key on the token: a sentence, and no certificate."""
    month = make_month(sqlite_database.work)
    key = key_on(token, tmp_path, chain=month.keyring.document_chain)
    month.keeping._making._press = DocumentPress(key=key)

    with pytest.raises(SigningFailed, match="of another key"):
        month.issue()
    assert month.keeping.certificates() == []


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("token_label", "elsewhere", "there is no token 'elsewhere'"),
        ("key_label", "other", "holds 0 private keys named 'other'"),
        ("module", Path("/nowhere/libp11.so"), "there is no PKCS#11 module /nowhere/libp11.so"),
        ("pin_file", Path("/nowhere/pin"), "the PIN cannot be read from /nowhere/pin"),
    ],
)
def test_what_is_not_there_is_said(
    token: SoftToken, tmp_path: Path, field: str, value: object, told: str
) -> None:
    """No token, no key, no module, no PIN file: each names what is missing, as the settings do."""
    key = key_on(token, tmp_path, **{field: value})

    with pytest.raises(SigningFailed, match=told), key.signer():
        pass


def test_a_wrong_pin_is_said(token: SoftToken, tmp_path: Path) -> None:
    """A wrong PIN warns of the lock, and the right one works after it."""
    key = key_on(token, tmp_path)
    key.pin_file.write_text("1111", encoding="utf-8")
    with pytest.raises(SigningFailed, match="is not that of token"), key.signer():
        pass

    key.pin_file.write_text(PIN, encoding="utf-8")
    with key.signer() as signer:
        assert signer.signing_cert is not None


def test_certificates_that_are_none_are_refused(tmp_path: Path) -> None:
    """A file without certificates is a sentence."""
    empty = tmp_path / "empty.pem"
    empty.write_bytes(b"")
    for path in (empty, tmp_path / "none.pem"):
        with pytest.raises(ConfigurationError, match="no certificates in PEM"):
            read_chain(path)


def test_from_the_settings_to_a_certificate(
    token: SoftToken, closed_month: object, tmp_path: Path
) -> None:
    """An officer certifies the key on the token and names it in server.toml."""
    directory = tmp_path / "server"
    assert run("init", "--demo", "--directory", str(directory)).returncode == 0
    source = closed_month.work.engine.url.database  # type: ignore[attr-defined]  # a CertifiedMonth
    shutil.copy(source, directory / "kashi.sqlite")
    public = token.folder / "public.der"
    certified = run(
        *("document-certificate", str(public), "--out", str(directory / "token.pem")),
        *("-d", str(directory)),
    )
    assert certified.returncode == 0, certified.stderr
    (directory / "token.pin").write_text(PIN, encoding="utf-8")
    settings = directory / "server.toml"
    settings.write_text(
        settings.read_text(encoding="utf-8")
        + f'\n[documents]\ntoken_module = "{token.module}"\ntoken_label = "{LABEL}"\n'
        + f'key_label = "{KEY}"\npin_file = "token.pin"\ncertificates = "token.pem"\n',
        encoding="utf-8",
    )
    out = tmp_path / "out"
    done = run("certificates", "--out", str(out), "-d", str(directory))

    assert done.returncode == 0, done.stderr
    root = (out / "documents-root.pem").read_bytes()
    chain = read_chain(directory / "token.pem")
    assert root == chain[-1].public_bytes(Encoding.PEM)
    half = settings.read_text(encoding="utf-8").replace('key_label = "documents"\n', "")
    settings.write_text(half, encoding="utf-8")
    refused = run("certificates", "-d", str(directory))
    assert refused.returncode == 4
    assert "a token also needs: key_label" in refused.stderr


def test_signing_errors_are_of_the_house() -> None:
    """The command line turns them into a sentence and an exit code."""
    assert issubclass(SigningFailed, KashiError)
