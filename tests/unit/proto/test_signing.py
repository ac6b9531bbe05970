"""Which bytes are signed: a signature says one kind of thing, under one key."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from kashi import signing
from kashi.errors import SignatureError
from kashi.v1 import report_pb2

KEY = ec.derive_private_key(11, ec.SECP256R1())
PREFIXES = [
    signing.REPORT,
    signing.BLOCK,
    signing.RECEIPT,
    signing.CHECKPOINT,
    signing.POSSESSION,
    signing.RECOVERY,
    signing.MACHINE,
    signing.RENEWAL,
    signing.ENROLMENT,
    signing.REQUEST,
    signing.NOTICE,
]


def test_what_is_signed_verifies() -> None:
    """Same key, same kind, same bytes."""
    signature = signing.sign(KEY, signing.REPORT, b"statement")

    signing.verify(KEY.public_key(), signature, signing.REPORT, b"statement")
    assert signature.key_id == signing.key_id(KEY.public_key())
    assert len(signature.key_id) == 8


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("other", PREFIXES)
def test_a_signature_over_one_kind_passes_for_no_other(prefix: bytes, other: bytes) -> None:
    """Domain prefixes keep kinds apart."""
    signature = signing.sign(KEY, prefix, b"statement")

    if prefix == other:
        signing.verify(KEY.public_key(), signature, other, b"statement")
    else:
        with pytest.raises(SignatureError):
            signing.verify(KEY.public_key(), signature, other, b"statement")


def test_no_prefix_begins_another() -> None:
    """So no statement of one kind can be read as one of another, whatever it contains."""
    for prefix in PREFIXES:
        assert prefix.endswith(b"\n")
        assert prefix.count(b"\n") == 1
    assert len(set(PREFIXES)) == len(PREFIXES)


@pytest.mark.parametrize("algorithm", [0, 2, 99])
def test_other_algorithms_are_refused(algorithm: int) -> None:
    """A signature that names another algorithm is never tried."""
    signature = signing.sign(KEY, signing.REPORT, b"statement")
    signature.ClearField("algorithm")
    signature.MergeFromString(bytes([8, algorithm]))

    with pytest.raises(SignatureError, match="not accepted"):
        signing.verify(KEY.public_key(), signature, signing.REPORT, b"statement")


def test_a_wrong_hint_changes_nothing() -> None:
    """The key id is a hint, never an authority."""
    signature = signing.sign(KEY, signing.REPORT, b"statement")
    signature.key_id = b"another!"

    signing.verify(KEY.public_key(), signature, signing.REPORT, b"statement")
    other = ec.derive_private_key(12, ec.SECP256R1())
    signature.key_id = signing.key_id(other.public_key())
    with pytest.raises(SignatureError):
        signing.verify(other.public_key(), signature, signing.REPORT, b"statement")


def test_a_public_key_comes_back_from_its_bytes() -> None:
    """SubjectPublicKeyInfo in DER, both ways."""
    der = signing.public_key_bytes(KEY.public_key())

    assert signing.public_key_bytes(signing.load_public_key(der)) == der


def _der(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"not a key",
        _der(rsa.generate_private_key(65_537, 2_048)),
        _der(ed25519.Ed25519PrivateKey.generate()),
        _der(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "noise", "RSA", "Ed25519", "P-384"],
)
def test_only_p256_keys_are_read(der: bytes) -> None:
    """Any other key or noise is refused."""
    with pytest.raises(SignatureError):
        signing.load_public_key(der)


def test_salt_and_content_bind_a_block() -> None:
    """Another salt, another content or another kind of hash: another digest."""
    digest = signing.block_sha256(b"s" * 16, b"content")

    assert digest == signing.sha256(signing.BLOCK + b"s" * 16 + b"content")
    assert digest != signing.block_sha256(b"t" * 16, b"content")
    assert digest != signing.block_sha256(b"s" * 16, b"contents")
    assert digest != signing.report_sha256(b"s" * 16 + b"content")


def test_statements_bind_token_request_and_key() -> None:
    """Each part changes the statement; nonce and request likewise."""
    whole = signing.possession_statement("token", b"csr", b"key")

    assert len({whole, *_changed_statements()}) == 4
    assert signing.recovery_statement(b"n", b"c") != signing.recovery_statement(b"c", b"n")


def _changed_statements() -> list[bytes]:
    return [
        signing.possession_statement("other", b"csr", b"key"),
        signing.possession_statement("token", b"other", b"key"),
        signing.possession_statement("token", b"csr", b"other"),
    ]


def test_a_signature_without_value_is_refused() -> None:
    """An empty signature verifies nothing."""
    empty = report_pb2.Signature(algorithm=report_pb2.SIGNATURE_ALGORITHM_P256_SHA256)

    with pytest.raises(SignatureError):
        signing.verify(KEY.public_key(), empty, signing.REPORT, b"")
