"""Bounds on strangers' tries at the enrolment port."""

import pytest
from kashi_server.ingest.throttle import HOUR_MS, Allowance, Throttle, address_of

SMALL = Allowance(burst=3, per_hour=60)
WIDE = Allowance(burst=100, per_hour=100)


class _Ticks:
    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


def _taken(throttle: Throttle, address: str, tries: int) -> int:
    return sum(throttle.take(address) for _ in range(tries))


def test_burst_then_refill() -> None:
    """A burst of tries, then one more each minute at sixty an hour, never more than the burst."""
    ticks = _Ticks()
    throttle = Throttle(ticks, SMALL, WIDE)
    assert _taken(throttle, "a", 10) == 3

    ticks.now_ms += 59_999
    assert _taken(throttle, "a", 1) == 0
    ticks.now_ms += 1
    assert _taken(throttle, "a", 2) == 1
    ticks.now_ms += 24 * HOUR_MS
    assert _taken(throttle, "a", 10) == 3


def test_guessing_for_an_hour_is_bounded() -> None:
    """Ten tries a second for an hour from one address: the burst and the hour's refill get in."""
    ticks = _Ticks()
    throttle = Throttle(ticks, SMALL, Allowance(burst=10_000, per_hour=10_000))
    taken = 0
    for _ in range(36_000):
        ticks.now_ms += 100
        taken += throttle.take("a")

    # Of the 63, one is lost: what came back before the first try met a full bucket.
    assert taken == 62


def test_success_costs_nothing() -> None:
    """A rack of hosts behind one address is enrolled without waiting."""
    throttle = Throttle(_Ticks(), SMALL, WIDE)
    for _ in range(500):
        assert throttle.take("a")
        throttle.give_back("a")


def test_giving_back_never_exceeds_the_burst() -> None:
    """Nobody saves up tries by succeeding."""
    throttle = Throttle(_Ticks(), SMALL, WIDE)
    for _ in range(50):
        throttle.give_back("a")

    assert _taken(throttle, "a", 10) == 3


def test_addresses_do_not_share_but_all_are_bounded() -> None:
    """One address's tries are not another's; together they meet the global bound."""
    throttle = Throttle(_Ticks(), SMALL, Allowance(burst=5, per_hour=5))

    assert _taken(throttle, "a", 9) == 3
    assert _taken(throttle, "b", 9) == 2
    assert _taken(throttle, "c", 9) == 0


def test_refused_globally_costs_the_address_nothing() -> None:
    """An address that met the global bound keeps its own tries."""
    ticks = _Ticks()
    throttle = Throttle(ticks, SMALL, Allowance(burst=1, per_hour=3600))
    throttle.take("a")
    assert _taken(throttle, "b", 5) == 0

    for _ in range(3):
        ticks.now_ms += 1000
        assert throttle.take("b")


def test_memory_is_bounded() -> None:
    """Only so many addresses are remembered; the one unseen for longest is forgotten first."""
    throttle = Throttle(_Ticks(), SMALL, Allowance(burst=10_000, per_hour=1), addresses_max=10)
    for number in range(100):
        throttle.take(f"address {number}")

    assert len(throttle._buckets) == 10


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:192.0.2.1:5000", "192.0.2.1"),
        ("ipv6:%5B2001:db8:1:2:3:4:5:6%5D:5000", "2001:db8:1:2::/64"),
        ("ipv6:[2001:db8:1:2:ffff::1]:5000", "2001:db8:1:2::/64"),
        ("ipv6:[::1]:5000", "::/64"),
        ("ipv6:[fe80::1%25eth0]:5000", "fe80::/64"),
        ("unix:/run/kashi.sock", "unix:/run/kashi.sock"),
    ],
)
def test_address_of_a_peer(peer: str, address: str) -> None:
    """The port does not count, and an IPv6 network of 64 bits is one address."""
    assert address_of(peer) == address
