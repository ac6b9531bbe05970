"""What a rating rests on besides agents' readings: attestations, explanations, keys' custody."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from kashi_server.domain.attestation import Attestation
from kashi_server.domain.device import DeviceRecord, ReportedGap
from kashi_server.domain.device_time import DeviceTime
from kashi_server.domain.evidence_level import KeyCustody, level_of_custody
from kashi_server.domain.gap_counting import GapBook, counted_stretches, with_gaps
from kashi_server.domain.gap_explanation import GapExplanation
from kashi_server.domain.hardware_name import device_key
from kashi_server.domain.interval import Interval
from kashi_server.domain.measured import Measured
from kashi_server.domain.rating import RatedLine, Rating
from kashi_server.domain.standing import Terms
from kashi_server.domain.stated_rating import stated_devices, stated_lines


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceInputs:
    """What counts at a cut-off.

    Attributes:
        attestations: countersigned ones.
        explained: explanations of gaps that officers accepted.
        custody: where hosts' report keys are held; one that is not named is in a file.
    """

    attestations: Sequence[Attestation] = ()
    explained: Sequence[GapExplanation] = ()
    custody: Mapping[str, KeyCustody] = field(default_factory=dict)

    def rated(
        self,
        rating: Rating,
        terms: Terms,
        times: Mapping[str, DeviceTime],
        gaps: Sequence[ReportedGap],
        period: Interval,
        devices: Sequence[DeviceRecord] = (),
    ) -> Rating:
        """A rating of what agents measured, with levels, counted gaps and stated lines.

        `devices` are those that agents reported: they tell what a stated device is a part of, and
        on whose host it serves.
        """
        book = GapBook(times=times, gaps=gaps, explained=self.explained)
        measured = with_gaps(rating, terms.rules, book)
        lines = tuple(self._levelled(line) for line in measured.lines)
        if not self.attestations:
            return replace(measured, lines=lines)
        counted = counted_stretches(rating, terms.rules, book)
        seen = Measured(times, lines, devices, counted)
        stated = stated_lines(self.attestations, terms, seen, period)
        return replace(measured, lines=lines + stated)

    def compared_devices(self, terms: Terms, devices: Sequence[DeviceRecord]) -> set[str]:
        """Devices whose minutes attestations are compared with: those they name, however spelled,
        with what these are parts of and their parts, and those ever assigned under their
        contracts."""
        named = {one.unit_name for stated in self.attestations for one in stated.records}
        contracts = {stated.contract_id for stated in self.attestations}
        named |= {one.hardware_id for one in terms.assignments if one.contract_id in contracts}
        keys = {device_key(one) for one in named}
        wholes = {device_key(one.parent_hardware_id) for one in devices if _is_of(one, keys)}
        keys = (keys | wholes) - {""}
        return {
            one.hardware_id
            for one in devices
            if _is_of(one, keys) or device_key(one.parent_hardware_id) in keys
        }

    def _levelled(self, line: RatedLine) -> RatedLine:
        custody = self.custody.get(line.standing.host_id, KeyCustody.FILE)
        level = level_of_custody(custody)
        return line if line.evidence_level is level else replace(line, evidence_level=level)

    def devices(self, rating: Rating, known: Sequence[DeviceRecord]) -> tuple[DeviceRecord, ...]:
        """Every device that the lines are of: those agents reported, and those stated."""
        stated = [line for line in rating.lines if line.stated is not None]
        by_id = {device.hardware_id: device for device in known}
        return (*known, *stated_devices(stated, self.attestations, by_id))


def _is_of(device: DeviceRecord, keys: Set[str]) -> bool:
    return device_key(device.hardware_id) in keys
