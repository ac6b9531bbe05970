"""The certificate authority: three hierarchies, exact profiles, nothing taken from a request."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from fixtures_identity import ADDRESSES, START_UTC_MS, Machine
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.authority import (
    Foundation,
    Keyring,
    found,
    issue_host,
    issue_server_tls,
    needs_server_tls,
    public_key_of,
    serial_text,
)
from kashi_server.services.profiles import (
    DOCUMENT_SIGNING,
    Purpose,
    Signer,
    check_chain,
    instant,
    new_key,
)

HOST_ID = "0b8e4c9e-5c6d-4a57-9d0e-2f1f7a3c9b10"
DAY_MS = 86_400_000


def _host_chain(keyring: Keyring, utc_ms: int = START_UTC_MS) -> tuple[x509.Certificate, ...]:
    leaf = issue_host(keyring.host_issuer, HOST_ID, new_key().public_key(), utc_ms)
    return (leaf, *keyring.host_issuer.chain)


def test_host_certificate_has_the_profile(keyring: Keyring) -> None:
    """A host's certificate names it by URI, is for clients only, and lives 24 hours."""
    leaf = _host_chain(keyring)[0]
    extensions = leaf.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    start = instant(START_UTC_MS)

    assert list(names) == [x509.UniformResourceIdentifier(f"spiffe://kashi/host/{HOST_ID}")]
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert leaf.not_valid_before_utc == start - timedelta(minutes=5)
    assert leaf.not_valid_after_utc == start + timedelta(hours=24)


def test_serials_are_random_159_bits(keyring: Keyring) -> None:
    """Serials fill 159 bits, never repeat, and are stored as 40 hexadecimal digits."""
    leaves = [_host_chain(keyring)[0] for _ in range(50)]
    serials = {leaf.serial_number for leaf in leaves}

    assert len(serials) == 50
    assert 150 < max(serial.bit_length() for serial in serials) <= 159
    assert {len(serial_text(leaf)) for leaf in leaves} == {40}


def test_hierarchies_never_meet(foundation: Foundation) -> None:
    """A certificate of one hierarchy does not verify under the root of another."""
    keyring = foundation.keyring
    leaf, *between, _ = _host_chain(keyring)
    for stranger in (keyring.server_root, keyring.document.root):
        with pytest.raises(InvalidValue, match="does not verify"):
            check_chain(Purpose.HOST, (leaf, *between, stranger), START_UTC_MS)


def test_keyring_refuses_a_shared_root(keyring: Keyring) -> None:
    """A keyring whose hierarchies share a root is refused."""
    with pytest.raises(InvalidValue, match="separate roots"):
        replace(keyring, document=keyring.receipt)


def test_host_certificate_expires(keyring: Keyring) -> None:
    """A host's certificate verifies within its 24 hours and five minutes early, not outside."""
    chain = _host_chain(keyring)
    for inside in (START_UTC_MS - 5 * 60_000, START_UTC_MS, START_UTC_MS + DAY_MS - 1000):
        check_chain(Purpose.HOST, chain, inside)
    for outside in (START_UTC_MS - 6 * 60_000, START_UTC_MS + DAY_MS + 1000):
        with pytest.raises(InvalidValue, match="does not verify"):
            check_chain(Purpose.HOST, chain, outside)


def test_host_certificate_is_no_server(keyring: Keyring) -> None:
    """A host cannot pose as the server with its certificate."""
    with pytest.raises((InvalidValue, x509.ExtensionNotFound), match="names no server"):
        check_chain(Purpose.SERVER, _host_chain(keyring), START_UTC_MS)


def test_issuer_cannot_make_issuers(keyring: Keyring) -> None:
    """Online issuers issue leaves only: their path length is 0."""
    for signer in (keyring.host_issuer, keyring.server_issuer):
        constraint = signer.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraint.critical
        assert constraint.value == x509.BasicConstraints(ca=True, path_length=0)


def test_document_certificate_commits_to_content(keyring: Keyring) -> None:
    """The documents' certificate is for non-repudiation and document signing."""
    extensions = keyring.document.certificate.extensions
    usage = extensions.get_extension_for_class(x509.KeyUsage).value

    assert usage.content_commitment
    assert usage.digital_signature
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        DOCUMENT_SIGNING
    ]


def test_receipt_certificate_does_not_commit(keyring: Keyring) -> None:
    """The receipts' certificate cannot be taken for one of documents."""
    usage = keyring.receipt.certificate.extensions.get_extension_for_class(x509.KeyUsage).value

    assert not usage.content_commitment


def test_server_certificate_names_addresses(keyring: Keyring) -> None:
    """DNS names and IP addresses of the server stand as what they are."""
    signer = issue_server_tls(
        keyring.server_issuer, "Kashi", ["kashi.example", "::1"], START_UTC_MS
    )
    names = signer.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert names.get_values_for_type(x509.DNSName) == ["kashi.example"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["::1"]


def test_signer_refuses_a_strange_key(keyring: Keyring) -> None:
    """A private key beside another's certificate is refused."""
    with pytest.raises(InvalidValue, match="does not belong"):
        Signer(key=new_key(), chain=keyring.receipt.chain)


def test_nothing_but_the_key_is_taken_from_a_request(keyring: Keyring) -> None:
    """A request that asks for another name, for more uses and for authority gets none of it."""
    key = new_key()
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "kashi.example")]))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("kashi.example")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    leaf = issue_host(keyring.host_issuer, HOST_ID, public_key_of(request), START_UTC_MS)

    assert leaf.public_key() == key.public_key()
    assert b"kashi.example" not in leaf.public_bytes(Encoding.DER)


def test_request_without_possession_is_refused() -> None:
    """A request signed by another key than the one it carries is refused."""
    request = bytearray(Machine().csr())
    request[-1] ^= 1

    with pytest.raises(Refused, match=r"not signed|not PKCS#10"):
        public_key_of(bytes(request))


def _requests_of_other_kinds() -> list[bytes]:
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return [
        builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
        for key in (
            ec.generate_private_key(ec.SECP384R1()),
            rsa.generate_private_key(public_exponent=65537, key_size=2048),
        )
    ]


@pytest.mark.parametrize("request_der", [*_requests_of_other_kinds(), b"\x30\x03abc", b""])
def test_request_with_another_key_is_refused(request_der: bytes) -> None:
    """Only P-256 is issued."""
    with pytest.raises(Refused, match=r"P-256|PKCS#10"):
        public_key_of(request_der)


def test_demo_certificates_say_so(keyring: Keyring) -> None:
    """Every subject of a demonstration's authority says that it is one; an ordinary one's none."""
    demo = found("Kashi", ["localhost"], b"n" * 32, START_UTC_MS, demo=True).keyring
    subjects = [one.subject.rfc4514_string() for one in (*demo.receipt_chain, *demo.document_chain)]

    assert all("DEMO" in subject for subject in subjects)
    assert "DEMO" not in keyring.document.certificate.subject.rfc4514_string()


def test_server_certificate_is_renewed_in_its_last_third(keyring: Keyring) -> None:
    """A fresh one for the same addresses stays; an old one, or one for others, is due."""
    certificate = keyring.server_tls.certificate
    year_ms = 365 * DAY_MS

    assert not needs_server_tls(certificate, ADDRESSES, START_UTC_MS)
    assert not needs_server_tls(certificate, ADDRESSES, START_UTC_MS + year_ms * 6 // 10)
    assert needs_server_tls(certificate, ADDRESSES, START_UTC_MS + year_ms * 7 // 10)
    assert needs_server_tls(certificate, ADDRESSES[:1], START_UTC_MS)
