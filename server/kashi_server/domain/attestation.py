"""Attestations 用量声明: a provider's word on usage where no agent could run, from one source file.

An attestation names the contract, the file it was read from (by hash) and every record of it. It
counts once the contract's company has countersigned it (会签); its lines then have level E1. Times
are UTC milliseconds, half-open; `cards` whole accelerators; a record's `stated_ms` are milliseconds
of the allocation as a whole, of which every card counts.
"""

from dataclasses import dataclass, field, fields
from enum import StrEnum
from hashlib import sha256
from typing import Final

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.device import Vendor
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.errors import InvalidValue

FORMAT: Final = "kashi/v1/attestation"
CARDS_MAX: Final = 100_000
ID_DIGITS: Final = 16
SITE_PREFIX: Final = "site:"
"""What a stated line has in the place of a host's id; no host's id begins so."""


class SourceKind(StrEnum):
    """What a source file is."""

    BILL = "bill"
    SLURM = "slurm"
    SERIES = "series"


class AttestationState(StrEnum):
    """How an attestation stands: it counts only where it is countersigned."""

    STATED = "stated"
    COUNTERSIGNED = "countersigned"
    WITHDRAWN = "withdrawn"
    REVERSED = "reversed"
    """Countersigned, and taken back since by both parties or by two officers."""

    @property
    def stands(self) -> bool:
        """Its records may not be stated anew."""
        return self in (AttestationState.STATED, AttestationState.COUNTERSIGNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedRecord:
    """One row of a source: a job, an instance's hours, a device's samples within an hour.

    Attributes:
        key: what names it at its source, the same in every export of it.
        unit_id: the allocation or device that its line is of.
        identified: `unit_id` is a hardware id as its source has it; otherwise `SITE/NAME`.
        line: where it stands in the file, from 1.
    """

    key: str
    unit_id: str
    identified: bool
    model: str
    cards: int
    start_utc_ms: int
    end_utc_ms: int
    stated_ms: int
    line: int

    def __post_init__(self) -> None:
        """Refuse time out of nothing."""
        if not self.key or not self.unit_id or not self.model:
            raise InvalidValue(
                "一条记录须有标识、单元与型号。a record needs a key, a unit and a model"
            )
        if not 1 <= self.cards <= CARDS_MAX:
            raise InvalidValue(
                f"写有 {self.cards} 张卡；须为 1 至 {CARDS_MAX} 张。"
                f"{self.cards} cards: give 1 to {CARDS_MAX}"
            )
        if self.identified and self.cards != 1:
            raise InvalidValue(
                "有硬件编号的即为一张卡，张数须为 1。what has a hardware id is one card"
            )
        if not 0 < self.stated_ms <= self.end_utc_ms - self.start_utc_ms:
            raise InvalidValue(
                f"用量 {self.stated_ms} 毫秒不成立："
                f"起止之间为 {self.end_utc_ms - self.start_utc_ms} 毫秒。"
                f"it states {self.stated_ms} ms within {self.end_utc_ms - self.start_utc_ms} ms"
            )

    @property
    def minutes(self) -> Interval:
        """The whole UTC minutes it touches."""
        return Interval(self.start_utc_ms // MINUTE_MS, -(-self.end_utc_ms // MINUTE_MS))

    @property
    def whole(self) -> bool:
        """It states every millisecond between its ends."""
        return self.stated_ms == self.end_utc_ms - self.start_utc_ms

    @property
    def unit_name(self) -> str:
        """What its source calls the unit, without the site."""
        named = "" if self.identified else self.unit_id.partition("/")[2]
        return named or self.unit_id

    def until_ms(self, utc_ms: int) -> int:
        """Stated milliseconds before an instant.

        What a record states short of its own span is spread evenly over it and cut to whole
        milliseconds: the source says how long, not which minutes.
        """
        span_ms = self.end_utc_ms - self.start_utc_ms
        passed_ms = min(max(utc_ms - self.start_utc_ms, 0), span_ms)
        return self.stated_ms * passed_ms // span_ms

    def within_ms(self, start: int, end: int) -> int:
        """Stated milliseconds in the UTC minutes [start, end)."""
        return self.until_ms(end * MINUTE_MS) - self.until_ms(start * MINUTE_MS)

    def same_content(self, other: "StatedRecord") -> bool:
        """Both say the same of what they name, wherever it stood in a file and however it is
        spelled there."""
        return all(
            getattr(self, one.name) == getattr(other, one.name)
            for one in fields(self)
            if one.name not in ("line", "key", "unit_id", "identified")
        )

    def to_data(self) -> dict[str, object]:
        """Plain data."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """What a provider states of one contract by one file.

    Attributes:
        source_sha256: of the file's bytes, in hexadecimal; `mapping_sha256` of the mapping that
            said how to read it.
        vendor: who makes the cards it speaks of.
        counted_by: what a line of a series counts by (metric and gap limit), else empty.
    """

    kind: SourceKind
    site: str
    vendor: Vendor
    contract_id: str
    provider_id: str
    user_id: str
    source_name: str
    source_sha256: str
    mapping_sha256: str
    counted_by: str
    records: tuple[StatedRecord, ...]
    sha256: str = field(init=False)
    """Hash of the canonical bytes, in hexadecimal; made once: the bytes hold every record's."""

    def __post_init__(self) -> None:
        """Refuse an attestation of nothing, and records that stand twice."""
        if not self.records:
            raise InvalidValue(
                f"{self.source_name} 没有合同 {self.contract_id} 的用量。"
                f"{self.source_name} states nothing for contract {self.contract_id}"
            )
        keys = [record.key for record in self.records]
        if len(set(keys)) != len(keys):
            raise InvalidValue(
                f"{self.source_name} 中有一条记录写了两次。{self.source_name} states a record twice"
            )
        ordered = tuple(sorted(self.records, key=lambda one: (one.start_utc_ms, one.key)))
        object.__setattr__(self, "records", ordered)
        object.__setattr__(self, "sha256", sha256(self.to_bytes()).hexdigest())

    @property
    def card_ms(self) -> int:
        """Card-milliseconds in all."""
        return sum(record.stated_ms * record.cards for record in self.records)

    @property
    def start_utc_ms(self) -> int:
        """Where its first record begins."""
        return self.records[0].start_utc_ms

    @property
    def end_utc_ms(self) -> int:
        """Where its last record ends."""
        return max(record.end_utc_ms for record in self.records)

    def to_bytes(self) -> bytes:
        """What the provider states and the company countersigns: canonical bytes."""
        records = canonical_bytes([record.to_data() for record in self.records])
        return canonical_bytes(
            {
                "format": FORMAT,
                "kind": str(self.kind),
                "site": self.site,
                "vendor": self.vendor.name.lower(),
                "contract_id": self.contract_id,
                "provider_id": self.provider_id,
                "user_id": self.user_id,
                "source": {"name": self.source_name, "sha256": self.source_sha256},
                "mapping_sha256": self.mapping_sha256,
                "counted_by": self.counted_by,
                "records": {"count": len(self.records), "sha256": sha256(records).hexdigest()},
                "start_utc_ms": self.start_utc_ms,
                "end_utc_ms": self.end_utc_ms,
                "card_ms": self.card_ms,
            }
        )

    @property
    def attestation_id(self) -> str:
        """How people name it: the first digits of its hash."""
        return self.sha256[:ID_DIGITS]
