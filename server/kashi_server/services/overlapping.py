"""Time that would be counted twice: a device's label that touches what already counts.

Of a device nothing may touch time that counts of it, be it a gap. Under two ids of one hardware a
host tells of it in turns, and a reading of a minute may span what lies between two of them: there
it is too much where both together observed more than their time holds.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import NamedTuple

from kashi_server.domain.report import DeviceSpan, ReportFacts
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.sequence import Judgement, judge_overlap
from kashi_server.services.facts_port import FactsPort
from kashi_server.services.opening import read_bytes


class _Told(NamedTuple):
    """What a report tells of a device, labelled."""

    anchor_utc_ms: int
    span: DeviceSpan

    @property
    def hardware_id(self) -> str:
        return self.span.device.hardware_id


def retold_device(report: ReportFacts) -> Judgement | None:
    """The judgement if a report tells of one stretch of some hardware under two of its ids."""
    for told in _by_hardware(report).values():
        for one, other in combinations(told, 2):
            if _both_observed(one, other):
                return judge_overlap(one.hardware_id)
    return None


def overlapped_device(facts: FactsPort, report: ReportFacts) -> Judgement | None:
    """The judgement if a device's label touches counted time of its hardware on that host.

    The spans of the devices decide, not the span of the report: a device that appears late does
    not overlap what was reported of others.
    """
    within = facts.counted_within(report.host_id, report.start_utc_ms, report.end_utc_ms)
    mine = _by_hardware(report)
    for other in (read_bytes(stored.wire) for stored in within):
        if other.sha256 == report.sha256:
            continue
        for key, taken in _by_hardware(other).items():
            for one in mine.get(key, ()):
                if any(_overlap(one, counted) for counted in taken):
                    return judge_overlap(one.hardware_id)
    return retold_device(report)


def _by_hardware(report: ReportFacts) -> Mapping[str, list[_Told]]:
    found: dict[str, list[_Told]] = {}
    for span in report.devices:
        told = _Told(report.anchor_utc_ms, span)
        found.setdefault(hardware_key(told.hardware_id), []).append(told)
    return found


def _overlap(one: _Told, other: _Told) -> bool:
    if one.hardware_id != other.hardware_id:
        return _both_observed(one, other)
    (start, end), (low, high) = _label(one), _label(other)
    return start != end and start < high and low < end


def _label(told: _Told) -> tuple[int, int]:
    anchor, span = told
    return anchor + span.start_boottime_ms, anchor + span.end_boottime_ms


def _both_observed(one: _Told, other: _Told) -> bool:
    """Two readings cannot have been observed in turns: together they hold more than their time."""
    first, last = _label(other)
    near = [reading for reading in _readings(one) if reading[0] < last and first < reading[1]]
    return any(
        since < end
        and start < until
        and more_ms + observed_ms > max(end, until) - min(start, since)
        for start, end, observed_ms in _readings(other)
        for since, until, more_ms in near
    )


def _readings(told: _Told) -> Iterator[tuple[int, int, int]]:
    label = _label(told)[0]
    for offset, width, observed_ms, *_rest in told.span.readings:
        if observed_ms:
            yield label + offset, label + offset + width, observed_ms
