"""A device's period, cut wherever anything changes, and joined where nothing did.

The host it serves on, its assignment, its price, the host's owner, the rules in force, a dispute,
partitions that come and go. A physical device that is cut into partitions is metered through them,
unless it is itself leased; then its partitions are metered through it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from kashi_server.domain.device import DeviceRecord, ServiceWindow
from kashi_server.domain.device_family import Family
from kashi_server.domain.device_time import DeviceTime, merge_minutes
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.reason import Reason
from kashi_server.domain.standing import Standing, StandingBook


def windows_in(device: DeviceRecord, period: Interval) -> Iterator[tuple[ServiceWindow, Interval]]:
    """The service windows of a device that reach into the period, each with its part there."""
    for window in device.windows:
        common = window.interval.overlap(period)
        if common is not None:
            yield window, common


def pieces_of(
    device: DeviceRecord,
    family: Family,
    book: StandingBook,
    time: DeviceTime,
    period: Interval,
    months: Sequence[Interval],
) -> Iterator[tuple[int, int, Standing]]:
    """A device's period, cut wherever anything changes: start, end and how it stands there."""
    windows = list(windows_in(device, period))
    excess = merge_minutes(family.excess(device)) if device.parent_hardware_id else []
    changes = [*time.disputed, *excess, *months]
    changes += book.changes(device, {window.host_id for window, _common in windows})
    for part in family.parts_of(device):
        changes += [window.interval for window in part.windows]
    for window, common in windows:
        for start, end in _cut(common, changes):
            if _metered_elsewhere(device, family, book, start):
                continue
            standing = book.at(device, family.models(device), window.host_id, start)
            if time.disputed or excess:
                standing = _held(standing, start, time.disputed, excess)
            yield start, end, standing


def _held(
    standing: Standing, minute: int, disputed: Sequence[Interval], excess: Sequence[Interval]
) -> Standing:
    """A standing at a minute, held where observations contradict each other or the card."""
    held: list[Reason] = []
    if any(minute in stretch for stretch in disputed):
        held.append(Reason.CONFLICT)
    if any(minute in stretch for stretch in excess):
        held.append(Reason.SHARES_EXCEED_DEVICE)
    blocked = tuple(sorted({*standing.blocked, *held}))
    return replace(standing, blocked=blocked) if held else standing


def months_of(period: Interval) -> Iterator[Interval]:
    """The months of Asia/Shanghai that a bounded period reaches into."""
    start, end = period.bounded()
    while start < end:
        month = Month.of(start).interval()
        yield month
        start = month.bounded()[1]


def _metered_elsewhere(
    device: DeviceRecord, family: Family, book: StandingBook, minute: int
) -> bool:
    whole = family.whole_of(device)
    if whole is not None and book.leased_at(whole, minute) is not None:
        return True
    if not family.partitioned(device, minute):
        return False
    return book.leased_at(device, minute) is None


def _cut(stretch: Interval, changes: Iterable[Interval]) -> Iterator[tuple[int, int]]:
    start, end = stretch.bounded()
    points = {start, end}
    for change in changes:
        ends = (change.start, change.end)
        points.update(point for point in ends if point is not None and start < point < end)
    ordered = sorted(points)
    yield from pairwise(ordered)


def joined(pieces: Iterable[tuple[int, int, Standing]]) -> Iterator[tuple[int, int, Standing]]:
    """Neighbours that stand alike, as one."""
    held: tuple[int, int, Standing] | None = None
    for start, end, standing in pieces:
        if held is not None and held[1] == start and held[2] == standing:
            held = (held[0], end, standing)
            continue
        if held is not None:
            yield held
        held = (start, end, standing)
    if held is not None:
        yield held
