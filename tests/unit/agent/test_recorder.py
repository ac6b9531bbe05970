"""The recorder and the journal: what a restart finds, and what a full disk costs."""

import tracemalloc
from dataclasses import replace
from itertools import pairwise

import pytest
from driven_host import DEVICES, METER, SEEN, Driven, driven
from kashi.v1 import report_pb2
from kashi_agent.reading import DeviceEventKind, GapReason
from kashi_agent.recorder import READING_BYTES, RETRY_MS, WAITING_BYTES_MAX, memory_bytes
from kashi_agent.sample import Device, DeviceEvent, Holder, HolderKind, Sample, SampleBatch

INTERVAL_S = 300
DAY_MS = 86_400_000


def live(
    host: Driven, seconds: int, *devices: Device, events: tuple[DeviceEvent, ...] = ()
) -> None:
    """Look at these devices once a second and write at once; events come with the first look."""
    for _ in range(seconds):
        host.clock.advance(1_000)
        samples = tuple(Sample(device=device, seen=SEEN) for device in devices)
        now = host.clock.boottime
        host.agent.metering.observe(
            SampleBatch(boottime_ms=now, meter=METER, samples=samples, events=events)
        )
        host.agent.record()
        events = ()


def test_a_restart_goes_on_where_the_last_flush_ended() -> None:
    """The gap of a kill begins at the last flush and ends at the first sample after it."""
    host = driven()
    host.live(33)
    killed = host.clock.boottime
    host.kill()
    host.clock.advance(7_000)
    host.start()
    host.live(2 * INTERVAL_S)
    host.ship()

    for account in host.server.accounts().values():
        ((_, start, span_ms, reason),) = account.gaps
        assert reason == GapReason.AGENT_DOWN
        assert killed - 10_000 <= start <= killed
        assert start + span_ms == killed + 8_000


def test_a_reboot_begins_a_new_axis_and_says_so() -> None:
    """BOOTED names the boot before and the labelled time between; nothing spans two boots."""
    host = driven()
    host.live(INTERVAL_S + 10)
    before = host.clock.boot
    host.kill()
    host.clock.reboot(bytes([9]) * 16, away_ms=120_000)
    host.start()
    host.live(2 * INTERVAL_S)
    host.ship()

    headers = [host.server.header(stored) for stored in host.server.stored]
    booted = [
        event
        for header in headers
        for event in header.events
        if event.kind == report_pb2.HOST_EVENT_KIND_BOOTED
    ]
    assert [(event.detail) for event in booted] == [before.hex()]
    assert abs(booted[0].value - 120_000) <= 10_000
    assert {header.boot_id for header in headers} == {before, bytes([9]) * 16}


def test_a_new_segment_goes_through_journal_reports_and_a_kill() -> None:
    """The wall clock is set and stays: a new segment, nothing counted twice, nothing missing."""
    host = driven()
    host.live(130)
    host.clock.step(10_000)
    host.live(90)
    host.kill()
    host.start()
    host.live(2 * INTERVAL_S)
    host.ship()

    headers = [host.server.header(stored) for stored in host.server.stored]
    assert [header.segment.number for header in headers] == sorted(
        header.segment.number for header in headers
    )
    assert {header.segment.number for header in headers} == {1, 2}
    for account in host.server.accounts().values():
        edges = [account.spans[0][1], *(end for _, _, end in account.spans)]
        assert [start for _, start, _ in account.spans] == edges[:-1]
        assert account.gap_ms <= 11_000


def test_an_orderly_end_writes_seals_and_leaves_nothing_open() -> None:
    """After `finish` everything measured is in sealed reports, to the last sample."""
    host = driven()
    host.live(100)
    host.ship()
    assert host.agent.finish()
    host.ship()

    for account in host.server.accounts().values():
        assert account.observed_ms == 99_000
    header = host.server.header(host.server.stored[-1])
    assert header.events[-1].kind == report_pb2.HOST_EVENT_KIND_AGENT_STOPPED


def test_a_full_disk_costs_detail_and_no_time() -> None:
    """Measuring goes on in memory, the event is reported, and it drains by itself (S28)."""
    host = driven()
    host.live(120)
    host.disk.bytes_max = host.disk.used + 100
    host.live(20 * 60)
    assert host.agent.spool.disk_full
    assert host.agent.recorder.waiting_readings > 0
    host.disk.bytes_max = None
    host.live(2 * INTERVAL_S)
    host.ship()

    assert host.agent.recorder.waiting_readings == 0
    kinds = [e.kind for stored in host.server.stored for e in host.server.header(stored).events]
    assert report_pb2.HOST_EVENT_KIND_DISK_FULL in kinds
    for account in host.server.accounts().values():
        assert account.gap_ms == 0


def test_memory_is_bounded_and_what_is_lost_is_said() -> None:
    """More readings than may wait become a gap, oldest first."""
    host = driven()
    host.live(120)
    recorder = host.agent.recorder
    stretch = host.agent.metering.flush()
    recorder._waiting.extend([stretch] * (WAITING_BYTES_MAX // memory_bytes(stretch) + 2))
    recorder._bound()

    assert sum(map(memory_bytes, recorder._waiting)) <= WAITING_BYTES_MAX
    first = recorder._waiting[0]
    assert first.reading_count == 0
    assert {gap.reason for m in first.devices for gap in m.gaps} == {GapReason.SPOOL_LOST}
    assert first.end_boottime_ms == stretch.end_boottime_ms


@pytest.mark.parametrize("held_by", [0, 2, 8])
def test_what_waits_takes_no_more_memory_than_it_is_counted_for(held_by: int) -> None:
    """By measurement of this interpreter: else the limit of memory would be one of hope."""
    host = driven()
    holders = frozenset(Holder(HolderKind.USER, str(1_000 + n)) for n in range(held_by))
    cadence_ms = 20_000
    meter = replace(METER, cadence_ms=cadence_ms)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = []
    for look in range(1, 3 * 60):
        host.clock.advance(cadence_ms)
        seen = replace(SEEN, energy_counter_mj=look * 7_919_000, holders=holders)
        samples = tuple(Sample(device=device, seen=seen) for device in DEVICES)
        batch = SampleBatch(boottime_ms=host.clock.boottime, meter=meter, samples=samples)
        host.agent.metering.observe(batch)
        kept += [one for one in [host.agent.metering.cut()] if one is not None]
    taken = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()

    assert len(kept) > 50
    assert taken <= sum(map(memory_bytes, kept))


def test_a_disk_that_refuses_is_tried_again_soon_and_not_all_the_time() -> None:
    """Each try makes room anew: every few seconds is enough, and sooner than it would be due."""
    host = driven()
    host.live(30)
    host.disk.bytes_max = 0
    while host.agent.record():
        host.live(1)
    refused = host.clock.boottime

    assert not host.agent.recorder.due(refused + RETRY_MS - 1)
    assert host.agent.recorder.due(refused + RETRY_MS)


def test_what_is_lost_while_a_disk_takes_nothing_grows_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Minutes that became gaps are one gap a device, however many there were; once the disk takes
    something again, the gap is reported and the time adds up."""
    monkeypatch.setattr("kashi_agent.recorder.WAITING_BYTES_MAX", 10 * READING_BYTES)
    host = driven()
    host.live(70)
    host.disk.bytes_max = 0
    host.live(40 * 60)

    assert len(host.agent.recorder._waiting) <= 7
    host.disk.bytes_max = None
    host.live(2 * INTERVAL_S)
    host.ship()

    for account in host.server.accounts().values():
        assert all(before[2] == after[1] for before, after in pairwise(account.spans))
        assert {reason for *_, reason in account.gaps} == {GapReason.SPOOL_LOST}


def test_coarsening_gives_room_back_and_keeps_every_sum() -> None:
    """Frames that others replace go; what is unsealed reads the same before and after."""
    host = driven()
    host.segment_bytes = 8_000
    host.kill()
    host.start()
    host.live(20 * 60)
    journal = host.agent.spool.journal
    before = [kept.stretch for kept in journal.unsealed(with_open=True)]
    used = host.disk.used

    freed = journal.coarsen()

    assert freed > 0
    assert host.disk.used == used - freed
    assert [kept.stretch for kept in journal.unsealed(with_open=True)] == before
    assert {m.device for s in before for m in s.devices} == set(DEVICES)
    host.kill()
    host.start()
    host.live(2 * INTERVAL_S)
    host.ship()
    for account in host.server.accounts().values():
        assert {reason for _, _, _, reason in account.gaps} == {GapReason.AGENT_DOWN}


def test_coarsening_passes_over_segments_that_never_took_a_frame() -> None:
    """A disk that fills just then leaves a segment of a head alone; it costs nothing."""
    host = driven()
    host.live(30)
    journal = host.agent.spool.journal
    journal._log.begin_segment()
    journal._log.begin_segment()
    journal.coarsen()
    host.live(2 * INTERVAL_S)
    host.ship()

    assert all(not account.gaps for account in host.server.accounts().values())


def test_a_full_disk_keeps_no_agent_from_starting() -> None:
    """What the last agent left open waits in memory with all that follows, and nothing is lost."""
    host = driven()
    host.live(100)
    host.disk.bytes_max = host.disk.used
    host.kill()
    killed = host.clock.boottime
    host.clock.advance(5_000)
    host.start()
    host.live(300)
    assert host.agent.recorder.waiting_readings > 0
    host.disk.bytes_max = None
    host.live(2 * INTERVAL_S)
    host.ship()

    for account in host.server.accounts().values():
        ((_, start, span_ms, reason),) = account.gaps
        assert (reason, start + span_ms) == (GapReason.AGENT_DOWN, killed + 6_000)
        assert start >= killed - 10_000


def test_a_frame_left_open_twice_is_replaced_with_all_before_it() -> None:
    """An agent that died in a minute replaced what it found; should its own frame be lost with the
    one it replaced, the frames before that must not stand as well."""
    host = driven()
    host.live(52)
    journal = host.agent.spool.journal
    first, *_, newest = [p for s in journal._log.segments() for p in journal._log.frames(s)]
    host.kill()
    host.start()
    journal = host.agent.spool.journal
    journal.reopen_newest()

    assert newest.frame.number - first.frame.number > 2
    assert journal._standing_after < first.frame.number


def test_a_partition_that_comes_back_was_lost_in_between() -> None:
    """Dissolved, and there again under its id two minutes later: one report tells both, and the
    time between is a gap."""
    host = driven()
    part = replace(
        DEVICES[0],
        hardware_id="MIG-1",
        parent_hardware_id=DEVICES[0].hardware_id,
        share_denominator=7,
    )

    live(host, 70, *DEVICES, part)
    gone = host.clock.boottime + 1_000
    vanished = DeviceEvent(hardware_id="MIG-1", boottime_ms=gone, kind=DeviceEventKind.VANISHED)
    live(host, 120, *DEVICES, events=(vanished,))
    live(host, 2 * INTERVAL_S, *DEVICES, part)
    host.ship()

    (gap,) = host.server.accounts()["MIG-1"].gaps
    assert gap[1:] == (gone, 120_000, GapReason.DEVICE_LOST)


@pytest.mark.parametrize("while_down", [True, False])
def test_a_partition_taken_away_is_told_of_up_to_its_end(*, while_down: bool) -> None:
    """Between two looks and then the agent is killed, or while it is down: what it held before is
    told, and neither a restart nor a week makes a gap of it."""
    host = driven()
    part = replace(
        DEVICES[0],
        hardware_id="MIG-1",
        parent_hardware_id=DEVICES[0].hardware_id,
        share_denominator=7,
    )
    live(host, 70, *DEVICES, part)
    last_seen = host.clock.boottime
    live(host, 0 if while_down else 15, *DEVICES)
    host.kill()
    host.clock.advance(30_000)
    host.start()
    live(host, 2 * INTERVAL_S, *DEVICES)
    host.ship()

    account = host.server.accounts()["MIG-1"]
    assert account.spans[-1][2] <= last_seen + (0 if while_down else 1_000)
    assert account.observed_ms >= 60_000
    assert account.gap_ms == 0


def test_acknowledged_reports_stay_35_days_by_the_servers_clock() -> None:
    """A segment goes when its last receipt is 35 days older than the newest, not before."""
    host = driven()
    host.segment_bytes = 2_000
    host.kill()
    host.start()
    host.live(6 * INTERVAL_S + 10)
    host.ship()
    kept = host.agent.spool.sealed.size
    host.server.now_utc_ms += 34 * 86_400_000
    host.live(INTERVAL_S)
    host.ship()
    assert host.agent.spool.sealed.size == kept + 1

    host.server.now_utc_ms += 2 * 86_400_000
    host.live(INTERVAL_S)
    host.ship()

    assert host.agent.spool.sealed.size < kept
    positions = [entry.position for entry in host.agent.spool.sealed.entries()]
    assert positions == sorted(positions)


def test_two_months_without_a_sample_are_one_gap_in_pieces() -> None:
    """What no single report could carry is kept in pieces of a month: asleep, and with a disk that
    takes nothing while no meter reads."""
    host = driven()
    host.live(90)
    before = host.clock.boottime
    host.clock.suspend(60 * DAY_MS)
    host.live(90)
    awake = host.clock.boottime
    host.disk.bytes_max = host.disk.used
    for _ in range(60):
        host.clock.advance(DAY_MS)
        host.agent.record()
    host.disk.bytes_max = None
    host.live(2 * INTERVAL_S)
    host.ship()

    for account in host.server.accounts().values():
        lengths = {reason: 0 for _, _, _, reason in account.gaps}
        for _, _, span_ms, reason in account.gaps:
            lengths[reason] += span_ms
        assert lengths[GapReason.SUSPENDED] in range(60 * DAY_MS, 60 * DAY_MS + 10_000)
        assert lengths[GapReason.SAMPLES_MISSING] in range(60 * DAY_MS, 60 * DAY_MS + 10_000)
    assert awake - before == 60 * DAY_MS + 90_000
