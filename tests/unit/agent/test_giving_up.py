"""Whatever the server's form refuses of a report, giving it up gets past it."""

from collections.abc import Callable

import pytest
from driven_host import driven
from kashi.chain import parse_report
from kashi.v1 import report_pb2
from kashi_agent.lost_time import lost
from kashi_agent.unsealing import unseal

EARLY_MS = 3_600_000 + 300_000
Said = Callable[[report_pb2.ReportHeader], bool]


@pytest.mark.parametrize(
    ("refused", "gaps"),
    [(lambda header: bool(header.meters), True), (lambda _header: True, False)],
    ids=["its meters", "whatever it says"],
)
def test_a_refused_report_holds_up_none_that_follows(refused: Said, gaps: bool) -> None:
    """A gap stands for it that states no meters; where that is refused too, the next report states
    the gap of the devices it speaks of."""
    host = driven()

    def reject(wire: bytes) -> bool:
        header = parse_report(wire)[1]
        start, end = header.start_boottime_ms, header.end_boottime_ms
        return EARLY_MS <= start < end <= EARLY_MS + 300_000 and refused(header)

    host.server.reject = reject
    host.live(1_500)
    host.ship()

    told = [unseal(stored.wire) for stored in host.server.stored]
    assert told[-1].end_boottime_ms > EARLY_MS + 600_000
    assert any(one == lost(one) for one in told) is gaps
    assert [one.end_boottime_ms for one in told[:-1]] == [one.start_boottime_ms for one in told[1:]]
    for account in host.server.accounts().values():
        assert account.gap_ms == 300_000
        lived_ms = told[-1].end_boottime_ms - told[0].start_boottime_ms
        assert lived_ms - account.observed_ms - account.gap_ms in (0, 1_000)
