"""What is known of the clock behind a host's labels: unknown is not zero."""

import pytest
from fixtures_ingest import ReportingHost
from kashi.v1 import report_pb2
from kashi_server.domain.host_clock import HostClock, axis_offset_ms
from kashi_server.domain.report import ReportFacts
from kashi_server.services.opening import open_bytes

HOST = "11111111-0000-4000-8000-000000000001"
SPAN_MS = 300_000
SYNCHRONISED = report_pb2.CLOCK_SYNC_SYNCHRONISED


def report(
    *,
    sync: report_pb2.ClockSync = SYNCHRONISED,
    offset_ms: int = 0,
    moved_ms: int | None = None,
) -> ReportFacts:
    """A sound report with this clock; `moved_ms`: at its end the axis gave way by so much."""

    def change(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
        header.clock.sync = sync
        header.clock.offset_ms = offset_ms
        if moved_ms is not None:
            kind = report_pb2.HOST_EVENT_KIND_REANCHORED
            header.events.add(boottime_ms=header.end_boottime_ms, kind=kind, value=moved_ms)

    host = ReportingHost(HOST, ["GPU-a"])
    return open_bytes(host.report(change=change), host.key.public_key(), HOST).facts


@pytest.mark.parametrize(
    "sync",
    [
        report_pb2.CLOCK_SYNC_UNSPECIFIED,
        report_pb2.CLOCK_SYNC_UNKNOWN,
        report_pb2.CLOCK_SYNC_UNSYNCHRONISED,
    ],
)
def test_a_clock_that_nothing_vouches_for_is_unknown_whatever_it_says(
    sync: report_pb2.ClockSync,
) -> None:
    """A machine that boots a day behind stands at its own axis: 0 ms says nothing of true time."""
    alone = HostClock.of(report(sync=sync))
    beside = HostClock.together((alone, HostClock.of(report(offset_ms=-40))))

    assert (alone.offset_ms_max, alone.unvouched_ms) == (None, SPAN_MS)
    assert (beside.offset_ms_max, beside.labelled_ms) == (None, 2 * SPAN_MS)
    assert (beside.unvouched_ms, beside.known_ms_max) == (SPAN_MS, 40)


def test_a_vouched_clock_is_known_by_its_largest_distance() -> None:
    """Of either sign; of no report at all nothing is known."""
    clocks = [HostClock.of(report(offset_ms=ms)) for ms in (12, -40, 0)]

    assert HostClock.together(clocks).offset_ms_max == 40
    assert HostClock.together(()).offset_ms_max is None


@pytest.mark.parametrize(
    ("moved_ms", "told_ms"), [(86_400_000, 86_400_000), (-7_000, -7_000), (-(2**63), 1 - 2**63)]
)
def test_the_report_before_a_new_axis_tells_how_far_its_own_was_off(
    moved_ms: int, told_ms: int
) -> None:
    """It states its distance to the new axis; its labels stand on the old one. What no database
    holds is cut to what one does."""
    before = report(offset_ms=0, moved_ms=moved_ms)

    assert axis_offset_ms(before) == told_ms
    assert HostClock.of(before).offset_ms_max == abs(told_ms)
