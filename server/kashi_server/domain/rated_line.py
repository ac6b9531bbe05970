"""A rated line: one device with one standing, what its days count and what that comes to.

Leased time in the quantity the price names, times the device's share as a fraction, rounded once;
what earns nothing earns 0 and says why.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate, chain
from operator import sub
from typing import Final, overload

from kashi_server.domain.device_time import Columns, Stretch
from kashi_server.domain.evidence_level import EvidenceLevel
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Interval, Month, days_of
from kashi_server.domain.line_gap import LineGap
from kashi_server.domain.money import truncate_times
from kashi_server.domain.reason import Reason
from kashi_server.domain.rent import LinePrice, LineRent
from kashi_server.domain.standing import Standing
from kashi_server.domain.stated_origin import StatedOrigin
from kashi_server.domain.statement_line import StatementQuantities, sum_of
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.usage import QUANTITY_NAMES, Quantities

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
