"""Power cut before every disk operation of many histories, with any legal rest of what was not
synchronised: nothing is invented, nothing told twice, and at most 10 s are missing."""

from power_cuts import FLUSH_MS, explored

POINTS = 20_000


def test_a_power_cut_costs_ten_seconds_and_says_so() -> None:
    """Twenty thousand cuts, in writes and syncs too; the worst costs what one flush interval holds,
    none more (S28)."""
    tally = explored(POINTS)

    assert tally.points >= POINTS
    assert FLUSH_MS - 1_500 <= tally.lost_ms_max <= FLUSH_MS, "the cuts do not bite"
