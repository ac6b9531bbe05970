"""RFC 6962 hashing written a second time: over a padded picture of the tree, level by level.

Shares no code with `kashi.merkle`, and works bottom-up where that one works top-down: a node at a
level covers 2^level leaves; a node whose right half lies beyond the tree is its left half.
"""

import hashlib


def hash_of(*parts: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(b"".join(parts)).digest()


def levels(leaves: list[bytes]) -> list[list[bytes]]:
    """The tree from its leaf hashes up to its root, a lone last node going up as it is."""
    found = [leaves]
    while len(found[-1]) > 1:
        below = found[-1]
        pairs = [
            hash_of(b"\x01", below[place], below[place + 1])
            for place in range(0, len(below) - 1, 2)
        ]
        found.append(pairs + below[len(pairs) * 2 :])
    return found


def naive_root(leaves: list[bytes]) -> bytes:
    """The root."""
    return levels(leaves)[-1][0] if leaves else hash_of()


def naive_inclusion(leaves: list[bytes], index: int) -> list[bytes]:
    """Siblings on the way up; where there is none, nothing."""
    proof = []
    for level in levels(leaves)[:-1]:
        sibling = index ^ 1
        if sibling < len(level):
            proof.append(level[sibling])
        index >>= 1
    return proof
