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
from itertools import pairwise

from kashi_server.domain.device import Conflict, DeviceRecord, ServiceWindow
from kashi_server.domain.device_time import DeviceTime, merge_minutes
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
from kashi_server.domain.usage import DeviceHour, Quantities
from kashi_server.errors import InvalidValue

EVIDENCE_LEVEL = EvidenceLevel.AGENT
"""What an agent measured and signed with a key in a file."""

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DayShare:
    """A line's part in one day of Asia/Shanghai that begins at UTC minute `start`."""

    start: int
    quantities: StatementQuantities
    amount_fen: int


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
    days: tuple[DayShare, ...]
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
    *,
    by_day: bool = True,
) -> Rating:
    """Rate a bounded period.

    Args:
        devices: what they are and where they served.
        times: what was observed of each, at the cut-off; from `device_times`.
        terms: contracts, assignments, prices, tenures and rules.
        period: UTC minutes, usually a month of Asia/Shanghai.
        by_day: tell what each day has of a line; without it a line is its sum alone.

    Raises:
        InvalidValue: what was agreed contradicts itself.
        Refused: a host belongs to nobody.
    """
    family = _Family(devices, times)
    book = StandingBook(terms)
    lines: list[RatedLine] = []
    disputes: list[Dispute] = []
    for device in sorted(devices, key=lambda found: found.hardware_id):
        time = times[device.hardware_id]
        pieces = _pieces(device, family, book, time, period)
        lines.extend(
            _line(device, Interval(start, end), standing, time, by_day=by_day)
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
    device: DeviceRecord, family: _Family, book: StandingBook, time: DeviceTime, period: Interval
) -> Iterator[tuple[int, int, Standing]]:
    windows = list(windows_in(device, period))
    excess = merge_minutes(family.excess(device))
    changes = [*time.disputed, *excess]
    changes += book.changes(device, {window.host_id for window, _common in windows})
    for part in family.parts.get(device.hardware_id, ()):
        changes += [window.interval for window in part.windows]
    # Rents are of a month; where nothing else changes there, neighbours become one line again.
    changes += _months(period)
    for window, common in windows:
        for start, end in _cut(common, changes):
            if _metered_elsewhere(device, family, book, start):
                continue
            standing = book.at(device, family.models(device), window.host_id, start)
            held: list[Reason] = []
            if any(start in stretch for stretch in time.disputed):
                held.append(Reason.CONFLICT)
            if any(start in stretch for stretch in excess):
                held.append(Reason.SHARES_EXCEED_DEVICE)
            if held:
                blocked = tuple(sorted({*standing.blocked, *held}))
                standing = replace(standing, blocked=blocked)
            yield start, end, standing


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


def billed_ms_of(
    price: Price | None, quantities: StatementQuantities, *, stated: bool = False
) -> int:
    """Whole device-milliseconds that a price bills; utilised nanoseconds are cut to ms.

    `stated`: a provider states them (E1); then a rent bills what is stated and rounds nothing up,
    for many short jobs share the days of one card.
    """
    if price is None or not quantities.leased_ms:
        return 0
    match price.basis:
        case Basis.LEASED_OBSERVED:
            return quantities.observed_ms
        case Basis.HELD:
            return quantities.held_ms
        case Basis.UTILISED:
            return quantities.utilised_ns // NS_PER_MS
        case Basis.FLAT_RENT:
            # Day by day: what was observed of a day at all is rented as long as it was leased.
            if stated:
                return quantities.observed_ms
            return quantities.leased_ms if quantities.observed_ms else 0


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
    return LinePrice(unit=str(price.unit), yuan=price.yuan, profile=price.profile, rent=rent)


def _line(
    device: DeviceRecord, span: Interval, standing: Standing, time: DeviceTime, *, by_day: bool
) -> RatedLine:
    def counted(day: Interval) -> StatementQuantities:
        return _quantities(time, day, leased=standing.leased)

    share = _share(device)
    return priced_line(device.hardware_id, span, standing, share, counted, by_day=by_day)


def priced_line(
    hardware_id: str,
    span: Interval,
    standing: Standing,
    share: Fraction,
    counted: Callable[[Interval], StatementQuantities],
    *,
    by_day: bool = True,
    stated: bool = False,
) -> RatedLine:
    """A line of one device with one standing: what its days count, and what that comes to.

    Args:
        hardware_id: the device.
        span: its minutes, bounded.
        standing: how it stands in all of them.
        share: cards that its time counts as.
        counted: the quantities of a part of the span within one day, or of all of it.
        by_day: tell what each day has of it.
        stated: a provider states what it counts.
    """
    start, end = span.bounded()
    price = None if standing.blocked else standing.price
    unit = share * (card_hour_yuan(standing, share, start) or 0) / HOUR_MS
    days: list[DayShare] = []
    total, billed_ms, amount_fen, rented_ms = StatementQuantities(), 0, 0, 0
    rented = price is not None and price.basis is Basis.FLAT_RENT
    # Rents are counted by days whatever is told of them.
    for day in days_of(span) if by_day or rented else (span,):
        part = counted(day)
        total += part
        # Amounts telescope: what is due through a day less what was due before. So the days sum to
        # the line and the line is still rounded once.
        rented_ms += billed_ms_of(price, part, stated=stated)
        billed_ms = rented_ms if rented else billed_ms_of(price, total)
        due_fen = truncate_times(unit, billed_ms)
        days.append(DayShare(start=day.start, quantities=part, amount_fen=due_fen - amount_fen))
        amount_fen = due_fen
    return RatedLine(
        hardware_id=hardware_id,
        start=start,
        end=end,
        standing=standing,
        share=share,
        quantities=total,
        billed_ms=billed_ms,
        amount_fen=amount_fen,
        eligible=standing.leased and not standing.blocked and not standing.ineligible,
        reasons=(*standing.blocked, *standing.ineligible, *_partly_unknown(price, total)),
        days=tuple(days) if by_day else (),
    )


def _quantities(time: DeviceTime, stretch: Interval, *, leased: bool) -> StatementQuantities:
    start, end = stretch.bounded()
    elapsed_ms = (end - start) * MINUTE_MS
    return _statement_quantities(time.between(start, end), elapsed_ms, leased=leased)


def _statement_quantities(
    found: Quantities, elapsed_ms: int, *, leased: bool
) -> StatementQuantities:
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
