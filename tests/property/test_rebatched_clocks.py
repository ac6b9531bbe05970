"""What a statement says of clocks does not depend on how readings were cut into reports."""

from dataclasses import dataclass, replace
from itertools import pairwise

from fixtures_ingest import ReportingHost
from hypothesis import given
from hypothesis import strategies as st
from kashi.v1 import report_pb2
from kashi_server.domain.flagging import clock_flags
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.report import ReportFacts
from kashi_server.services.opening import read_bytes

HOST = ReportingHost("11111111-0000-4000-8000-000000000001", ["GPU-a"])
ANY = read_bytes(HOST.report())


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Minutes on end in which a host's clock stood like this."""

    minutes: int
    sync: int
    offset_ms: int


stretches = st.lists(
    st.builds(
        Stretch,
        minutes=st.integers(1, 10),
        sync=st.sampled_from(report_pb2.ClockSync.values()),
        offset_ms=st.integers(-100_000, 100_000),
    ),
    min_size=1,
    max_size=6,
)


def reports(told: list[Stretch], cuts: set[int], sealed_after_ms: int) -> list[ReportFacts]:
    """The stretches told in reports that end where one does and at the cuts."""
    found: list[ReportFacts] = []
    at = 0
    for stretch in told:
        end = at + stretch.minutes
        edges = [at, *sorted(cut for cut in cuts if at < cut < end), end]
        for low, high in pairwise(edges):
            found.append(
                replace(
                    ANY,
                    start_boottime_ms=low * MINUTE_MS,
                    end_boottime_ms=high * MINUTE_MS,
                    clock_sync=stretch.sync,
                    clock_offset_ms=stretch.offset_ms,
                    sealed_utc_ms=ANY.anchor_utc_ms + high * MINUTE_MS + sealed_after_ms,
                )
            )
        at = end
    return found


@given(
    told=stretches,
    cuts=st.sets(st.integers(1, 59)),
    edges=st.tuples(st.integers(-5, 70), st.integers(1, 70)),
    sealed_after_ms=st.integers(0, 200_000_000),
)
def test_flags_and_offset_are_the_same_however_readings_are_batched(
    told: list[Stretch], cuts: set[int], edges: tuple[int, int], sealed_after_ms: int
) -> None:
    """Cut anywhere, sealed whenever, across the edges of the month or inside it."""
    start = ANY.anchor_utc_ms + edges[0] * MINUTE_MS
    month = (start, start + edges[1] * MINUTE_MS)

    def said(cut_at: set[int], late_ms: int) -> tuple[object, ...]:
        clock = HostClock.together(
            HostClock.of(report, month)
            for report in reports(told, cut_at, late_ms)
            if report.end_utc_ms > month[0] and report.start_utc_ms < month[1]
        )
        return (clock, clock.offset_ms_max, list(clock_flags(clock)))

    assert said(set(), 0) == said(cuts, sealed_after_ms)
