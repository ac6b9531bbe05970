"""What speaks against stated records: others that say otherwise, and what agents measured.

Ids are compared by what they name, not by how they are spelt: a hardware id by its letters, whoever
speaks of it; another name within its provider and site.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kashi_server.domain.attestation import Attestation, SourceKind, StatedRecord
from kashi_server.domain.hardware_name import named_device, plain_name
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.positioned import Mistake
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.usage_source.mapping import UsageMapping
from kashi_server.domain.usage_source.slurm import RUN
from kashi_server.services.stated_measured import MeasuredDevices
from kashi_server.services.stating_port import StatingUnit

NEW: Final = "this import"
OFFSETS_MS: Final = 29 * 60 * MINUTE_MS
"""A row read with another offset lies at most 28 hours elsewhere: from -14:00 to +14:00."""


class Source(Protocol):
    """A file of the import."""

    @property
    def name(self) -> str:
        """As people know it."""

    @property
    def sha256(self) -> str:
        """Of its bytes."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A record with where it comes from."""

    record: StatedRecord
    contract_id: str
    provider_id: str
    site: str
    kind: SourceKind
    source: str
    """The file or attestation that has it, for messages."""
    attestation: str
    """Of one attestation or of one file and contract; records of one are joined to lines."""


class StatedBook:
    """Records that stand, and those of an import as they are judged, with every mistake found."""

    def __init__(
        self, unit: StatingUnit, mapping: UsageMapping, records: Sequence[StatedRecord]
    ) -> None:
        self.mistakes: list[Mistake] = []
        self._mapping = mapping
        self._unit = unit
        self._rows: dict[tuple[str, int], str] = {}
        self._by_key: dict[tuple[str, str], _Place] = {}
        # By unit and UTC hour, and by contract, site and kind: so a month of many records is looked
        # through once, not once a record.
        self._by_hour: dict[tuple[str, str, int], list[_Place]] = {}
        self._by_kind: dict[tuple[str, str], dict[SourceKind, list[_Place]]] = {}
        self._measured = MeasuredDevices(unit, records, as_ids=mapping.identified)
        if records:
            start = min(record.start_utc_ms for record in records) - OFFSETS_MS
            end = max(record.end_utc_ms for record in records) + OFFSETS_MS
            for stored, record in unit.stated.standing(start, end):
                self._add(_standing(stored.attestation, record))

    def fresh(
        self, source: Source, contract_id: str, records: Sequence[StatedRecord], now_utc_ms: int
    ) -> list[StatedRecord]:
        """The records that are new; what speaks against one becomes a mistake."""
        found, file = [], source.name
        for record in sorted(records, key=lambda one: (one.start_utc_ms, one.key)):
            place = self._place(file, contract_id, record)
            known = self._by_key.get(_key(place))
            if known is not None and self._same(known, place):
                continue
            wrong = self._row_stated(source, record) or self._wrong(place, known, now_utc_ms)
            if wrong:
                self.mistakes.append(
                    Mistake(file=file, line=record.line, field=record.unit_id, message=wrong)
                )
                continue
            self._add(place)
            found.append(record)
        return found

    def know_rows(self, sources: Iterable[str]) -> None:
        """Look up which rows of these files, by hash, stand already: a row counts once, however
        it is read."""
        for source_sha256 in sources:
            for stored in self._unit.stated.standing_of(self._mapping.provider_id, source_sha256):
                attestation = stored.attestation
                for record in attestation.records:
                    self._rows[source_sha256, record.line] = attestation.attestation_id

    def _row_stated(self, source: Source, record: StatedRecord) -> str:
        attestation_id = self._rows.get((source.sha256, record.line))
        if attestation_id is None:
            return ""
        return (
            f"此行已由声明 {attestation_id} 以另一种读法声明；一行只计一次，"
            "请先撤回该声明。"
            f"this row is stated already by attestation {attestation_id}, read another way; a row"
            " counts once: withdraw that attestation first"
        )

    def _place(self, file: str, contract_id: str, record: StatedRecord) -> _Place:
        return _Place(
            record,
            contract_id,
            self._mapping.provider_id,
            self._mapping.site,
            self._mapping.kind,
            f"{file}:{record.line}",
            f"{NEW}/{file}/{contract_id}",
        )

    def _add(self, place: _Place) -> None:
        self._by_key[_key(place)] = place
        for hour in _hours(place.record):
            self._by_hour.setdefault((*_unit(place), hour), []).append(place)
        kinds = self._by_kind.setdefault((place.contract_id, place.site), {})
        kinds.setdefault(place.kind, []).append(place)

    def _of_other_kinds(self, place: _Place) -> Iterator[_Place]:
        kinds = self._by_kind.get((place.contract_id, place.site), {})
        for kind, found in kinds.items():
            if kind is not place.kind:
                yield from found

    def _same(self, known: _Place, place: _Place) -> bool:
        return known.contract_id == place.contract_id and known.record.same_content(place.record)

    def _wrong(self, place: _Place, known: _Place | None, now_utc_ms: int) -> str:
        record = place.record
        if record.end_utc_ms > now_utc_ms:
            return "结束时间尚未到来。ends in the future"
        if known is not None:
            return (
                f"已由 {known.source} 以不同内容声明：{_said(known)}；"
                f"此处为 {_said(place)}。"
                f"is stated with other content by {known.source}: {_said(known)}; here"
                f" {_said(place)}"
            )
        for hour in _hours(record):
            for other in self._by_hour.get((*_unit(place), hour), ()):
                if _touches(other, place):
                    return (
                        f"其时段已由 {other.source} 声明：{_said(other)}。"
                        f"its time is stated already by {other.source}: {_said(other)}"
                    )
        for other in self._of_other_kinds(place):
            if record.minutes.overlap(other.record.minutes):
                return (
                    f"合同 {place.contract_id} 在 {place.site} 的同一时段已由 {other.source}"
                    f"（{other.kind} 文件）声明；同一地点请只用一种文件。"
                    f"the same time of contract {place.contract_id} at {place.site} is stated by"
                    f" {other.source}, a {other.kind} file; state a place by one kind of file"
                )
        if self._measured.is_partition(record):
            return (
                "是分区而非整卡，折合份额未知，请以采集代理计量。"
                "is a partition, no whole card: its share is not told; meter it with an agent"
            )
        minute = self._measured.first_minute(record, place.contract_id)
        return "" if minute is None else self._seen_by_agent(record, minute)

    def _seen_by_agent(self, record: StatedRecord, minute: int) -> str:
        at = shanghai_text(minute)
        zh = f"采集代理在所声明的时段内（{at}）已有计量，一分钟只计一次"
        en = f"an agent measured at {at}, in the time it states; a minute counts once"
        if self._mapping.identified and not record.identified:
            zh += "；该编号不是厂商的硬件编号写法，因此与合同内全部设备比对"
            en += "; its id is not in the vendor's form, so every device of the contract is asked"
        return f"{zh}。{en}"


def _hours(record: StatedRecord) -> range:
    start, end = record.minutes.bounded()
    return range(start // 60, -(-end // 60))


def _standing(attestation: Attestation, record: StatedRecord) -> _Place:
    return _Place(
        record,
        attestation.contract_id,
        attestation.provider_id,
        attestation.site,
        attestation.kind,
        f"attestation {attestation.attestation_id}, line {record.line}",
        attestation.attestation_id,
    )


def _key(place: _Place) -> tuple[str, str]:
    record = place.record
    if place.kind is SourceKind.SLURM:
        return place.provider_id, plain_name(record.key)
    provider_id, unit = _unit(place)
    return provider_id, f"{unit}@{record.key.rpartition('@')[2]}"


def _unit(place: _Place) -> tuple[str, str]:
    record = place.record
    if place.kind is SourceKind.SLURM:
        # A job by its site and number: it never runs twice at one time.
        return place.provider_id, plain_name(record.unit_id.partition(RUN)[0])
    device = named_device(record.unit_name)
    if device is not None:
        # A hardware id is one device, whoever speaks of it.
        return "", device
    return place.provider_id, plain_name(f"{place.site}/{record.unit_name}")


def _touches(other: _Place, place: _Place) -> bool:
    """They state the same time; a minute that both touch only where they cannot be one line."""
    one, two = other.record, place.record
    if place.kind is SourceKind.SLURM and one.unit_id != two.unit_id:
        # Runs of one job are lines of their own and may share a minute, but no millisecond.
        return one.start_utc_ms < two.end_utc_ms and two.start_utc_ms < one.end_utc_ms
    joined = other.attestation == place.attestation and one.unit_id == two.unit_id
    if joined and (one.model, one.cards) == (two.model, two.cards):
        return one.start_utc_ms < two.end_utc_ms and two.start_utc_ms < one.end_utc_ms
    return one.minutes.overlap(two.minutes) is not None


def _said(place: _Place) -> str:
    record = place.record
    start = shanghai_text(record.start_utc_ms // MINUTE_MS)
    return f"{record.stated_ms} ms of {record.cards} × {record.model} from {start}"
