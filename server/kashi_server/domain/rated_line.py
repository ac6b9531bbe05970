"""A rated line: one device with one standing, what its days count and what that comes to.

Leased time in the quantity the price names, times the device's share as a fraction, rounded once;
what earns nothing earns 0 and says why.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from kashi_server.domain.evidence_level import EvidenceLevel
from kashi_server.domain.interval import HOUR_MS, Interval, Month, days_of
from kashi_server.domain.line_gap import LineGap
from kashi_server.domain.money import truncate_times
from kashi_server.domain.reason import Reason
from kashi_server.domain.rent import LinePrice, LineRent
from kashi_server.domain.standing import Standing
from kashi_server.domain.stated_origin import StatedOrigin
from kashi_server.domain.statement_line import StatementQuantities, sum_of
from kashi_server.domain.tariff import Basis, Price, PriceUnit

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


def billed_ms_of(price: Price | None, quantities: StatementQuantities) -> int:
    """Whole device-milliseconds that a price bills; utilised nanoseconds are cut to ms."""
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


def priced_line(
    hardware_id: str,
    span: Interval,
    standing: Standing,
    share: Fraction,
    counted: Callable[[Interval], StatementQuantities],
    *,
    by_day: bool = True,
) -> RatedLine:
    """A line of one device with one standing: what its days count, and what that comes to.

    Args:
        hardware_id: the device.
        span: its minutes, bounded.
        standing: how it stands in all of them.
        share: cards that its time counts as.
        counted: the quantities of a part of the span within one day, or of all of it.
        by_day: tell what each day has of it.
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
        rented_ms += billed_ms_of(price, part)
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
