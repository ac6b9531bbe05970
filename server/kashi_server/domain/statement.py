"""The statement: a company's month under a contract, or without one, as data that never changes.

`Statement.to_bytes()` is the canonical JSON of format `kashi/v1/statement`; the same facts,
cut-offs and rules give the same bytes. A statement refuses to be born when its own arithmetic does
not hold, so a reader may check it by the same four equations:

1. every line: observed_ms + gap_ms = (end - start) and leased_ms is 0 or (end - start);
2. every line: amount_fen = truncate_to_fen(billed_ms x share x price / 3 600 000);
3. totals: each quantity is the sum over the lines, amount_fen and eligible_fen too;
4. days: their quantities and amounts sum to the totals.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256

from kashi_server.domain.booked_line import line_id
from kashi_server.domain.canonical import canonical_bytes, decimal_text
from kashi_server.domain.correction import StatementCorrection
from kashi_server.domain.interval import HOUR_MS, Month
from kashi_server.domain.money import ROUNDING_FEN
from kashi_server.domain.settlement import Settlement
from kashi_server.domain.statement_context import (
    StatementContract,
    StatementDevice,
    StatementParameter,
    StatementParty,
    StatementProgramme,
)
from kashi_server.domain.statement_line import (
    StatementDay,
    StatementLine,
    StatementQuantities,
    amount_of,
    shanghai_text,
    sum_of,
)
from kashi_server.domain.statement_quality import (
    CutOff,
    Flag,
    GapSum,
    Quality,
)
from kashi_server.domain.subsidy import Subsidy
from kashi_server.errors import InvalidValue

__all__ = [
    "FORMAT",
    "CutOff",
    "Flag",
    "GapSum",
    "Quality",
    "Statement",
    "StatementContract",
    "StatementDay",
    "StatementDevice",
    "StatementLine",
    "StatementParameter",
    "StatementParty",
    "StatementProgramme",
    "StatementQuantities",
    "Subsidy",
    "amount_of",
]

FORMAT = "kashi/v1/statement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A party's month, revision n. See the module for the equations it keeps.

    A later revision states the month anew and whole; `correction` says what parts it from the one
    before. `settlement` is there where a correction of an earlier month was booked into this one.
    """

    number: str
    revision: int
    demo: bool
    month: Month
    cut_off: CutOff
    user: StatementParty
    provider: StatementParty | None
    contract: StatementContract | None
    programme: StatementProgramme | None
    devices: tuple[StatementDevice, ...]
    lines: tuple[StatementLine, ...]
    days: tuple[StatementDay, ...]
    subsidy: Subsidy
    quality: Quality
    flags: tuple[Flag, ...]
    notices_zh: tuple[str, ...]
    notices_en: tuple[str, ...]
    correction: StatementCorrection | None = None
    settlement: Settlement | None = None
    totals: StatementQuantities = field(init=False)

    def __post_init__(self) -> None:
        """Add up, and refuse what does not add up."""
        totals = sum_of(line.quantities for line in self.lines)
        object.__setattr__(self, "totals", totals)
        if self.revision < 1:
            raise InvalidValue(
                f"{self.revision} 不是结算单的版本。revision {self.revision} is not one"
            )
        for name in ("leased_ms", "observed_ms", "gap_ms"):
            days, whole = sum(getattr(day, name) for day in self.days), getattr(totals, name)
            if days != whole:
                raise InvalidValue(
                    f"{self.number}：按日合计 {name} 为 {days}，明细合计为 {whole}。"
                    f"{self.number}: days hold {days} {name}, lines {whole}"
                )
        if sum(day.amount_fen for day in self.days) != self.amount_fen:
            raise InvalidValue(
                f"{self.number}：按日金额与明细金额不符。"
                f"{self.number}: the days' amounts are not those of the lines"
            )
        if {line.hardware_id for line in self.lines} - {d.hardware_id for d in self.devices}:
            raise InvalidValue(
                f"{self.number}：有明细所涉设备不在设备清单中。"
                f"{self.number}: a line names a device that is not listed"
            )

    @property
    def amount_fen(self) -> int:
        """Sum of the lines' amounts."""
        return sum(line.amount_fen for line in self.lines)

    @property
    def eligible_fen(self) -> int:
        """Sum of the eligible lines' amounts."""
        return sum(line.amount_fen for line in self.lines if line.eligible)

    @property
    def card_hours(self) -> Fraction:
        """Metered card-hours: observed x share, exact. A line of unknown share counts nothing."""
        return self._card_hours("observed_ms")

    @property
    def billed_card_hours(self) -> Fraction:
        """Billed card-hours, exact."""
        billed = sum((line.share or Fraction(0)) * line.billed_ms for line in self.lines)
        return Fraction(billed) / HOUR_MS

    def _card_hours(self, name: str) -> Fraction:
        device_ms = (
            (line.share or Fraction(0)) * getattr(line.quantities, name) for line in self.lines
        )
        return Fraction(sum(device_ms)) / HOUR_MS

    def _totals_data(self) -> dict[str, object]:
        return {
            **self.totals.to_data(),
            "billed_ms": sum(line.billed_ms for line in self.lines),
            "card_hours": decimal_text(self.card_hours),
            "leased_card_hours": decimal_text(self._card_hours("leased_ms")),
            "billed_card_hours": decimal_text(self.billed_card_hours),
            "amount_fen": self.amount_fen,
            "eligible_fen": self.eligible_fen,
            "rounding": ROUNDING_FEN,
        }

    def to_data(self) -> dict[str, object]:
        """Plain data in the format `kashi/v1/statement`."""
        start, end = self.month.interval().bounded()
        return {
            "format": FORMAT,
            "statement": {"number": self.number, "revision": self.revision, "demo": self.demo},
            "period": {
                "month": str(self.month),
                "start": shanghai_text(start),
                "end": shanghai_text(end),
            },
            "cut_off": self.cut_off.to_data(),
            "user": self.user.to_data(),
            "provider": None if self.provider is None else self.provider.to_data(),
            "contract": None if self.contract is None else self.contract.to_data(),
            "programme": None if self.programme is None else self.programme.to_data(),
            "devices": [device.to_data() for device in self.devices],
            "lines": [self._line_data(line) for line in self.lines],
            "days": [day.to_data() for day in self.days],
            "totals": self._totals_data(),
            "subsidy": self.subsidy.to_data(),
            "quality": self.quality.to_data(),
            "flags": [flag.to_data() for flag in self.flags],
            "notices": {"zh": list(self.notices_zh), "en": list(self.notices_en)},
            **self._bookings_data(),
        }

    def _line_data(self, line: StatementLine) -> dict[str, object]:
        data = line.to_data()
        return {**data, "line_id": line_id(self.number, data)}

    def _bookings_data(self) -> dict[str, object]:
        """What only a corrected month has, and one that corrections were booked into."""
        found: dict[str, object] = {}
        if self.correction is not None:
            found["correction"] = self.correction.to_data()
        if self.settlement is not None:
            found["settlement"] = self.settlement.to_data()
        return found

    def to_bytes(self) -> bytes:
        """The canonical bytes: these are stored, hashed and attached."""
        return canonical_bytes(self.to_data())

    def sha256(self) -> bytes:
        """Hash of the canonical bytes."""
        return sha256(self.to_bytes()).digest()
