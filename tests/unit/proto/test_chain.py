"""How reports follow each other, and what one report can show by itself."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from kashi import chain, limits, signing
from kashi.errors import FormError, SignatureError
from kashi.v1 import report_pb2

KEY = ec.derive_private_key(11, ec.SECP256R1())
HELD = b"\xaa" * 32
OTHER = b"\xbb" * 32


def header(epoch: int, sequence: int, previous: bytes = HELD) -> report_pb2.ReportHeader:
    """A header as far as the chain looks at it."""
    return report_pb2.ReportHeader(epoch=epoch, sequence=sequence, previous_sha256=previous)


def sealed(blocks: list[report_pb2.Block], digests: list[report_pb2.BlockDigest]) -> bytes:
    """A signed report with these blocks beside these digests."""
    signed = report_pb2.ReportHeader(epoch=1, sequence=1, blocks=digests).SerializeToString()
    signature = signing.sign(KEY, signing.REPORT, signed)
    return report_pb2.Report(
        header=signed, signatures=[signature], blocks=blocks
    ).SerializeToString()


def block(
    content: bytes, kind: report_pb2.BlockKind = report_pb2.BLOCK_KIND_DEVICE
) -> tuple[report_pb2.Block, report_pb2.BlockDigest]:
    """A block and its digest."""
    salt = b"s" * signing.SALT_BYTES
    return (
        report_pb2.Block(kind=kind, salt=salt, content=content),
        report_pb2.BlockDigest(kind=kind, sha256=signing.block_sha256(salt, content)),
    )


@pytest.mark.parametrize(
    ("head", "report", "place"),
    [
        (chain.NO_HEAD, header(1, 1, chain.GENESIS_SHA256), chain.Place.NEXT),
        (chain.NO_HEAD, header(1, 1, OTHER), chain.Place.BROKEN),
        (chain.NO_HEAD, header(1, 2), chain.Place.AHEAD),
        (chain.NO_HEAD, header(2, 1), chain.Place.AHEAD),
        (chain.NO_HEAD, header(0, 1), chain.Place.AHEAD),
        (chain.Head(1, 5, HELD), header(1, 6), chain.Place.NEXT),
        (chain.Head(1, 5, HELD), header(1, 6, OTHER), chain.Place.BROKEN),
        (chain.Head(1, 5, HELD), header(1, 5), chain.Place.BEHIND),
        (chain.Head(1, 5, HELD), header(1, 0), chain.Place.BEHIND),
        (chain.Head(1, 5, HELD), header(1, 7), chain.Place.AHEAD),
        (chain.Head(1, 5, HELD), header(2, 1, OTHER), chain.Place.OPENS_EPOCH),
        (chain.Head(1, 5, HELD), header(2, 2), chain.Place.AHEAD),
        (chain.Head(1, 5, HELD), header(3, 1), chain.Place.AHEAD),
        (chain.Head(2, 1, HELD), header(1, 9), chain.Place.BEHIND),
    ],
)
def test_a_report_has_one_place(
    head: chain.Head, report: report_pb2.ReportHeader, place: chain.Place
) -> None:
    """Next, opening an epoch, behind, ahead or broken; never skipping, never re-using."""
    assert chain.place_report(head, report) is place


def test_a_sealed_report_opens() -> None:
    """Header, hash and bytes come back as they were."""
    one, digest = block(b"content")
    wire = sealed([one], [digest])
    opened = chain.open_report(wire, KEY.public_key())

    assert opened.wire == wire
    assert opened.sha256 == signing.report_sha256(opened.message.header)
    assert (opened.header.epoch, opened.header.sequence) == (1, 1)


def test_a_second_signature_beside_the_first_is_allowed() -> None:
    """Only the first must verify: one of another algorithm fits beside it."""
    message = report_pb2.Report.FromString(sealed([], []))
    message.signatures.append(
        report_pb2.Signature(
            algorithm=report_pb2.SIGNATURE_ALGORITHM_SM2_SM3, value=b"not checked here"
        )
    )

    chain.open_report(message.SerializeToString(), KEY.public_key())
    message.signatures.reverse()
    with pytest.raises(SignatureError):
        chain.open_report(message.SerializeToString(), KEY.public_key())


def test_an_erased_name_block_keeps_its_place() -> None:
    """Names may go; a device block may not."""
    names, names_digest = block(b"names", report_pb2.BLOCK_KIND_HOLDER_NAMES)
    device, device_digest = block(b"device")
    names.content = b""
    chain.open_report(sealed([device, names], [device_digest, names_digest]), KEY.public_key())

    device.content = b""
    with pytest.raises(FormError, match="Block 0"):
        chain.open_report(sealed([device, names], [device_digest, names_digest]), KEY.public_key())


def test_a_block_cannot_change_its_kind() -> None:
    """A device block passed off as a name block could be erased: it is refused."""
    device, digest = block(b"device")
    device.kind = report_pb2.BLOCK_KIND_HOLDER_NAMES
    device.content = b""

    with pytest.raises(FormError, match="another kind"):
        chain.open_report(sealed([device], [digest]), KEY.public_key())


def test_missing_and_spare_blocks_are_refused() -> None:
    """As many blocks as digests, in their order."""
    one, first = block(b"one")
    two, second = block(b"two")
    for blocks in ([one], [two, one], [one, two, one], []):
        with pytest.raises(FormError):
            chain.open_report(sealed(blocks, [first, second]), KEY.public_key())


@pytest.mark.parametrize(
    "wire",
    [b"", b"\xff\xff\xff", b"\x0a\x05abc", bytes(limits.REPORT_BYTES_MAX + 1)],
    ids=["empty", "noise", "cut", "too large"],
)
def test_bytes_that_are_no_report_are_refused(wire: bytes) -> None:
    """Nothing but a FormError, before any signature is looked at."""
    with pytest.raises(FormError):
        chain.open_report(wire, KEY.public_key())


def test_a_report_without_signature_is_refused() -> None:
    """Unsigned is not signed."""
    message = report_pb2.Report.FromString(sealed([], []))
    del message.signatures[:]

    with pytest.raises(FormError, match="no signature"):
        chain.open_report(message.SerializeToString(), KEY.public_key())


def test_a_header_that_is_no_message_is_refused() -> None:
    """A signature over noise does not make it a header."""
    noise = b"\x0a\xff"
    signature = signing.sign(KEY, signing.REPORT, noise)
    wire = report_pb2.Report(header=noise, signatures=[signature]).SerializeToString()

    with pytest.raises(FormError):
        chain.open_report(wire, KEY.public_key())
