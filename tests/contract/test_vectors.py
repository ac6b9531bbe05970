"""The public test vectors: made again they are the same, and they hold by other means too."""

import hashlib
import hmac
import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kashi import axis, chain, merkle, signing
from kashi.errors import ContractError, SignatureError
from kashi.v1 import report_pb2
from naive_merkle import hash_of, naive_inclusion, naive_root

VECTORS = Path(__file__).parent.parent.parent / "proto" / "vectors"
NAMES = ["signing.json", "report.json", "chain.json", "merkle.json", "axis.json"]


def vectors(name: str) -> Any:
    """One file of vectors."""
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def generator() -> ModuleType:
    """The script that makes them."""
    spec = importlib.util.spec_from_file_location("vectors_generate", VECTORS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def public_key(fields: dict[str, str]) -> ec.EllipticCurvePublicKey:
    """The published key of a file."""
    key = serialization.load_der_public_key(bytes.fromhex(fields["public_der"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


@pytest.mark.parametrize("name", NAMES)
def test_making_them_again_changes_nothing(name: str) -> None:
    """The committed file is what the command writes."""
    made: str = generator().text_of(name)

    assert (VECTORS / name).read_text(encoding="utf-8") == made
    assert sorted(NAMES) == sorted(path.name for path in VECTORS.glob("*.json"))


@pytest.mark.parametrize("case", vectors("signing.json")["signatures"], ids=lambda c: c["why"])
def test_a_signature_verifies_as_stated(case: dict[str, Any]) -> None:
    """With our verify, and with the bare library over prefix and statement."""
    fields = vectors("signing.json")
    key = public_key(fields["key"])
    prefix, statement = bytes.fromhex(fields["prefixes"][case["prefix"]]), case["statement"]
    signature = report_pb2.Signature(
        algorithm=case["algorithm"], value=bytes.fromhex(case["value"])
    )
    by_library = True
    try:
        key.verify(signature.value, prefix + bytes.fromhex(statement), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        by_library = False

    if case["verifies"]:
        signing.verify(key, signature, prefix, bytes.fromhex(statement))
    else:
        with pytest.raises(SignatureError):
            signing.verify(key, signature, prefix, bytes.fromhex(statement))
    assert by_library == (case["verifies"] or "algorithm" in case["why"])


def test_statements_are_plain_hashes() -> None:
    """Key id, possession, recovery, renewal and a request's proof by hashlib and hmac alone."""
    fields = vectors("signing.json")
    public = bytes.fromhex(fields["key"]["public_der"])
    possession, recovery = fields["possession"], fields["recovery"]

    assert hashlib.sha256(public).digest()[:8].hex() == fields["key"]["key_id"]
    assert (
        hashlib.sha256(possession["token"].encode()).hexdigest()
        + hashlib.sha256(bytes.fromhex(possession["csr"])).hexdigest()
        + public.hex()
        == possession["statement"]
    )
    assert (
        hashlib.sha256(bytes.fromhex(recovery["nonce"])).hexdigest()
        + hashlib.sha256(bytes.fromhex(recovery["csr"])).hexdigest()
        == recovery["statement"]
    )
    renewal, request = fields["renewal"], fields["request"]
    assert (
        hashlib.sha256(renewal["host_id"].encode()).hexdigest()
        + hashlib.sha256(bytes.fromhex(renewal["csr"])).hexdigest()
        == renewal["statement"]
    )
    token_sha256 = hashlib.sha256(request["token"].encode()).digest()
    message = b"kashi/v1/request\n" + bytes.fromhex(request["request"])
    assert hmac.new(token_sha256, message, "sha256").hexdigest() == request["proof"]


def test_report_hash_and_block_digests_are_plain_hashes() -> None:
    """Prefix, salt and content, one after the other, under SHA-256."""
    fields = vectors("report.json")
    header = bytes.fromhex(fields["header"])

    assert hashlib.sha256(b"kashi/v1/report\n" + header).hexdigest() == fields["report_sha256"]
    for block in fields["blocks"]:
        salted = bytes.fromhex(block["salt"]) + bytes.fromhex(block["content"])
        assert hashlib.sha256(b"kashi/v1/block\n" + salted).hexdigest() == block["sha256"]


@pytest.mark.parametrize("case", vectors("report.json")["reports"], ids=lambda c: c["what"])
def test_a_report_holds_as_stated(case: dict[str, Any]) -> None:
    """What must be refused is refused; what holds has the stated hash."""
    fields = vectors("report.json")
    key, wire = public_key(fields["key"]), bytes.fromhex(case["wire"])

    if case["holds"]:
        assert chain.open_report(wire, key).sha256.hex() == fields["report_sha256"]
    else:
        with pytest.raises(ContractError):
            chain.open_report(wire, key)


@pytest.mark.parametrize("case", vectors("chain.json")["places"])
def test_a_report_is_placed_as_stated(case: dict[str, Any]) -> None:
    """Against the head that is held."""
    head, report = case["head"], case["report"]
    header = report_pb2.ReportHeader(
        epoch=report["epoch"],
        sequence=report["sequence"],
        previous_sha256=bytes.fromhex(report["previous_sha256"]),
    )
    held = chain.Head(head["epoch"], head["sequence"], bytes.fromhex(head["sha256"]))

    assert chain.place_report(held, header).value == case["place"]


def test_every_place_stands_in_the_vectors() -> None:
    """No verdict of the chain is left without an example."""
    stated = {case["place"] for case in vectors("chain.json")["places"]}

    assert {place.value for place in chain.Place} == stated


def test_merkle_vectors_hold_by_a_second_implementation() -> None:
    """Leaf hashes, roots and inclusion proofs, computed bottom-up."""
    fields = vectors("merkle.json")
    leaves = [hash_of(b"\x00", bytes.fromhex(entry)) for entry in fields["entries"]]

    assert [leaf.hex() for leaf in leaves] == fields["leaf_hashes"]
    assert hash_of().hex() == fields["empty_root"]
    for size, root in enumerate(fields["roots"], start=1):
        assert naive_root(leaves[:size]).hex() == root
    for case in fields["inclusion"]:
        proof = [n.hex() for n in naive_inclusion(leaves[: case["size"]], case["index"])]
        assert proof == case["proof"]


def test_merkle_proofs_of_the_vectors_verify() -> None:
    """Every inclusion and consistency proof leads to its root."""
    fields = vectors("merkle.json")
    leaves = [bytes.fromhex(leaf) for leaf in fields["leaf_hashes"]]
    roots = [bytes.fromhex(root) for root in fields["roots"]]

    for case in fields["inclusion"]:
        index, size = case["index"], case["size"]
        proof = [bytes.fromhex(node) for node in case["proof"]]
        merkle.verify_inclusion(leaves[index], index, size, proof, roots[size - 1])
    for case in fields["consistency"]:
        old, size = case["old_size"], case["size"]
        proof = [bytes.fromhex(node) for node in case["proof"]]
        merkle.verify_consistency(old, roots[old - 1], size, roots[size - 1], proof)


@pytest.mark.parametrize("case", vectors("axis.json")["labels"])
def test_labels_follow_by_plain_arithmetic(case: dict[str, int]) -> None:
    """UTC = anchor + boottime; minutes by floor, also before 1970."""
    anchor, boottime = case["anchor_utc_ms"], case["boottime_ms"]
    utc = anchor + boottime
    minute, rest = divmod(utc, 60_000)

    assert (utc, minute) == (case["utc_ms"], case["utc_minute"])
    assert boottime + 60_000 - rest == case["next_minute_boottime_ms"]
    assert axis.utc_ms(anchor, boottime) == case["utc_ms"]
    assert axis.utc_minute(anchor, boottime) == case["utc_minute"]
    assert axis.next_minute_boottime_ms(anchor, boottime) == case["next_minute_boottime_ms"]
