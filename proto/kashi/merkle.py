"""RFC 6962 hashing of the append-only log: roots, inclusion and consistency proofs.

Leaves are hashed with a zero byte before them, nodes with a one (RFC 6962 section 2.1), so no leaf
can pass for a node. Everything here is pure; `Frontier` grows a tree in logarithmic memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from kashi.errors import ProofError
from kashi.signing import sha256

EMPTY_ROOT = sha256(b"")


def leaf_hash(entry: bytes) -> bytes:
    """Hash of a log entry."""
    return sha256(b"\x00", entry)


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01", left, right)


def _split(size: int) -> int:
    """Largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes, by the definition of RFC 6962 section 2.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    cut = _split(len(leaves))
    return node_hash(root(leaves[:cut]), root(leaves[cut:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Audit path of leaf `index`, lowest first (RFC 6962 section 2.1.1)."""
    if not 0 <= index < len(leaves):
        raise ProofError(
            f"{len(leaves)} 个叶中没有第 {index} 个。There is no leaf {index} among {len(leaves)}"
        )
    if len(leaves) == 1:
        return []
    cut = _split(len(leaves))
    if index < cut:
        return [*inclusion_proof(leaves[:cut], index), root(leaves[cut:])]
    return [*inclusion_proof(leaves[cut:], index - cut), root(leaves[:cut])]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> None:
    """Check that a leaf hash stands at `index` of the tree of `size` with this root.

    Raises:
        ProofError: it does not, or the proof is of another length.
    """
    if not 0 <= index < size:
        raise ProofError(
            f"位置 {index} 在大小为 {size} 的树之外。Index {index} lies outside a tree of {size}"
        )
    node, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofError("证明过长。The proof is too long")
        if node & 1 or node == last:
            digest = node_hash(sibling, digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or digest != expected_root:
        raise ProofError("证明未通向树根。The proof does not lead to the root")


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Proof that the first `old_size` leaves are a prefix (RFC 6962 section 2.1.2)."""
    if not 0 < old_size <= len(leaves):
        raise _no_prefix(old_size, len(leaves))
    return _subproof(leaves, old_size, whole=True)


def _no_prefix(old_size: int, size: int) -> ProofError:
    return ProofError(
        f"大小为 {old_size} 的树不在大小为 {size} 的树之前。"
        f"No tree of {old_size} precedes one of {size}"
    )


def _subproof(leaves: Sequence[bytes], old_size: int, *, whole: bool) -> list[bytes]:
    if old_size == len(leaves):
        return [] if whole else [root(leaves)]
    cut = _split(len(leaves))
    if old_size <= cut:
        return [*_subproof(leaves[:cut], old_size, whole=whole), root(leaves[cut:])]
    return [*_subproof(leaves[cut:], old_size - cut, whole=False), root(leaves[:cut])]


def verify_consistency(
    old_size: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of `old_size` is a prefix of the tree of `size`.

    Raises:
        ProofError: it is not, or the proof is of another length.
    """
    if not 0 < old_size <= size:
        raise _no_prefix(old_size, size)
    if old_size == size:
        if proof or old_root != new_root:
            raise ProofError("大小相同的两棵树不同。Two trees of one size differ")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise ProofError("证明为空。The proof is empty")
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_digest = new_digest = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("证明过长。The proof is too long")
        if node & 1 or node == last:
            old_digest = node_hash(sibling, old_digest)
            new_digest = node_hash(sibling, new_digest)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or old_digest != old_root or new_digest != new_root:
        raise ProofError("证明未连接两个树根。The proof does not connect the two roots")


@dataclass(slots=True)
class Frontier:
    """A growing tree, kept as the roots of its perfect subtrees, largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash at the end."""
        digest, size = leaf, self.size
        while size & 1:
            digest = node_hash(self.peaks.pop(), digest)
            size >>= 1
        self.peaks.append(digest)
        self.size += 1

    def root(self) -> bytes:
        """Root over everything appended so far."""
        if not self.peaks:
            return EMPTY_ROOT
        digest = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest
