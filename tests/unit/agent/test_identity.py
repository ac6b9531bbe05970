"""Who a host is: files that are replaced in one step, keys that are kept, chains that must hold."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from kashi import signing
from kashi_agent.durable import write_durable
from kashi_agent.enrolment import EnrolmentToken, host_facts
from kashi_agent.errors import AgentError, NotEnrolledError, RefusedError
from kashi_agent.identity import (
    Host,
    IdentityStore,
    TlsIdentity,
    tls_request,
    verified_receipt_key,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def certificate(
    name: str, key: Key, issuer: str, issuer_key: ec.EllipticCurvePrivateKey, *, ca: bool
) -> bytes:
    """A certificate in DER, valid for a day."""
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(hours=24))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(issuer_key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )


ROOT_KEY, SIGNER_KEY = new_key(), new_key()
ROOT = certificate("root", ROOT_KEY, "root", ROOT_KEY, ca=True)
SIGNER = certificate("signer", SIGNER_KEY, "root", ROOT_KEY, ca=False)


def host(chain: tuple[bytes, ...] = (SIGNER, ROOT)) -> Host:
    """A host as the server told it."""
    return Host(
        host_id="3f2c1a52-8d5e-4b43-9d33-0b1a2c3d4e5f",
        operator_party_id="91440300MA5FXTJ21A",
        enrolment_address="kashi.example:7444",
        metering_address="kashi.example:7443",
        enrolled_utc_ms=1_793_000_000_000,
        demo=False,
        server_root=ROOT,
        receipt_chain=chain,
    )


def test_what_is_kept_is_read_back(tmp_path: Path) -> None:
    """Host, keys, salt: the same after a restart, and 0600."""
    store = IdentityStore(tmp_path / "identity")
    report, salt = store.report_key(), store.holder_salt()
    store.save_host(host())
    again = IdentityStore(tmp_path / "identity")

    assert again.host() == host()
    assert again.report_key().private_numbers() == report.private_numbers()
    assert again.holder_salt() == salt
    for path in store.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(("name", "what"), [("report.key", "server"), ("holder.salt", "people")])
def test_what_an_enrolled_host_lost_is_not_made_anew(tmp_path: Path, name: str, what: str) -> None:
    """Reports under another key would be refused without end, and a command that only looks must
    not make one; another salt makes other holders of the same people."""
    store = IdentityStore(tmp_path / "identity")
    kept = {"report.key": store.report_key, "holder.salt": store.holder_salt}
    kept[name]()
    store.save_host(host())
    (store.folder / name).unlink()

    with pytest.raises(AgentError, match=f"is gone, and this host is enrolled.*{what}.*backup"):
        kept[name]()
    assert not (store.folder / name).exists()


def test_a_report_key_on_another_curve_is_refused(tmp_path: Path) -> None:
    """The server takes P-256 alone: the next report would be the first to say so."""
    store = IdentityStore(tmp_path)
    other = ec.generate_private_key(ec.SECP384R1())
    store.folder.joinpath("report.key").write_bytes(
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )

    with pytest.raises(AgentError, match="is not a P-256 key"):
        store.report_key()


def test_a_certificate_is_kept_with_its_own_key_only(tmp_path: Path) -> None:
    """A chain for another key is refused, the next key stays to be asked for again."""
    store = IdentityStore(tmp_path)
    store.save_host(host())
    key = store.next_tls_key()
    mine = certificate("host", key, "root", ROOT_KEY, ca=False)

    with pytest.raises(RefusedError, match="another key"):
        store.save_tls(key, (SIGNER, ROOT))
    assert store.next_tls_key().private_numbers() == key.private_numbers()

    tls = store.save_tls(key, (mine,))
    assert tls.not_after == NOW + timedelta(hours=24)
    assert store.next_tls_key().private_numbers() != key.private_numbers()


def test_a_third_of_the_life_is_a_third(tmp_path: Path) -> None:
    """Due from then on, expired at the end."""
    tls = TlsIdentity(
        key_pem=b"", chain_pem=b"", not_before=NOW, not_after=NOW + timedelta(hours=24)
    )

    assert not tls.renewal_due(NOW + timedelta(hours=7, minutes=59), share=1 / 3)
    assert tls.renewal_due(NOW + timedelta(hours=8), share=1 / 3)
    assert not tls.expired(NOW + timedelta(hours=23, minutes=59))
    assert tls.expired(NOW + timedelta(hours=24))


def test_nothing_there_is_not_enrolled(tmp_path: Path) -> None:
    """The message says what to do."""
    with pytest.raises(NotEnrolledError, match="kashi-agent enrol"):
        IdentityStore(tmp_path).host()
    with pytest.raises(NotEnrolledError):
        IdentityStore(tmp_path).tls()


@pytest.mark.parametrize("content", ["", "{}", '{"format": "kashi/v2/host"}', "[1]"])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    """Not taken for an identity, not thrown away."""
    (tmp_path / "host.json").write_text(content, encoding="utf-8")

    with pytest.raises(AgentError, match=r"host\.json is damaged"):
        IdentityStore(tmp_path).host()


def test_receipts_are_believed_under_a_chain_to_the_root() -> None:
    """With the root in the chain and without, and over an authority in between."""
    middle_key = new_key()
    middle = certificate("middle", middle_key, "root", ROOT_KEY, ca=True)
    below = certificate("signer", SIGNER_KEY, "middle", middle_key, ca=False)
    expected = signing.public_key_bytes(SIGNER_KEY.public_key())

    for chain in ((SIGNER, ROOT), (SIGNER,), (below, middle), (below, middle, ROOT)):
        assert signing.public_key_bytes(verified_receipt_key(chain, ROOT)) == expected


def test_receipts_are_not_believed_otherwise() -> None:
    """No chain, a foreign root, a leaf as authority, another kind of key, bytes that are none."""
    foreign_key, edwards = new_key(), ed25519.Ed25519PrivateKey.generate()
    foreign = certificate("root", foreign_key, "root", foreign_key, ca=True)
    by_leaf = certificate("forged", new_key(), "signer", SIGNER_KEY, ca=False)
    other_kind = certificate("signer", edwards, "root", ROOT_KEY, ca=False)

    for chain, root in (
        ((), ROOT),
        ((SIGNER, ROOT), foreign),
        ((by_leaf, SIGNER, ROOT), ROOT),
        ((other_kind, ROOT), ROOT),
        ((b"rubbish",), ROOT),
    ):
        with pytest.raises(RefusedError):
            verified_receipt_key(chain, root)


def test_a_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    """A write that fails leaves the old file and nothing beside it."""
    path = tmp_path / "file"
    write_durable(path, b"old")
    tmp_path.chmod(0o500)
    try:
        if not _may_write(tmp_path):
            with pytest.raises(PermissionError):
                write_durable(path, b"new")
            assert path.read_bytes() == b"old"
    finally:
        tmp_path.chmod(0o700)
    write_durable(path, b"new")

    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def _may_write(folder: Path) -> bool:
    """Root may write whatever the mode says."""
    try:
        (folder / "probe").touch()
        (folder / "probe").unlink()
    except PermissionError:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["", "kashi1", "kashi1..x", "kashi2.a.b", "kashi1.secret.!!!", "kashi1.secret.AAAA"]
)
def test_a_token_that_was_cut_is_refused(text: str) -> None:
    """With a word on copying it whole."""
    with pytest.raises(AgentError, match="copy it whole"):
        EnrolmentToken.parse(text)


def test_the_machine_id_is_hashed(tmp_path: Path) -> None:
    """It tells machines apart and is not in what is sent; an absent one is told as absent."""
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef0123456789abcdef\n", encoding="ascii")
    facts = host_facts(path)

    assert len(facts.machine_sha256) == 32
    assert facts.machine_sha256 != host_facts(tmp_path / "none").machine_sha256
    assert host_facts(tmp_path / "none").machine_sha256 == b""


def test_a_request_names_nothing() -> None:
    """The server says who the host is; the request only shows the key."""
    request = x509.load_der_x509_csr(tls_request(new_key()))

    assert request.is_signature_valid
    assert len(request.extensions) == 0
