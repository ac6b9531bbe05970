"""Rating: device-hours and what the parties agreed, in; rated lines, out. Pure and exact.

For every device the month is cut wherever anything changes: the host it serves on, its assignment,
its price, the host's owner, the rules in force, a dispute. Each piece has one standing; neighbours
with the same standing are one line. A line bills leased time in the quantity its price names, times
the device's share as a fraction, and is rounded once. What earns nothing earns 0 and says why;
disputed time is a line of its own, held at 0. Every minute of a service window is in exactly one
line, of exactly one statement: under the contract it was leased to, or else with the host's owner.

A physical device that is cut into partitions is metered through them, unless it is itself leased;
then its partitions are metered through it. So no card-hour is counted on both levels.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from operator import sub
from typing import Final, overload

from kashi_server.domain.device import Conflict, DeviceRecord, ServiceWindow
from kashi_server.domain.device_time import Columns, DeviceTime, Stretch, merge_minutes
from kashi_server.domain.evidence_level import EvidenceLevel
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Interval, Month, days_of
from kashi_server.domain.line_gap import LineGap
from kashi_server.domain.money import truncate_times
from kashi_server.domain.reason import Reason
from kashi_server.domain.rent import LinePrice, LineRent
from kashi_server.domain.standing import Standing, StandingBook, Terms
from kashi_server.domain.stated_origin import StatedOrigin
from kashi_server.domain.statement_line import StatementQuantities, sum_of
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour, Quantities
from kashi_server.errors import InvalidValue

EVIDENCE_LEVEL = EvidenceLevel.AGENT
"""What an agent measured and signed with a key in a file."""

NS_PER_MS = 1_000_000
_OBSERVED: Final = QUANTITY_NAMES.index("observed_ms")
_HELD: Final = QUANTITY_NAMES.index("held_ms")
_UTILISED: Final = QUANTITY_NAMES.index("utilised_ns")


@dataclass(frozen=True, slots=True)
class DayShare:
    """A line's part in one day of Asia/Shanghai that begins at UTC minute `start`."""

    start: int
    leased_ms: int
    observed_ms: int
    gap_ms: int
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LineDays(Sequence[DayShare]):
    """A line's days in columns: a share is made when it is asked for, for a month of a thousand
    devices has thirty thousand of them."""

    starts: tuple[int, ...]
    elapsed_ms: tuple[int, ...]
    observed_ms: tuple[int, ...]
    amounts_fen: tuple[int, ...]
    leased: bool

    def rows(self) -> Iterator[tuple[int, int, int, int]]:
        """Start, elapsed, observed and amount of each day."""
        return zip(self.starts, self.elapsed_ms, self.observed_ms, self.amounts_fen, strict=True)

    def __len__(self) -> int:
        return len(self.starts)

    @overload
    def __getitem__(self, place: int) -> DayShare: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[DayShare]: ...
    def __getitem__(self, place: int | slice) -> DayShare | Sequence[DayShare]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        elapsed_ms, observed_ms = self.elapsed_ms[place], self.observed_ms[place]
        return DayShare(
            start=self.starts[place],
            leased_ms=elapsed_ms if self.leased else 0,
            observed_ms=observed_ms,
            gap_ms=elapsed_ms - observed_ms,
            amount_fen=self.amounts_fen[place],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RatedLine:
    """One device with one standing over [start, end) UTC minutes; `stated` says which provider's
    statement it rests on, where it is no agent's."""

    hardware_id: str
    start: int
    end: int
    standing: Standing
    share: Fraction
    quantities: StatementQuantities
    billed_ms: int
    amount_fen: int
    eligible: bool
    reasons: tuple[Reason, ...]
    days: LineDays
    evidence_level: EvidenceLevel = EVIDENCE_LEVEL
    gaps: tuple[LineGap, ...] = ()
    stated: StatedOrigin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """Minutes in which a device's observations contradict each other, and who claims what."""

    hardware_id: str
    interval: Interval
    claims: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a month came to: lines by device and start, and what was disputed."""

    lines: tuple[RatedLine, ...]
    disputes: tuple[Dispute, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What was observed: devices, their device-hours, and conflicts. Order does not matter."""

    devices: Sequence[DeviceRecord]
    hours: Iterable[DeviceHour]
    conflicts: Iterable[Conflict] = ()


def rate(facts: Facts, terms: Terms, period: Interval) -> Rating:
    """Rate a bounded period; `rate_times` for device-hours that are added up already."""
    return rate_times(facts.devices, device_times(facts, period), terms, period)


def rate_times(
    devices: Sequence[DeviceRecord],
    times: Mapping[str, DeviceTime],
    terms: Terms,
    period: Interval,
) -> Rating:
    """Rate a bounded period.

    Args:
        devices: what they are and where they served.
        times: what was observed of each, at the cut-off; from `device_times`.
        terms: contracts, assignments, prices, tenures and rules.
        period: UTC minutes, usually a month of Asia/Shanghai.

    Raises:
        InvalidValue: what was agreed contradicts itself.
        Refused: a host belongs to nobody.
    """
    family = _Family(devices, times)
    book = StandingBook(terms, {one.hardware_id: _share(one) for one in devices})
    # Rents are of a month; where nothing else changes there, neighbours become one line again.
    months = list(_months(period))
    lines: list[RatedLine] = []
    disputes: list[Dispute] = []
    for device in sorted(devices, key=lambda found: found.hardware_id):
        time = times[device.hardware_id]
        pieces = _pieces(device, family, book, time, period, months)
        lines.extend(
            priced_line(
                device.hardware_id, Interval(start, end), standing, _share(device), time.columns
            )
            for start, end, standing in _joined(pieces)
        )
        for stretch in time.disputed:
            start, end = stretch.bounded()
            claims = tuple(sorted(time.claims(start, end).items()))
            disputes.append(
                Dispute(hardware_id=device.hardware_id, interval=stretch, claims=claims)
            )
    return Rating(lines=tuple(lines), disputes=tuple(disputes))


def device_times(facts: Facts, period: Interval) -> dict[str, DeviceTime]:
    """The time of every device, clean of what lies outside the period."""
    hours: dict[str, dict[tuple[str, int], DeviceHour]] = {
        device.hardware_id: {} for device in facts.devices
    }
    for hour in facts.hours:
        known = hours[hour.hardware_id].setdefault((hour.host_id, hour.hour), hour)
        if known.columns != hour.columns:
            raise InvalidValue(
                f"two different device-hours of {hour.hardware_id} on {hour.host_id} in hour"
                f" {hour.hour}"
            )
    conflicts: dict[str, list[Interval]] = {}
    for conflict in facts.conflicts:
        common = conflict.interval.overlap(period)
        if common is not None:
            conflicts.setdefault(conflict.hardware_id, []).append(common)
    return {
        key: DeviceTime(hours[key].values(), device.windows, conflicts.get(key, ()))
        for key, device in ((device.hardware_id, device) for device in facts.devices)
    }


def windows_in(device: DeviceRecord, period: Interval) -> Iterator[tuple[ServiceWindow, Interval]]:
    """The service windows of a device that reach into the period, each with its part there."""
    for window in device.windows:
        common = window.interval.overlap(period)
        if common is not None:
            yield window, common


class _Family:
    """Physical devices and their partitions."""

    def __init__(self, devices: Sequence[DeviceRecord], times: Mapping[str, DeviceTime]) -> None:
        self.devices = {device.hardware_id: device for device in devices}
        self.parts: dict[str, list[DeviceRecord]] = {}
        for device in devices:
            if device.parent_hardware_id:
                self.parts.setdefault(device.parent_hardware_id, []).append(device)
        self._times = times
        self._excess: dict[str, frozenset[int]] = {}

    def models(self, device: DeviceRecord) -> tuple[str, ...]:
        """Under which models a price is looked up: its own, then its physical device's."""
        parent = self.devices.get(device.parent_hardware_id)
        return (device.model,) if parent is None else (device.model, parent.model)

    def partitioned(self, device: DeviceRecord, minute: int) -> bool:
        """A partition of it is in service."""
        return any(
            minute in window.interval
            for part in self.parts.get(device.hardware_id, ())
            for window in part.windows
        )

    def excess(self, device: DeviceRecord) -> frozenset[int]:
        """Minutes in which the partitions of one physical device sum to more than the device."""
        parent = device.parent_hardware_id
        if not parent:
            return frozenset()
        if parent not in self._excess:
            self._excess[parent] = frozenset(self._find_excess(self.parts[parent]))
        return self._excess[parent]

    def _find_excess(self, parts: Sequence[DeviceRecord]) -> Iterator[int]:
        shares = [(_share(part), self._times[part.hardware_id]) for part in parts]
        if sum(share for share, _time in shares) <= 1:
            return
        for hour in sorted({hour for _share_of, time in shares for hour in time.hours}):
            if _card_ms(shares, hour * 60, hour * 60 + 60) == 0:
                continue
            for minute in range(hour * 60, hour * 60 + 60):
                if _card_ms(shares, minute, minute + 1) > MINUTE_MS:
                    yield minute


def _share(device: DeviceRecord) -> Fraction:
    return Fraction(device.share_numerator, device.share_denominator)


def _card_ms(shares: Sequence[tuple[Fraction, DeviceTime]], start: int, end: int) -> Fraction:
    parts = (share * time.between(start, end).observed_ms for share, time in shares)
    return sum(parts, Fraction(0))


def _pieces(
    device: DeviceRecord,
    family: _Family,
    book: StandingBook,
    time: DeviceTime,
    period: Interval,
    months: Sequence[Interval],
) -> Iterator[tuple[int, int, Standing]]:
    windows = list(windows_in(device, period))
    excess = merge_minutes(family.excess(device)) if device.parent_hardware_id else []
    changes = [*time.disputed, *excess, *months]
    changes += book.changes(device, {window.host_id for window, _common in windows})
    for part in family.parts.get(device.hardware_id, ()):
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


def _months(period: Interval) -> Iterator[Interval]:
    start, end = period.bounded()
    while start < end:
        month = Month.of(start).interval()
        yield month
        start = month.bounded()[1]


def _metered_elsewhere(
    device: DeviceRecord, family: _Family, book: StandingBook, minute: int
) -> bool:
    parent = device.parent_hardware_id
    if parent in family.devices and book.leased_at(parent, minute) is not None:
        return True
    if not family.partitioned(device, minute):
        return False
    return book.leased_at(device.hardware_id, minute) is None


def _cut(stretch: Interval, changes: Iterable[Interval]) -> Iterator[tuple[int, int]]:
    start, end = stretch.bounded()
    points = {start, end}
    for change in changes:
        ends = (change.start, change.end)
        points.update(point for point in ends if point is not None and start < point < end)
    ordered = sorted(points)
    yield from pairwise(ordered)


def _joined(pieces: Iterable[tuple[int, int, Standing]]) -> Iterator[tuple[int, int, Standing]]:
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


def _billed_ms(
    price: Price, columns: Columns, elapsed_ms: Sequence[int], *, stated: bool
) -> Iterable[int]:
    """Whole device-milliseconds that a price bills of leased days, each with all before it.

    Utilised nanoseconds are cut to milliseconds where they are added up. `stated`: a provider
    states them (E1); then a rent bills what is stated and rounds nothing up, for many short jobs
    share the days of one card.
    """
    match price.basis:
        case Basis.LEASED_OBSERVED:
            return accumulate(columns[_OBSERVED])
        case Basis.HELD:
            return accumulate(columns[_HELD])
        case Basis.UTILISED:
            return (ns // NS_PER_MS for ns in accumulate(columns[_UTILISED]))
        case Basis.FLAT_RENT:
            # Day by day: what was observed of a day at all is rented as long as it was leased.
            if stated:
                return accumulate(columns[_OBSERVED])
            days = zip(columns[_OBSERVED], elapsed_ms, strict=True)
            return accumulate(ms if observed_ms else 0 for observed_ms, ms in days)


def card_hour_yuan(standing: Standing, share: Fraction, start: int) -> Fraction | None:
    """What a card-hour costs on a line that begins at UTC minute `start`; None: no price.

    A rent and a partition's price become their exact equal per card-hour, so that every line's
    amount is billed time x share x price.
    """
    price = standing.price
    if price is None:
        return None
    if price.unit.monthly:
        rent = standing.rent or LineRent(yuan=price.yuan, month=Month.of(start))
        return rent.card_hour_yuan(share)
    return price.yuan / share if price.unit is PriceUnit.PARTITION_HOUR else price.yuan


def line_price(standing: Standing, start: int) -> LinePrice | None:
    """The price as it was agreed, where that is not per card-hour; of a line that begins there."""
    price = standing.price
    if price is None or price.unit is PriceUnit.CARD_HOUR:
        return None
    rent = standing.rent
    if price.unit.monthly and rent is None:
        rent = LineRent(yuan=price.yuan, month=Month.of(start))
    profile = price.profile if rent is None else rent.profile
    return LinePrice(unit=str(price.unit), yuan=price.yuan, profile=profile, rent=rent)


def priced_line(
    hardware_id: str,
    span: Interval,
    standing: Standing,
    share: Fraction,
    counted: Callable[[Sequence[Stretch]], Columns],
    *,
    stated: bool = False,
) -> RatedLine:
    """A line of one device with one standing: what its days count, and what that comes to.

    Args:
        hardware_id: the device.
        span: its minutes, bounded.
        standing: how it stands in all of them.
        share: cards that its time counts as.
        counted: what was observed on the days of the span, each quantity with every day's.
        stated: a provider states what it counts.
    """
    start, end = span.bounded()
    price = None if standing.blocked or not standing.leased else standing.price
    days, begun, elapsed_ms = _days(start, end)
    columns = counted(days)
    total = _quantities(columns, sum(elapsed_ms), leased=standing.leased)
    # Amounts telescope: what is due through a day less what was due before. So the days sum to
    # the line and the line is still rounded once.
    billed_ms, due_fen = [0] * len(days), [0] * len(days)
    if price is not None:
        unit = share * (card_hour_yuan(standing, share, start) or 0) / HOUR_MS
        billed_ms = list(_billed_ms(price, columns, elapsed_ms, stated=stated))
        due_fen = truncate_times(unit, billed_ms)
    return RatedLine(
        hardware_id=hardware_id,
        start=start,
        end=end,
        standing=standing,
        share=share,
        quantities=total,
        billed_ms=billed_ms[-1],
        amount_fen=due_fen[-1],
        eligible=standing.leased and not standing.blocked and not standing.ineligible,
        reasons=(*standing.blocked, *standing.ineligible, *_partly_unknown(price, total)),
        days=LineDays(
            starts=begun,
            elapsed_ms=elapsed_ms,
            observed_ms=tuple(columns[_OBSERVED]),
            amounts_fen=tuple(map(sub, due_fen, chain((0,), due_fen))),
            leased=standing.leased,
        ),
    )


@lru_cache(maxsize=64)
def _days(start: int, end: int) -> tuple[tuple[Stretch, ...], tuple[int, ...], tuple[int, ...]]:
    """The days of a line, where each begins and how long it is; most lines have the same."""
    days = tuple(day.bounded() for day in days_of(Interval(start, end)))
    return (
        days,
        tuple(day[0] for day in days),
        tuple((day[1] - day[0]) * MINUTE_MS for day in days),
    )


def _quantities(columns: Columns, elapsed_ms: int, *, leased: bool) -> StatementQuantities:
    found = Quantities(*map(sum, columns))
    return StatementQuantities(
        leased_ms=elapsed_ms if leased else 0,
        observed_ms=found.observed_ms,
        gap_ms=elapsed_ms - found.observed_ms,
        held_known_ms=found.held_known_ms,
        held_ms=found.held_ms,
        utilisation_known_ms=found.utilisation_known_ms,
        active_ms=found.active_ms,
        utilised_ns=found.utilised_ns,
        unattributed_ms=found.unattributed_ms,
    )


def _partly_unknown(price: Price | None, total: StatementQuantities) -> tuple[Reason, ...]:
    if price is None:
        return ()
    if price.basis is Basis.HELD and total.held_known_ms < total.observed_ms:
        return (Reason.HELD_PARTLY_UNKNOWN,)
    if price.basis is Basis.UTILISED and total.utilisation_known_ms < total.observed_ms:
        return (Reason.UTILISATION_PARTLY_UNKNOWN,)
    return ()


def totals_of(lines: Iterable[RatedLine]) -> StatementQuantities:
    """The sum of lines' quantities."""
    return sum_of(line.quantities for line in lines)
