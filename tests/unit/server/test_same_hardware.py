"""Which ids are of one piece of hardware, and which of them an assignment covers."""

from fractions import Fraction

import pytest
from kashi_server.domain.same_hardware import covers, hardware_key

UUID = "6f3c1111-2222-3333-4444-55556666abcd"
BARE = f"MIG-{UUID}"
FOUR, THREE = f"{BARE}.4of7-4g.40gb", f"{BARE}.3of7-3g.40gb"
DIE = "0A1B2C3D-4E5F6071-8293A4B5-C6D7E8F9-01234567"


@pytest.mark.parametrize("other", [BARE, FOUR, THREE, FOUR.upper(), BARE.lower()])
def test_a_partitions_uuid_is_one_hardware(other: str) -> None:
    """Whatever share and profile stand behind it, in capitals or not."""
    assert hardware_key(other) == hardware_key(FOUR)


def test_one_card_in_capitals_is_one_card() -> None:
    """Two agents that spell one id differently tell of one card."""
    assert hardware_key(f"GPU-{UUID.upper()}") == hardware_key(f"GPU-{UUID}")


@pytest.mark.parametrize(
    "other",
    [f"GPU-{UUID}", f"MIG-{UUID[:-1]}e.4of7-4g.40gb", f"MIG-GPU-{UUID}/1/0.4of7-4g.40gb", DIE],
)
def test_other_hardware_stays_other(other: str) -> None:
    """The card of a partition, another UUID, an old driver's partition and a die."""
    assert hardware_key(other) != hardware_key(FOUR)


def test_parts_of_a_die_are_told_apart() -> None:
    """A vNPU's words behind its die's id are no share of one thing: each has its own number."""
    assert hardware_key(f"{DIE}.vnpu1-1of2") != hardware_key(f"{DIE}.vnpu2-1of2")
    assert hardware_key(f"{DIE}.vnpu1-1of2") != hardware_key(DIE)


@pytest.mark.parametrize(
    ("assigned", "reported", "sevenths", "covered"),
    [
        (BARE, BARE, 4, True),
        (BARE, FOUR, 4, True),
        (BARE, THREE, 3, True),
        (FOUR, FOUR, 4, True),
        (FOUR.upper(), FOUR, 4, True),
        (FOUR, BARE, 4, True),
        (FOUR, BARE, 3, False),
        (FOUR, THREE, 3, False),
        (f"{BARE}.odd", BARE, 4, False),
        (f"{BARE}.odd", f"{BARE}.odd", 4, True),
        (f"GPU-{UUID}", BARE, 4, False),
    ],
)
def test_an_assignment_covers_what_it_names(
    assigned: str, reported: str, sevenths: int, *, covered: bool
) -> None:
    """The UUID alone: every cut of it. A cut: itself, and the UUID alone counted as its share."""
    assert covers(assigned, reported, Fraction(sevenths, 7)) is covered
