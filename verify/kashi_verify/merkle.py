"""RFC 6962: roots, and one proof for many leaves of a log."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from kashi_verify.findings import CheckFailed


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        # Pairs from the left, an odd one carried up: the same tree as splitting at powers of two.
        paired = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) & ~1 :]
    return level[0]


def root_from_leaves(size: int, leaves: Mapping[int, bytes], nodes: Sequence[bytes]) -> bytes:
    """Root of a log of `size` from some of its leaf hashes and the subtrees between them.

    `nodes` are the roots of the largest subtrees that hold none of the leaves, from left to right.

    Raises:
        CheckFailed: a leaf lies outside, or there are too many or too few nodes.
    """
    places = sorted(leaves)
    if not places or not 0 <= places[0] <= places[-1] < size:
        raise CheckFailed(
            f"有 {size} 条的日志没有所证明的位置。"
            f"The log of {size} entries does not hold the places that are proved"
        )
    given = iter(nodes)
    found = _walk(0, size, places, leaves, given)
    if next(given, None) is not None:
        raise CheckFailed("包含证明有多余的节点。The inclusion proof has nodes left over")
    return found


def _walk(
    low: int, high: int, places: Sequence[int], leaves: Mapping[int, bytes], nodes: Iterator[bytes]
) -> bytes:
    if not places:
        node = next(nodes, None)
        if node is None:
            raise CheckFailed("包含证明过短。The inclusion proof is too short")
        return node
    if high - low == 1:
        return leaves[low]
    cut = low + (1 << (high - low - 1).bit_length() - 1)
    left = [place for place in places if place < cut]
    right = places[len(left) :]
    return node_hash(_walk(low, cut, left, leaves, nodes), _walk(cut, high, right, leaves, nodes))
