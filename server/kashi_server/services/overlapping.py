"""Time that would be counted twice: a device's label that touches what already counts."""

from kashi_server.domain.report import ReportFacts
from kashi_server.domain.sequence import Judgement, judge_overlap
from kashi_server.services.facts_port import FactsPort
from kashi_server.services.opening import read_bytes


def overlapped_device(facts: FactsPort, report: ReportFacts) -> Judgement | None:
    """The judgement if a device's label touches counted time of that device on that host.

    The spans of the devices decide, not the span of the report: a device that appears late does
    not overlap what was reported of others.
    """
    within = facts.counted_within(report.host_id, report.start_utc_ms, report.end_utc_ms)
    taken: dict[str, list[tuple[int, int]]] = {}
    for other in (read_bytes(stored.wire) for stored in within):
        if other.sha256 == report.sha256:
            continue
        for span in other.devices:
            taken.setdefault(span.device.hardware_id, []).append(
                (
                    other.anchor_utc_ms + span.start_boottime_ms,
                    other.anchor_utc_ms + span.end_boottime_ms,
                )
            )
    for span in report.devices:
        start = report.anchor_utc_ms + span.start_boottime_ms
        end = report.anchor_utc_ms + span.end_boottime_ms
        if start == end:
            continue
        for low, high in taken.get(span.device.hardware_id, ()):
            if start < high and low < end:
                return judge_overlap(span.device.hardware_id)
    return None
