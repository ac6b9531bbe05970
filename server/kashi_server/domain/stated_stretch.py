"""Stretches of stated usage: records of one unit of one attestation that follow each other."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kashi_server.domain.attestation import Attestation, SourceKind, StatedRecord
from kashi_server.domain.device_time import Columns
from kashi_server.domain.hardware_name import vendors_id
from kashi_server.domain.interval import Interval
from kashi_server.domain.stated_origin import StatedOrigin
from kashi_server.domain.usage import QUANTITY_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Neighbouring records of one unit in one attestation."""

    attestation: Attestation
    records: tuple[StatedRecord, ...]

    @property
    def span(self) -> Interval:
        """The whole minutes it touches."""
        last = max(record.minutes.bounded()[1] for record in self.records)
        return Interval(self.records[0].minutes.start, last)

    @property
    def record(self) -> StatedRecord:
        """Any of its records: they agree in all but time."""
        return self.records[0]

    @property
    def names_device(self) -> bool:
        """Its unit is a hardware id in the vendor's own form; anything else names no device."""
        named = vendors_id(self.record.unit_id, self.attestation.vendor)
        return self.record.identified and named is not None

    def columns(self, days: Sequence[tuple[int, int]]) -> Columns:
        """What it states of the days of some of its minutes, each quantity with every day's."""
        stated_ms = [
            sum(record.within_ms(start, end) for record in self.records) for start, end in days
        ]
        # A scheduler's grant is a holder; a bill and a series of samples name none.
        granted = self.attestation.kind is SourceKind.SLURM
        said = {"observed_ms": stated_ms}
        said |= {"held_known_ms": stated_ms, "held_ms": stated_ms} if granted else {}
        return [said.get(name, [0] * len(days)) for name in QUANTITY_NAMES]

    def origin(self, part: Interval) -> StatedOrigin:
        """Which rows of the file stand behind some of its minutes."""
        touching = [one for one in self.records if one.minutes.overlap(part) is not None]
        lines = [one.line for one in touching]
        return StatedOrigin(
            attestation_id=self.attestation.attestation_id,
            kind=str(self.attestation.kind),
            site=self.attestation.site,
            source_sha256=self.attestation.source_sha256,
            records=len(touching),
            source_lines=(min(lines), max(lines)),
        )


def stretches(attestations: Iterable[Attestation], period: Interval) -> Iterator[Stretch]:
    """The stretches of attestations that reach into a period, in order of unit and start."""
    for attestation in sorted(attestations, key=lambda one: one.sha256):
        by_unit: dict[tuple[str, str, int], list[StatedRecord]] = {}
        for record in attestation.records:
            if record.minutes.overlap(period) is not None:
                unit = (record.unit_id, record.model, record.cards)
                by_unit.setdefault(unit, []).append(record)
        for _unit, found in sorted(by_unit.items()):
            for joined in _neighbours(found):
                yield Stretch(attestation=attestation, records=tuple(joined))


def _neighbours(records: Sequence[StatedRecord]) -> Iterator[list[StatedRecord]]:
    held: list[StatedRecord] = []
    for record in sorted(records, key=lambda one: one.start_utc_ms):
        if held and record.minutes.start > held[-1].minutes.bounded()[1]:
            yield held
            held = []
        held.append(record)
    if held:
        yield held
