"""Movements and budgets: what they refuse at birth, and that post and reverse come to nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.budget import Act, Budget, ClaimMoney
from kashi_server.domain.ledger import Account, Movement, Posting, Unit
from kashi_server.errors import InvalidValue

ACT = Act(key="k", officer="officer", reason="because")
BUDGET = Budget(programme_id="p", year=2026, envelopes=("e",), counted=True)
CLAIM = ClaimMoney(claim_id="C-1", company_id="company")


def movement(*amounts: int, unit: Unit = Unit.FEN) -> Movement:
    """A movement over accounts a, b, c …"""
    postings = tuple(
        Posting(Account(f"a:{place}", unit), amount) for place, amount in enumerate(amounts)
    )
    return Movement(key="k", kind="k", reference="r", officer="o", reason="w", postings=postings)


@pytest.mark.parametrize(
    ("amounts", "told"),
    [((5,), "two accounts"), ((5, -4), "off by 1"), ((5, 0, -5), "no posting"), ((), "two")],
)
def test_a_movement_that_does_not_balance_cannot_be(amounts: tuple[int, ...], told: str) -> None:
    """One-sided, unequal or empty."""
    with pytest.raises(InvalidValue, match=told):
        movement(*amounts)


def test_units_balance_each_on_its_own() -> None:
    """Five fen do not weigh up five awards."""
    postings = (Posting(Account("a:1"), 5), Posting(Account("a:2", Unit.AWARDS), -5))
    with pytest.raises(InvalidValue, match="off by"):
        Movement(key="k", kind="k", reference="r", officer="o", reason="w", postings=postings)


@given(st.lists(st.integers(-(10**12), 10**12).filter(bool), min_size=1, max_size=8))
def test_post_and_reverse_come_to_nothing(amounts: list[int]) -> None:
    """Account by account, the reversal is the exact opposite."""
    rest = -sum(amounts)
    one = movement(*amounts, rest) if rest else movement(*amounts, 1, -1)
    back = one.reversed("second", "mistaken")

    assert {p.account: -p.amount for p in back.postings} == {
        p.account: p.amount for p in one.postings
    }
    assert back.key == "reversal/k"


def test_a_reservation_takes_from_every_bound_at_once() -> None:
    """Pool, cap, envelope and quota, and a whole release gives back to all of them."""
    taken = BUDGET.reserve(ACT, CLAIM, 700)
    given_back = BUDGET.release(ACT, CLAIM, 700)

    amounts = {posting.account.name: posting.amount for posting in taken.postings}
    assert amounts == {
        "pool:p/2026": -700,
        "reserved:p/2026/C-1": 700,
        "cap_left:p/2026/company": -700,
        "cap_used:p/2026/company": 700,
        "envelope_left:e/2026": -700,
        "envelope_used:e/2026": 700,
        "quota_left:p/2026": -1,
        "quota_used:p/2026": 1,
    }
    assert {p.account.name: -p.amount for p in given_back.postings} == amounts


def test_money_moves_on_by_one_stage_at_a_time() -> None:
    """Nothing is disbursed that was not certified."""
    moved = BUDGET.advance(ACT, CLAIM, 700, "disbursed")

    assert {posting.account.name for posting in moved.postings} == {
        "certified:p/2026/C-1",
        "disbursed:p/2026/C-1",
    }
    with pytest.raises(InvalidValue, match="none of"):
        BUDGET.advance(ACT, CLAIM, 700, "reserved")
