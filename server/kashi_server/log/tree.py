"""The log's tree over tiles: hashes in rows of 256, so that a proof reads a handful of rows.

A tile of level 0 holds leaf hashes; a hash of level k stands over 256**k leaves that are all there.
Whatever is not on a tile's edge is worked out from it (RFC 6962 section 2.1).
"""

from collections.abc import Callable, Sequence
from typing import Final

from kashi.errors import ProofError
from kashi.merkle import EMPTY_ROOT, node_hash
from kashi.merkle import root as root_of

HASH_BYTES: Final = 32
TILE_BITS: Final = 8
TILE_HASHES: Final = 1 << TILE_BITS

ReadTile = Callable[[int, int], bytes]


class Tree:
    """A tree of `size` leaves that reads its hashes tile by tile.

    Args:
        read_tile: hashes of (level, number), 32 bytes each.
        size: leaves; hashes beyond it are not looked at.
    """

    def __init__(self, read_tile: ReadTile, size: int) -> None:
        self._read_tile = read_tile
        self.size = size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self) -> bytes:
        """Root over all leaves."""
        return self._over(0, self.size) if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """Hash of a leaf."""
        if not 0 <= index < self.size:
            raise ProofError(f"there is no leaf {index} among {self.size}")
        return self._node(0, index)

    def subtree(self, low: int, high: int) -> bytes:
        """Root over the leaves [low, high), as the tree's own splitting sets them apart."""
        return self._over(low, high)

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Audit path of a leaf, lowest first (RFC 6962 section 2.1.1).

        Raises:
            ProofError: there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise ProofError(f"there is no leaf {index} among {self.size}")
        path: list[bytes] = []
        low, high = 0, self.size
        while high - low > 1:
            middle = low + _split(high - low)
            if index < middle:
                path.append(self._over(middle, high))
                high = middle
            else:
                path.append(self._over(low, middle))
                low = middle
        path.reverse()
        return path

    def consistency_proof(self, old_size: int) -> list[bytes]:
        """Proof that the first `old_size` leaves are a prefix (RFC 6962 section 2.1.2).

        Raises:
            ProofError: there is no such tree before this one.
        """
        if not 0 < old_size <= self.size:
            raise ProofError(f"no tree of {old_size} precedes one of {self.size}")
        path: list[bytes] = []
        low, high, whole = 0, self.size, True
        while high != old_size:
            middle = low + _split(high - low)
            if old_size <= middle:
                path.append(self._over(middle, high))
                high = middle
            else:
                path.append(self._over(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self._over(low, high))
        path.reverse()
        return path

    def _over(self, low: int, high: int) -> bytes:
        """Root over the leaves [low, high) of a subtree of the tree."""
        width = high - low
        if width & (width - 1) == 0:
            return self._node(width.bit_length() - 1, low // width)
        middle = low + _split(width)
        return node_hash(self._over(low, middle), self._over(middle, high))

    def _node(self, height: int, number: int) -> bytes:
        """Root of the perfect subtree of 2**height leaves that is the number-th of its kind."""
        level, above = divmod(height, TILE_BITS)
        first = number << above
        tile, place = divmod(first, TILE_HASHES)
        hashes = self._tile(level, tile)
        end = place + (1 << above)
        if len(hashes) < end * HASH_BYTES:
            raise ProofError(
                f"tile {level}/{tile} holds {len(hashes) // HASH_BYTES} hashes of {end}"
            )
        return root_of(_cut(hashes)[place:end])

    def _tile(self, level: int, number: int) -> bytes:
        key = (level, number)
        if key not in self._tiles:
            self._tiles[key] = self._read_tile(level, number)
        return self._tiles[key]


def appended_tiles(
    read_tile: ReadTile, size: int, leaves: Sequence[bytes]
) -> dict[tuple[int, int], bytes]:
    """The tiles that change when leaves are added to a tree of `size`, whole.

    A full tile's root goes to the level above.
    """
    changed: dict[tuple[int, int], bytes] = {}
    level, first, hashes = 0, size, list(leaves)
    while hashes:
        roots: list[bytes] = []
        place = 0
        while place < len(hashes):
            tile, filled = divmod(first + place, TILE_HASHES)
            before = read_tile(level, tile)[: filled * HASH_BYTES] if filled else b""
            taken = hashes[place : place + TILE_HASHES - filled]
            whole = before + b"".join(taken)
            changed[level, tile] = whole
            if len(whole) == TILE_HASHES * HASH_BYTES:
                roots.append(root_of(_cut(whole)))
            place += len(taken)
        first, hashes, level = first // TILE_HASHES, roots, level + 1
    return changed


def _cut(joined: bytes) -> list[bytes]:
    return [joined[at : at + HASH_BYTES] for at in range(0, len(joined), HASH_BYTES)]


def _split(size: int) -> int:
    """Largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
