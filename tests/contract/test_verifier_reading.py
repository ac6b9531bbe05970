"""The verifier's own readers: canonical JSON, protobuf's wire format, RFC 6962."""

import hashlib
import json
from contextlib import suppress

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st
from kashi.v1 import report_pb2
from kashi_verify import merkle, wire
from kashi_verify.canonical import read_canonical
from kashi_verify.findings import CheckFailed


def varint(value: int) -> bytes:
    """A varint, by its definition."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=8), json_values))
def test_canonical_spelling_is_read(value: dict[str, object]) -> None:
    """Any object in its canonical spelling is read as it is."""
    try:
        spelled = json.dumps(
            value, ensure_ascii=False, sort_keys=True, separators=(",", ":")
        ).encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8 spelling
        return

    assert read_canonical("x", spelled) == value


@pytest.mark.parametrize(
    "content",
    [
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":1,"a":1}',
        b'{"a":"\\u4e2d"}',
        b'{"a":1}\n',
        b"[1]",
        b"",
        b'{"a":01}',
        b"\xff",
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    ],
)
def test_any_other_spelling_is_refused(content: bytes) -> None:
    """Another order, a space, a float, a key twice, needless escapes, too much depth: refused."""
    with pytest.raises(CheckFailed, match="x"):
        read_canonical("x", content)


@given(st.integers(0, 2**64 - 1), st.binary(max_size=300), st.integers(1, 1000))
def test_fields_are_read_by_number(number: int, octets: bytes, field: int) -> None:
    """Varints and length-delimited fields come out as they went in."""
    message = (
        varint(field << 3)
        + varint(number)
        + varint((field + 1) << 3 | 2)
        + varint(len(octets))
        + octets
    )
    fields = wire.read_message(message)

    assert wire.integer(fields, field) == number
    assert wire.octets(fields, field + 1) == octets
    assert wire.integer(fields, field + 2) == 0


@given(st.binary(max_size=200))
def test_random_bytes_never_crash_the_reader(content: bytes) -> None:
    """Bytes that are no message are refused in one way."""
    with suppress(CheckFailed):
        wire.read_message(content)


@pytest.mark.parametrize(
    "content",
    [
        b"\x08",
        b"\x08" + b"\xff" * 10,
        b"\x0a\x05abc",
        b"\x0d\x00\x00\x00",
        b"\x09\x00\x00\x00\x00",
        b"\x0b",
        b"\x0b\x14",
        b"\x0c",
        b"\x08" + b"\xff" * 9 + b"\x7f",
    ],
)
def test_broken_messages_are_refused(content: bytes) -> None:
    """Cut numbers, cut fields, groups without their end, numbers beyond 64 bits."""
    with pytest.raises(CheckFailed):
        wire.read_message(content)


@given(
    st.lists(
        st.sampled_from(
            [
                b"\x18\x07",  # kind: a number where the message of the segment stands
                b"\x1a\x02\x08\x05",  # segment.number 5
                b"\x1a\x03\x10\xe8\x07",  # segment.anchor 1000
                b"\x1d\x01\x02\x03\x04",  # fixed 32 bits in its place
                b"\x19" + bytes(8),  # fixed 64 bits
                b"\x1b\x08\x01\x1c",  # a group
                b"\x20\x03",  # epoch 3
                b"\x22\x01x",  # bytes in the epoch's place
                b"\xf8\x07\x01",  # an unknown number
                b"\x62\x07\x08\x81\x80\x80\x80\x10\x10",  # counters, cut short
                b"\x62\x08\x08\x81\x80\x80\x80\x10\x10\x09",  # counters of slot 2**32 + 1
            ]
        ),
        max_size=8,
    )
)
def test_any_encoding_is_read_as_the_server_reads_it(parts: list[bytes]) -> None:
    """However a header is spelled, this reader and the protobuf library find the same in it."""
    content = b"".join(parts)
    try:
        header = report_pb2.ReportHeader.FromString(content)
    except DecodeError:
        return

    fields = wire.read_message(content)

    segment = wire.inner(fields, 3)
    assert wire.signed(segment, 2) == header.segment.anchor_utc_ms
    assert wire.integer32(segment, 1) == header.segment.number
    assert wire.integer(fields, 4) == header.epoch
    counters = [wire.read_message(one) for one in wire.repeated(fields, 12)]
    assert [wire.integer32(one, 1) for one in counters] == [one.slot for one in header.counters]
    assert [wire.integer(one, 2) for one in counters] == [
        one.observed_ms for one in header.counters
    ]


def test_negative_numbers_are_two_complement() -> None:
    """An int64 below zero is read as such."""
    fields = wire.read_message(b"\x10" + varint(2**64 - 5))

    assert wire.signed(fields, 2) == -5


def plain_root(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962 section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    cut = 1
    while cut * 2 < len(leaves):
        cut *= 2
    left, right = plain_root(leaves[:cut]), plain_root(leaves[cut:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_root_is_that_of_the_definition() -> None:
    """Level by level or split by split: the same tree, for every size up to 130."""
    leaves = [merkle.leaf_hash(bytes([number])) for number in range(130)]

    for size in range(131):
        assert merkle.root(leaves[:size]) == plain_root(leaves[:size])


def test_published_leaf_hashes() -> None:
    """Known values of RFC 6962: the empty tree and the leaf of nothing."""
    assert merkle.root([]).hex() == (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )
    assert merkle.leaf_hash(b"").hex() == (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )


def nodes_between(leaves: list[bytes], places: set[int], low: int, high: int) -> list[bytes]:
    """What a proof for these places holds, by the definition."""
    if not any(low <= place < high for place in places):
        return [plain_root(leaves[low:high])]
    if high - low == 1:
        return []
    cut = 1
    while cut * 2 < high - low:
        cut *= 2
    middle = low + cut
    return nodes_between(leaves, places, low, middle) + nodes_between(leaves, places, middle, high)


@given(st.integers(1, 200), st.data())
def test_one_proof_leads_many_leaves_to_the_root(size: int, data: st.DataObject) -> None:
    """A proof holds; with a node more, a node less or another place it does not."""
    leaves = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(size)]
    places = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=20))
    nodes = nodes_between(leaves, places, 0, size)
    known = {place: leaves[place] for place in places}

    assert merkle.root_from_leaves(size, known, nodes) == plain_root(leaves)
    with pytest.raises(CheckFailed):
        merkle.root_from_leaves(size, known, [*nodes, leaves[0]])
    if nodes:
        with pytest.raises(CheckFailed):
            merkle.root_from_leaves(size, known, nodes[:-1])
    with pytest.raises(CheckFailed):
        merkle.root_from_leaves(size, {size: leaves[0]}, nodes)
