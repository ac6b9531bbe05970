"""`kashi.merkle` against a second implementation, over every tree up to 130 leaves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi import merkle
from kashi.errors import ProofError
from naive_merkle import naive_inclusion, naive_root

SIZE_MAX = 130
LEAVES = [merkle.leaf_hash(number.to_bytes(2, "big")) for number in range(SIZE_MAX)]
ROOTS = [merkle.root(LEAVES[:size]) for size in range(SIZE_MAX + 1)]


def test_roots_agree() -> None:
    """Top-down, bottom-up and grown leaf by leaf: one root."""
    frontier = merkle.Frontier()

    assert frontier.root() == naive_root([]) == ROOTS[0]
    for size in range(1, SIZE_MAX + 1):
        frontier.append(LEAVES[size - 1])
        assert frontier.root() == naive_root(LEAVES[:size]) == ROOTS[size]
        assert frontier.size == size


def test_every_inclusion_proof_verifies() -> None:
    """Every leaf of every tree: the proof agrees with the second implementation and leads up."""
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            proof = merkle.inclusion_proof(LEAVES[:size], index)
            assert proof == naive_inclusion(LEAVES[:size], index)
            merkle.verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


def test_every_consistency_proof_verifies() -> None:
    """Every pair of sizes."""
    for size in range(1, SIZE_MAX + 1):
        for old in range(1, size + 1):
            proof = merkle.consistency_proof(LEAVES[:size], old)
            merkle.verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)


def test_no_inclusion_proof_serves_another_place() -> None:
    """Up to 20 leaves: a proof fails for every other leaf, index, size, root and length."""
    for size in range(1, 21):
        for index in range(size):
            proof = merkle.inclusion_proof(LEAVES[:size], index)
            others = [
                (LEAVES[(index + 1) % SIZE_MAX], index, size, proof, ROOTS[size]),
                (LEAVES[index], index, size, [*proof, LEAVES[0]], ROOTS[size]),
                (LEAVES[index], index, size, proof, ROOTS[size + 1]),
                *(
                    (LEAVES[index], other, size, proof, ROOTS[size])
                    for other in range(size)
                    if other != index
                ),
            ]
            if proof:
                others.append((LEAVES[index], index, size, proof[:-1], ROOTS[size]))
                others.append((LEAVES[index], index, size, proof[1:], ROOTS[size]))
            for case in others:
                with pytest.raises(ProofError):
                    merkle.verify_inclusion(*case)


def test_no_consistency_proof_serves_another_pair() -> None:
    """Up to 20 leaves: a proof fails for other sizes, roots and lengths."""
    for size in range(2, 21):
        for old in range(1, size):
            proof = merkle.consistency_proof(LEAVES[:size], old)
            others = [
                (old, ROOTS[old + 1], size, ROOTS[size], proof),
                (old, ROOTS[old], size, ROOTS[size + 1], proof),
                (old, ROOTS[old], size, ROOTS[size], [*proof, LEAVES[0]]),
                (old, ROOTS[old], size, ROOTS[size], proof[:-1]),
                (old, ROOTS[size], size, ROOTS[size], proof),
                (size, ROOTS[size], old, ROOTS[old], proof),
            ]
            for case in others:
                with pytest.raises(ProofError):
                    merkle.verify_consistency(*case)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_leaf_stands_outside_its_tree(index: int, size: int) -> None:
    """An index outside is refused, by prover and verifier."""
    with pytest.raises(ProofError):
        merkle.inclusion_proof(LEAVES[:size], index)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[0], index, size, [], ROOTS[size])


@pytest.mark.parametrize(("old", "size"), [(0, 3), (4, 3), (-1, 3)])
def test_no_tree_follows_a_larger_or_an_empty_one(old: int, size: int) -> None:
    """Sizes that do not follow are refused, by prover and verifier."""
    with pytest.raises(ProofError):
        merkle.consistency_proof(LEAVES[:size], old)
    with pytest.raises(ProofError):
        merkle.verify_consistency(old, ROOTS[0], size, ROOTS[size], [])


def test_two_trees_of_one_size_are_the_same_or_a_fork() -> None:
    """With equal sizes the roots must be equal and the proof empty."""
    merkle.verify_consistency(5, ROOTS[5], 5, ROOTS[5], [])
    for root, proof in ((ROOTS[6], []), (ROOTS[5], [LEAVES[0]])):
        with pytest.raises(ProofError):
            merkle.verify_consistency(5, ROOTS[5], 5, root, proof)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    """The zero and one before what is hashed keep entries and nodes apart."""
    left, right = LEAVES[0], LEAVES[1]

    assert merkle.leaf_hash(left + right) != merkle.node_hash(left, right)
    assert merkle.leaf_hash(b"\x01" + left + right) != merkle.node_hash(left, right)


@given(st.lists(st.binary(max_size=3), max_size=70), st.data())
def test_random_trees_agree(entries: list[bytes], draw: st.DataObject) -> None:
    """Equal entries included: both implementations give one root and one proof."""
    leaves = [merkle.leaf_hash(entry) for entry in entries]

    assert merkle.root(leaves) == naive_root(leaves)
    if leaves:
        index = draw.draw(st.integers(0, len(leaves) - 1))
        assert merkle.inclusion_proof(leaves, index) == naive_inclusion(leaves, index)
