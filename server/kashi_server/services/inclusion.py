"""One proof for many leaves of the log: RFC 6962 hashing, every subtree named once.

A path for each leaf would repeat nearly everything: reports stand side by side in the log. Here the
tree is walked from the left; the root of every largest subtree that holds none of the leaves is
given once, in that order. Who holds the leaves walks the same way and must end at the root.
"""

from collections.abc import Sequence
from typing import Protocol

from kashi_server.errors import InvalidValue


class SubtreeRoots(Protocol):
    """Roots of a log's subtrees."""

    def subtree(self, low: int, high: int) -> bytes:
        """Root over the leaves [low, high)."""


def prove(tree: SubtreeRoots, size: int, indexes: Sequence[int]) -> list[bytes]:
    """Nodes that lead from the leaves at `indexes` to the root of the log of `size`.

    Raises:
        InvalidValue: no index is given, or one lies outside of the log.
    """
    places = sorted(set(indexes))
    if not places or not 0 <= places[0] <= places[-1] < size:
        raise InvalidValue(
            f"日志共 {size} 条，不含全部所列位置。"
            f"a log of {size} entries does not hold all of these places"
        )
    nodes: list[bytes] = []
    _walk(tree, (0, size), places, nodes)
    return nodes


def _walk(
    tree: SubtreeRoots, span: tuple[int, int], places: Sequence[int], nodes: list[bytes]
) -> None:
    low, high = span
    if not places:
        nodes.append(tree.subtree(low, high))
        return
    if high - low == 1:
        return
    cut = low + (1 << (high - low - 1).bit_length() - 1)
    left = [place for place in places if place < cut]
    _walk(tree, (low, cut), left, nodes)
    _walk(tree, (cut, high), places[len(left) :], nodes)
