"""Sums of days and hours come to what the minutes come to, however they are cut."""

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from expense_cases import (
    HOST_A,
    HOST_B,
    OTHER_TENANT,
    assignment,
    contract,
    device,
    price,
    tenure,
    terms,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.contract import Assignment
from kashi_server.domain.device import Conflict, DeviceRecord
from kashi_server.domain.interval import MINUTE_MS, Interval, Month, days_of
from kashi_server.domain.rating import Facts, device_times, rate_times
from kashi_server.domain.silence import silences
from kashi_server.domain.standing import Terms
from kashi_server.domain.summed_time import DAYS, HOURS, BlockSums, DaySums
from kashi_server.domain.tariff import Basis, PriceUnit
from kashi_server.domain.usage import DeviceHour, counts_of
from kashi_server.services.month_times import month_times
from kashi_server.services.service_windows import conflicts_of, observed_of

START = Month(2026, 10).interval().start
END = START + 2 * 1440
PERIOD = Interval(START, END)
BOTH = (HOST_A, HOST_B)
bounded = settings(max_examples=40, deadline=None)


@dataclass
class Kept:
    """Device-hours in a list, added up as asked: what storage does, told once more plainly."""

    kept: Sequence[DeviceHour]
    waiting: Collection[str] = ()

    def unsummed_devices(self, start_minute: int, end_minute: int) -> Collection[str]:
        """As said."""
        return self.waiting

    def day_sums(self, start_minute: int, end_minute: int) -> DaySums:
        """By day, without what is said to wait."""
        found, numbers = DaySums(), range(DAYS.of(start_minute), DAYS.of(end_minute))
        for hour in self.device_hours(None, start_minute, end_minute):
            if hour.hardware_id not in self.waiting:
                sums = found.of.setdefault(hour.hardware_id, BlockSums.empty(DAYS, numbers))
                sums.add(DAYS.of(HOURS.start(hour.hour)), counts_of(hour.total()))
            if max(hour.columns[0]) > MINUTE_MS:
                found.unsure.add(hour.hardware_id)
        return found

    def hour_sums(
        self, hardware_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Mapping[str, BlockSums]:
        """By hour."""
        found: dict[str, BlockSums] = {}
        numbers = range(HOURS.of(start_minute), HOURS.of(end_minute))
        for hour in self.device_hours(hardware_ids, start_minute, end_minute):
            sums = found.setdefault(hour.hardware_id, BlockSums.empty(HOURS, numbers))
            sums.add(hour.hour, counts_of(hour.total()))
        return found

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Those that touch the minutes."""
        for hour in self.kept:
            wanted = hardware_ids is None or hour.hardware_id in hardware_ids
            if wanted and start_minute < hour.hour * 60 + 60 and hour.hour * 60 < end_minute:
                yield hour

    def conflicts(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> list[Conflict]:
        """What two hosts observed."""
        ids = sorted({hour.hardware_id for hour in self.device_hours(hardware_ids, 0, END)})
        return [
            conflict
            for one in ids
            for conflict in conflicts_of(
                observed_of(self.device_hours([one], 0, END)), start_minute, end_minute
            )
        ]


minutes = st.integers(START, END)
cuts = st.sets(minutes, max_size=6).map(sorted)
amounts = st.sampled_from((60_000, 60_000, 59_999, 1, 60_001))


def _hours(
    hardware_id: str, host_id: str, spans: Sequence[tuple[int, int, int]], held: int
) -> Iterator[DeviceHour]:
    """Hours in which each minute of a span was observed so long, and held and used or not."""
    for number in range(HOURS.of(START), HOURS.of(END)):
        hour = DeviceHour(hardware_id=hardware_id, host_id=host_id, hour=number)
        base = HOURS.start(number)
        for start, end, ms in spans:
            low, high = max(start - base, 0), min(end - base, 60)
            # Observed; known to be held or not, and held; known use of it, active, and how much.
            used = (ms, ms * held, ms * held * 370_000)
            for column, value in zip(hour.columns, (ms, ms, ms * held, *used), strict=False):
                if low < high:
                    column[low:high] = array("Q", [value] * (high - low))
        if any(hour.columns[0]):
            yield hour


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[DeviceRecord], Kept]:
    """Three cards: one host's, one that moves, one in two parts that may be more than it is; the
    third may be observed whole as well, in minutes in which its parts are not."""
    seen: list[DeviceHour] = []
    moved = draw(minutes)
    places = [
        ("GPU-1", HOST_A, START, END),
        ("GPU-2", HOST_A, START, min(END, moved + draw(st.integers(0, 5)))),
        ("GPU-2", HOST_B, moved, END),
        ("MIG-1", HOST_A, START, END),
        ("MIG-2", HOST_A, START, END),
        ("GPU-9", HOST_A, START, END),
    ]
    for hardware_id, host_id, low, high in places:
        spans = [
            (max(start, low), min(end, high), draw(amounts) if draw(st.booleans()) else 60_000)
            for start, end in pairwise([low, *draw(cuts), high])
            if draw(st.integers(0, 4))
        ]
        seen += _hours(hardware_id, host_id, spans, draw(st.sampled_from((0, 1))))
    share = draw(st.sampled_from(((3, 7), (4, 7))))
    windows = [(HOST_A, START, moved), (HOST_B, moved, None)]
    devices = [
        device("GPU-1", (HOST_A, draw(minutes), None)),
        device("GPU-9", (HOST_A, START, None)),
        device("GPU-2", *[one for one in windows if one[2] is None or one[1] < one[2]]),
        device("MIG-1", (HOST_A, START, None), parent="GPU-9", share=share),
        device("MIG-2", (HOST_A, START, None), parent="GPU-9", share=(4, 7)),
    ]
    waiting = draw(st.sets(st.sampled_from([one.hardware_id for one in devices]), max_size=1))
    return devices, Kept(seen, waiting)


def _over_partitions(draw: st.DrawFn, leases: Sequence[Assignment]) -> list[Assignment]:
    """Leases of the card that is cut in two, where no lease of a part of it stands."""
    taken = [one.interval for one in leases if one.hardware_id.startswith("MIG")]
    return [
        assignment(low, high, assignment_id=f"A-GPU-9-{low}", hardware_id="GPU-9")
        for low, high in zip(*[iter(draw(cuts))] * 2, strict=False)
        if not any(Interval(low, high).overlap(one) for one in taken)
    ]


@st.composite
def agreements(draw: st.DrawFn) -> Terms:
    """Leases, prices and tenures that begin and end at any minute."""
    leases = [
        assignment(low, high, assignment_id=f"A-{one}-{low}", hardware_id=one)
        for one in ("GPU-1", "GPU-2", "MIG-1", "MIG-2")
        for low, high in zip(*[iter(draw(cuts))] * 2, strict=False)
    ]
    leases += _over_partitions(draw, leases)
    billing = draw(
        st.sampled_from(
            (
                (Basis.UTILISED, PriceUnit.CARD_HOUR),
                (Basis.LEASED_OBSERVED, PriceUnit.CARD_HOUR),
                (Basis.HELD, PriceUnit.CARD_HOUR),
                (Basis.FLAT_RENT, PriceUnit.DEVICE_MONTH),
            )
        )
    )
    edges = [START - 99, *draw(cuts), END + 99]
    prices = [
        replace(
            price(f"{10 + place}.37", low, high, price_id=f"P-{place}"),
            basis=billing[0],
            unit=billing[1],
        )
        for place, (low, high) in enumerate(pairwise(edges))
        if low < high and draw(st.integers(0, 4))
    ]
    owned = draw(st.just(START) | minutes)
    return terms(
        leases,
        prices,
        contracts=[contract(), contract("HT-2", OTHER_TENANT)],
        tenures=[tenure(HOST_A, start=owned), tenure(HOST_B)],
    )


def _by_minutes(devices: Sequence[DeviceRecord], kept: Kept) -> Facts:
    return Facts(devices=devices, hours=kept.kept, conflicts=kept.conflicts(None, START, END))


@given(worlds(), agreements())
@settings(bounded, max_examples=25)
def test_lines_of_sums_are_the_lines_of_minutes(
    world: tuple[list[DeviceRecord], Kept], agreed: Terms
) -> None:
    """Every line with its days, every dispute and every silence, wherever prices, leases, tenures,
    moves, waiting reports and overfull minutes cut the days."""
    devices, kept = world
    whole = device_times(_by_minutes(devices, kept), PERIOD)
    summed = month_times(kept, devices, PERIOD)

    by_minutes = rate_times(devices, whole, agreed, PERIOD)
    by_sums = rate_times(devices, summed, agreed, PERIOD)

    assert by_sums.disputes == by_minutes.disputes
    for one, other in zip(by_sums.lines, by_minutes.lines, strict=True):
        assert one == other
        assert list(one.days) == list(other.days)
    for key in whole:
        for host_id in BOTH:
            said = [silences(key, host_id, PERIOD, times[key], ()) for times in (whole, summed)]
            assert said[0] == said[1]


@given(worlds(), st.lists(st.tuples(minutes, minutes), min_size=1, max_size=12))
@bounded
def test_any_stretch_of_sums_is_the_sum_of_its_minutes(
    world: tuple[list[DeviceRecord], Kept], asked: list[tuple[int, int]]
) -> None:
    """Sums, days and claims between any two minutes."""
    devices, kept = world
    whole = device_times(_by_minutes(devices, kept), PERIOD)
    summed = month_times(kept, devices, PERIOD)

    for key in whole:
        for low, high in map(sorted, asked):
            assert summed[key].between(low, high) == whole[key].between(low, high)
            if low < high:
                days = [day.bounded() for day in days_of(Interval(low, high))]
                columns = [
                    [list(column) for column in times[key].columns(days)]
                    for times in (summed, whole)
                ]
                assert columns[0] == columns[1]
                assert summed[key].claims(low, high) == whole[key].claims(low, high)
