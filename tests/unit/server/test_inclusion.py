"""One proof for many leaves: it leads to the root the plain definition gives, and is minimal."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi.merkle import leaf_hash, node_hash
from kashi.merkle import root as root_of
from kashi_server.errors import InvalidValue
from kashi_server.services.inclusion import prove


class PlainTree:
    """Subtree roots by the definition."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self._leaves = leaves

    def subtree(self, low: int, high: int) -> bytes:
        """Root over [low, high)."""
        return root_of(self._leaves[low:high])


def walked(size: int, known: dict[int, bytes], nodes: list[bytes]) -> bytes:
    """The root from leaves and nodes, by a walk of its own."""
    given_nodes = iter(nodes)

    def over(low: int, high: int) -> bytes:
        if not any(low <= place < high for place in known):
            return next(given_nodes)
        if high - low == 1:
            return known[low]
        cut = 1
        while cut * 2 < high - low:
            cut *= 2
        return node_hash(over(low, low + cut), over(low + cut, high))

    root = over(0, size)
    assert next(given_nodes, None) is None
    return root


@given(st.integers(1, 300), st.data())
def test_proof_leads_to_the_root(size: int, data: st.DataObject) -> None:
    """Any leaves of any log up to 300 entries, in any order, prove their places."""
    leaves = [leaf_hash(bytes([place % 256, place // 256])) for place in range(size)]
    places = data.draw(st.lists(st.integers(0, size - 1), min_size=1, max_size=40))
    nodes = prove(PlainTree(leaves), size, places)

    known = {place: leaves[place] for place in places}
    assert walked(size, known, nodes) == root_of(leaves)
    wrong = dict(known)
    wrong[places[0]] = hashlib.sha256(b"another").digest()
    assert walked(size, wrong, nodes) != root_of(leaves)


def test_neighbours_share_their_proof() -> None:
    """A run of 5 000 reports costs a handful of hashes, not 5 000 paths."""
    leaves = [leaf_hash(place.to_bytes(4, "big")) for place in range(10_000)]

    assert len(prove(PlainTree(leaves), 10_000, range(2_000, 7_000))) <= 28


@pytest.mark.parametrize("places", [[], [-1], [8]])
def test_places_outside_are_refused(places: list[int]) -> None:
    """A place the log does not hold cannot be proved."""
    with pytest.raises(InvalidValue):
        prove(PlainTree([b"x"] * 8), 8, places)
