"""Claims about what a party sees, against a naive reading minute by minute.

The oracle knows sets of minutes and nothing else: which minutes a device served on which host,
which were seen, which two hosts claim. Sums of the code under test must be sums over those sets.
"""

import itertools
from collections.abc import Iterable
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.device import Conflict, DeviceRecord, ServiceWindow, Vendor
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour, Quantities
from kashi_server.services.month_usage import Observations, usage_of
from kashi_server.services.sight import Sight, clipped, merged, without

BASE = 29_000_000 // 1440 * 1440 - 480 + 60 * 20
"""Twenty hours into a day of Asia/Shanghai: what follows crosses midnight."""

SPAN = 8 * 60
CARD = "GPU-1"
HOSTS = ("host-1", "host-2")

edges = st.integers(BASE - 90, BASE + SPAN + 90)


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    """A stretch of minutes about the window, sometimes without end."""
    start = draw(edges)
    return Interval(start, draw(st.none() | st.integers(start + 1, BASE + SPAN + 200)))


@st.composite
def bounded(draw: st.DrawFn) -> Interval:
    """A stretch of minutes with an end."""
    start = draw(edges)
    return Interval(start, draw(st.integers(start + 1, BASE + SPAN + 200)))


def minutes(parts: Iterable[Interval]) -> set[int]:
    """The minutes that some intervals hold, within reach of the tests."""
    reach = range(BASE - 300, BASE + SPAN + 400)
    return {minute for minute in reach if any(minute in part for part in parts)}


@given(st.lists(intervals()))
def test_merging_keeps_exactly_the_minutes(parts: list[Interval]) -> None:
    """Merged intervals hold the same minutes, in order, with air between any two."""
    joined = merged(parts)
    assert minutes(joined) == minutes(parts)
    for before, after in itertools.pairwise(joined):
        assert before.end is not None
        assert before.end < after.start


@given(st.lists(intervals()), bounded())
def test_clipping_is_intersection(parts: list[Interval], window: Interval) -> None:
    """What is clipped is what both hold."""
    assert minutes(clipped(parts, window)) == minutes(parts) & minutes([window])


@given(st.lists(bounded()), st.lists(bounded()))
def test_holes_are_taken_out(parts: list[Interval], holes: list[Interval]) -> None:
    """Intervals without holes hold the difference."""
    assert minutes(without(parts, holes)) == minutes(parts) - minutes(holes)


def quantities_at(host_id: str, minute: int) -> Quantities:
    """What a host observed in a minute: some figure that no two minutes share."""
    observed = (minute * 7919 + len(host_id) + ord(host_id[-1])) % (MINUTE_MS + 1)
    return Quantities(
        observed, observed, observed // 2, observed, observed // 3, observed * 1000, 0
    )


def hours(host_id: str, observed: set[int]) -> list[DeviceHour]:
    """The device-hours of a host that observed these minutes."""
    found: dict[int, DeviceHour] = {}
    for minute in sorted(observed):
        hour = found.setdefault(
            minute // 60, DeviceHour(hardware_id=CARD, host_id=host_id, hour=minute // 60)
        )
        hour.add(minute, quantities_at(host_id, minute))
    return list(found.values())


@given(
    host_spans=st.lists(intervals(), max_size=2),
    leases=st.lists(intervals(), max_size=3),
    moved=st.integers(BASE - 30, BASE + SPAN + 30),
    held=st.lists(bounded(), max_size=2),
    until=st.integers(BASE - 10, BASE + SPAN + 10),
    share=st.sampled_from(((1, 1), (3, 7), (1, 2))),
)
def test_a_partys_usage_is_the_sum_over_the_minutes_it_sees(
    host_spans: list[Interval],
    leases: list[Interval],
    moved: int,
    held: list[Interval],
    until: int,
    share: tuple[int, int],
) -> None:
    """A card that moves hosts, leased and owned in parts, partly claimed twice, partly to come."""
    everything = set(range(BASE - 120, BASE + SPAN + 120))
    observed = {HOSTS[0]: everything, HOSTS[1]: {m for m in everything if m % 17}}
    windows = {HOSTS[0]: Interval(BASE - 100, moved), HOSTS[1]: Interval(moved, None)}
    device = DeviceRecord(
        hardware_id=CARD,
        vendor=Vendor.NVIDIA,
        model="H100",
        parent_hardware_id="",
        share_numerator=share[0],
        share_denominator=share[1],
        memory_bytes=1,
        serial="",
        pci_bus_id="",
        replayed=False,
        first_minutes=((HOSTS[0], BASE - 100), (HOSTS[1], moved)),
        windows=tuple(ServiceWindow(host_id=h, interval=i) for h, i in windows.items()),
    )
    sight = Sight(
        party_id="party",
        hosts={HOSTS[0]: merged(host_spans)} if host_spans else {},
        leased={CARD: merged(leases)} if leases else {},
    )
    observations = Observations(
        devices=[device],
        hours=[hour for host in HOSTS for hour in hours(host, observed[host])],
        conflicts=[Conflict(hardware_id=CARD, interval=i, host_ids=HOSTS) for i in held],
    )
    window = Interval(BASE, BASE + SPAN)

    usage = usage_of(sight, observations, window, until)

    passed = set(range(BASE, min(until, BASE + SPAN)))
    expected = Quantities()
    elapsed = leased_ms = 0
    for host in HOSTS:
        seen = minutes(leases) | (minutes(host_spans) if host == HOSTS[0] else set())
        here = seen & passed & minutes([windows[host]])
        elapsed += len(here) * MINUTE_MS
        for minute in (here & observed[host]) - minutes(held):
            expected += quantities_at(host, minute)
            if minute in minutes(leases):
                leased_ms += quantities_at(host, minute).observed_ms
    for name in QUANTITY_NAMES:
        assert getattr(usage.total.quantities, name) == getattr(expected, name)
    assert usage.total.elapsed_ms == elapsed
    assert usage.total.gap_ms == elapsed - expected.observed_ms
    assert usage.total.leased_ms == leased_ms
    assert usage.total.card_hours == Fraction(*share) * expected.observed_ms / 3_600_000
    assert sum(day.usage.elapsed_ms for day in usage.days) == elapsed
    assert sum(day.usage.quantities.observed_ms for day in usage.days) == expected.observed_ms
