"""An agent whose machine booted a day behind: what the server makes of its clock."""

from driven_host import driven
from kashi_agent.clock import ClockSync, Discipline
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.report import ReportFacts
from kashi_server.services.opening import read_bytes

DAY_MS = 86_400_000


def test_a_machine_that_booted_a_day_behind_is_never_told_to_stand_at_zero() -> None:
    """Its own clock runs free, agrees with its own axis, and is put right twenty minutes later:
    until then nothing is known; after that each report on the old axis is off by the whole day, the
    last one too, which states its distance to the new axis.
    On the new axis all is well."""
    host = driven()
    host.clock.state = Discipline(sync=ClockSync.UNSYNCHRONISED)
    host.live(1_500)
    host.clock.step(DAY_MS)
    host.clock.state = Discipline(sync=ClockSync.SYNCHRONISED, error_us_max=1_000)
    host.live(700)
    host.agent.record()
    host.ship()
    sealed = host.agent.spool.sealed
    reports = [read_bytes(sealed.read(entry).wire) for entry in sealed.entries()]

    by_axis: dict[tuple[int, bool], list[ReportFacts]] = {}
    for report in reports:
        vouched = report.clock_sync == ClockSync.SYNCHRONISED
        by_axis.setdefault((report.segment_number, vouched), []).append(report)
    clocks = {key: [HostClock.of(report) for report in found] for key, found in by_axis.items()}

    assert set(clocks) == {(1, False), (1, True), (2, True)}
    assert [one.offset_ms_max for one in clocks[1, False]] == [None] * len(clocks[1, False])
    assert {one.offset_ms_max for one in clocks[1, True]} == {DAY_MS}
    assert by_axis[1, True][-1].clock_offset_ms == 0, "as the host states it"
    assert {one.offset_ms_max for one in clocks[2, True]} == {0}
    assert HostClock.together(map(HostClock.of, reports)).offset_ms_max is None
