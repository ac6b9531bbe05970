"""Step 12: the append-only log held every receipt before the month was closed.

1. the checkpoint's signature over `kashi/v1/checkpoint` and its body verifies;
2. its size and root are those of the statement's cut-off and of the evidence;
3. one proof (RFC 6962 hashing) leads from all receipts, at their places, to that root.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec

from kashi_verify import merkle, receipts, wire
from kashi_verify.bundle import Bundle
from kashi_verify.canonical import read_canonical
from kashi_verify.detail import CHECKPOINT
from kashi_verify.elliptic import check_message_signature
from kashi_verify.findings import CheckFailed

Data = Mapping[str, Any]
_PREFIX: Final = b"kashi/v1/checkpoint\n"
_CHECKPOINT_BYTES_MAX: Final = 64 << 10
_PROOF_BYTES_MAX: Final = 256 << 20


def check_log(
    bundle: Bundle,
    evidence: Data,
    cut_off: Data,
    payloads: Sequence[bytes],
    key: ec.EllipticCurvePublicKey,
) -> int:
    """Check the checkpoint and the inclusion of every receipt; returns the log's size.

    Raises:
        CheckFailed: the checkpoint is another one, or a receipt is not in the log.
    """
    named = evidence["checkpoint"]
    if named is None:
        if payloads:
            raise CheckFailed("有报告而没有检查点。There are reports and no checkpoint")
        return 0
    size, root = _checkpoint(bundle.read("checkpoint.bin", _CHECKPOINT_BYTES_MAX), named, key)
    cut = (cut_off["checkpoint_size"], cut_off["checkpoint_root"])
    if (size, root.hex()) != cut:
        raise CheckFailed(
            f"大小为 {size} 的检查点不是结算的截止点 {cut[0]}。"
            f"The checkpoint of size {size} is not the statement's cut-off {cut[0]}"
        )
    if not payloads:
        return size
    proof = read_canonical(
        "proofs/inclusion.json", bundle.read("proofs/inclusion.json", _PROOF_BYTES_MAX)
    )
    indexes = proof["indexes"]
    if proof["size"] != size or len(indexes) != len(payloads):
        raise CheckFailed(
            "包含证明属于另一日志或其他回执。"
            "The inclusion proof is for another log or other receipts"
        )
    if len(set(indexes)) != len(indexes):
        raise CheckFailed(
            "两份回执被称在日志的同一位置。Two receipts are said to stand at one place of the log"
        )
    leaves = {
        index: merkle.leaf_hash(receipts.PREFIX + payload)
        for index, payload in zip(indexes, payloads, strict=True)
    }
    nodes = [bytes.fromhex(node) for node in proof["nodes"]]
    if merkle.root_from_leaves(size, leaves, nodes) != root:
        raise CheckFailed(
            "回执不在日志中：证明通向另一个树根。"
            "The receipts are not in the log: the proof leads to another root"
        )
    return size


def _checkpoint(content: bytes, named: Data, key: ec.EllipticCurvePublicKey) -> tuple[int, bytes]:
    message = wire.read_message(content)
    body = wire.octets(message, 1)
    check_message_signature(key, wire.octets(message, 2), _PREFIX + body, CHECKPOINT)
    lines = body.split(b"\n")
    if len(lines) != 5 or lines[4]:
        raise CheckFailed("检查点没有应有的四行。The checkpoint does not have its four lines")
    try:
        origin, size, utc_ms = lines[0].decode(), int(lines[1]), int(lines[3])
        root = base64.b64decode(lines[2], validate=True)
    except (ValueError, binascii.Error) as error:
        raise CheckFailed("检查点的各行无法读取。The checkpoint's lines cannot be read") from error
    said = {"origin": origin, "size": size, "root": root.hex(), "utc_ms": utc_ms}
    if said != dict(named):
        raise CheckFailed("检查点不是证据所指的。The checkpoint is not the one the evidence names")
    return size, root
