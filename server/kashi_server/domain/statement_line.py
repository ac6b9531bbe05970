"""Lines of a statement and what they count: integers, each line with its own arithmetic checked."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date
from fractions import Fraction
from operator import add, attrgetter

from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, SHANGHAI, instant_of
from kashi_server.domain.line_gap import LineGap
from kashi_server.domain.money import price_text, truncate_to_fen
from kashi_server.domain.reason import Reason
from kashi_server.domain.rent import LinePrice
from kashi_server.domain.stated_origin import StatedOrigin
from kashi_server.domain.tariff import Basis
from kashi_server.errors import InvalidValue

COUNTED_GAPS = ("continuity_ms", "officer_ms")
"""Gap time that a rule counts; spelled out only where there is some."""


def shanghai_text(minute: int) -> str:
    """A UTC minute as ISO 8601 with the offset of Asia/Shanghai."""
    return instant_of(minute).astimezone(SHANGHAI).isoformat()


def amount_of(billed_ms: int, share: Fraction, price: Fraction) -> int:
    """Fen for billed device-milliseconds of a share of a card at yuan per card-hour."""
    return truncate_to_fen(share * price * billed_ms / HOUR_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementQuantities:
    """What a statement counts, in device-milliseconds (`utilised_ns`: nanoseconds).

    `continuity_ms` and `officer_ms` are parts of the gap that the rules' `gap_policy` counts, by
    the evidence of the reports or by officers' word; they are never part of what was observed.
    """

    leased_ms: int = 0
    observed_ms: int = 0
    gap_ms: int = 0
    held_known_ms: int = 0
    held_ms: int = 0
    utilisation_known_ms: int = 0
    active_ms: int = 0
    utilised_ns: int = 0
    unattributed_ms: int = 0
    continuity_ms: int = 0
    officer_ms: int = 0

    def __add__(self, other: "StatementQuantities") -> "StatementQuantities":
        # Field by field, without looking each of them up: this runs for every day of every line.
        sums = map(add, _values_of(self), _values_of(other))
        return StatementQuantities(**dict(zip(_QUANTITIES, sums, strict=True)))

    @property
    def elapsed_ms(self) -> int:
        """Time in the service window: observed or not."""
        return self.observed_ms + self.gap_ms

    def to_data(self) -> dict[str, int]:
        """One key a quantity."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: ms for name, ms in said.items() if ms or name not in COUNTED_GAPS}


_QUANTITIES = tuple(field.name for field in fields(StatementQuantities))
_values_of = attrgetter(*_QUANTITIES)


def sum_of(quantities: Iterable[StatementQuantities]) -> StatementQuantities:
    """The sum, quantity by quantity."""
    return sum(quantities, StatementQuantities())


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """A rated line: one device, host and price over [start, end) UTC minutes.

    `price_yuan` is yuan per card-hour, None where nothing is priced. `billed_ms` are whole
    device-milliseconds before the share. A line that earns nothing names its reasons.
    `rules_sha256` is the hash of the rules version in force over the line. Of a line of level E1,
    what is observed is what a provider stated; `stated` says where, and `share` how many cards.
    """

    line: int
    hardware_id: str
    host_id: str
    start: int
    end: int
    basis: str | None
    price_id: str | None
    price_yuan: Fraction | None
    quantities: StatementQuantities
    share: Fraction | None
    billed_ms: int
    amount_fen: int
    evidence_level: str
    eligible: bool
    reasons: tuple[Reason, ...] = ()
    rules_sha256: str | None = None
    gaps: tuple[LineGap, ...] = ()
    stated: StatedOrigin | None = None
    price: LinePrice | None = None
    """As it was agreed, where that is not per card-hour; `price_yuan` is its exact equal."""

    def __post_init__(self) -> None:
        """Refuse a line whose arithmetic does not hold."""
        elapsed_ms = (self.end - self.start) * MINUTE_MS
        if elapsed_ms <= 0 or self.quantities.elapsed_ms != elapsed_ms:
            raise InvalidValue(
                f"第 {self.line} 行：已观测 {self.quantities.observed_ms} 毫秒加缺口 "
                f"{self.quantities.gap_ms} 毫秒不等于历时 {elapsed_ms} 毫秒。"
                f"line {self.line}: observed {self.quantities.observed_ms} + gap"
                f" {self.quantities.gap_ms} is not the elapsed {elapsed_ms} ms"
            )
        if self.quantities.leased_ms not in (0, elapsed_ms):
            raise InvalidValue(
                f"第 {self.line} 行只有一部分时间在租。"
                f"line {self.line} is leased for a part of itself"
            )
        counted_ms = self.quantities.continuity_ms + self.quantities.officer_ms
        if not 0 <= counted_ms <= self.quantities.gap_ms:
            raise InvalidValue(
                f"第 {self.line} 行计入缺口 {counted_ms} 毫秒，"
                f"而缺口只有 {self.quantities.gap_ms} 毫秒。"
                f"line {self.line} counts {counted_ms} ms of {self.quantities.gap_ms} ms of gap"
            )
        if not 0 <= self.billed_ms <= self._billable_ms():
            raise InvalidValue(
                f"第 {self.line} 行计费 {self.billed_ms} 毫秒，超过租用时间。"
                f"line {self.line} bills {self.billed_ms} ms beyond what was leased"
            )
        if self.amount_fen != self._amount_fen():
            raise InvalidValue(
                f"第 {self.line} 行：{self.amount_fen} 分不等于计费时间乘单价。"
                f"line {self.line}: {self.amount_fen} fen is not billed x price"
            )
        if not self.eligible and not self.reasons:
            raise InvalidValue(
                f"第 {self.line} 行不合格，却未写明原因。"
                f"line {self.line} is not eligible and does not say why"
            )

    def _billable_ms(self) -> int:
        """What can be billed at most: leased and observed; of a measured rent, days observed."""
        leased_ms, observed_ms = self.quantities.leased_ms, self.quantities.observed_ms
        if self.basis == Basis.FLAT_RENT and self.stated is None:
            return leased_ms if observed_ms else 0
        return min(leased_ms, observed_ms)

    def _amount_fen(self) -> int:
        if self.share is None or self.price_yuan is None:
            return 0
        return amount_of(self.billed_ms, self.share, self.price_yuan)

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        price = None if self.price_yuan is None else price_text(self.price_yuan)
        return {
            "line": self.line,
            "hardware_id": self.hardware_id,
            "host_id": self.host_id,
            "start": shanghai_text(self.start),
            "end": shanghai_text(self.end),
            "basis": self.basis,
            "price_id": self.price_id,
            "price_yuan_per_card_hour": price,
            "quantities": self.quantities.to_data(),
            "share": None if self.share is None else str(self.share),
            "billed_ms": self.billed_ms,
            "amount_fen": self.amount_fen,
            "evidence_level": self.evidence_level,
            "eligible": self.eligible,
            "reasons": [str(reason) for reason in self.reasons],
            "rules_sha256": self.rules_sha256,
            **self._evidence_data(),
        }

    def _evidence_data(self) -> dict[str, object]:
        """What only some lines have: gaps with evidence, a provider's statement, its own price."""
        found: dict[str, object] = {}
        if self.gaps:
            found["gaps"] = [gap.to_data() for gap in self.gaps]
        if self.stated is not None:
            found["stated"] = self.stated.to_data()
        if self.price is not None:
            found["price"] = self.price.to_data()
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementDay:
    """One day of Asia/Shanghai. Amounts telescope: they sum to the lines without new rounding."""

    day: date
    leased_ms: int
    observed_ms: int
    gap_ms: int
    amount_fen: int

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {
            "date": self.day.isoformat(),
            "leased_ms": self.leased_ms,
            "observed_ms": self.observed_ms,
            "gap_ms": self.gap_ms,
            "amount_fen": self.amount_fen,
        }
