"""One meter after another on one host: what each of them read is told as its own, to the end."""

from dataclasses import replace

import pytest
from driven_host import DEVICES, METER, SEEN, Driven, driven
from kashi.chain import parse_report
from kashi.v1 import report_pb2
from kashi_agent.fitting import join_stretches
from kashi_agent.reading import DeviceMinutes, HostEventKind
from kashi_agent.sample import Device, Meter, MeterKind, Sample, SampleBatch
from kashi_agent.stretch import Stretch
from kashi_agent.tiling import joined
from kashi_agent.unsealing import unseal

REPLAY = Meter(kind=MeterKind.REPLAY, cadence_ms=1_000)
PLAYED = tuple(replace(device, meter=MeterKind.REPLAY) for device in DEVICES)
IDLE = replace(SEEN, utilisation_ppm=0)


def live(host: Driven, seconds: int, meter: Meter, devices: tuple[Device, ...] = ()) -> None:
    """A replay meter shows full work, any other one none."""
    played = meter.kind is MeterKind.REPLAY
    seen = SEEN if played else IDLE
    for _ in range(seconds):
        host.clock.advance(1_000)
        samples = (Sample(device=d, seen=seen) for d in devices or (PLAYED if played else DEVICES))
        now = host.clock.boottime
        host.agent.metering.observe(
            SampleBatch(boottime_ms=now, meter=meter, samples=tuple(samples))
        )
        if host.agent.recorder.due(now):
            host.agent.record()


def reports(host: Driven) -> list[Stretch]:
    """Everything sealed; what a header and its blocks say of meters is one and the same."""
    host.ship()
    host.agent.finish()
    host.ship()
    stretches = []
    for entry in host.agent.spool.sealed.entries():
        wire = host.agent.spool.sealed.read(entry).wire
        message, header = parse_report(wire)
        (kind,) = {meter.kind for meter in header.meters}
        blocks = [report_pb2.DeviceBlock.FromString(block.content) for block in message.blocks]
        assert all(block.device.meter == kind for block in blocks if block.readings)
        stretches.append(unseal(wire))
    return stretches


def active_ms(stretches: list[Stretch], kind: MeterKind) -> int:
    """Work that one kind of meter is said to have seen."""
    return sum(
        reading.active_ms
        for stretch in stretches
        for minutes in stretch.devices
        if minutes.device.meter is kind
        for reading in minutes.readings
    )


@pytest.mark.parametrize("killed", [True, False])
def test_a_replayed_minute_is_never_signed_as_measured(*, killed: bool) -> None:
    """A replay plays devices under the ids of real ones for 270 s, the agent is killed or goes on,
    and a real meter reads them idle: every report is of one meter, and no work is NVML's."""
    host = driven()
    live(host, 271, REPLAY)
    if killed:
        host.kill()
        host.start()
    live(host, 400, METER)

    told = reports(host)

    assert active_ms(told, MeterKind.NVML) == 0
    # Killed, it loses what it had not flushed; not killed, nothing after the last played sample.
    least_ms = 260_000 if killed else 270_000
    assert len(DEVICES) * least_ms <= active_ms(told, MeterKind.REPLAY) <= len(DEVICES) * 270_000
    accounts = host.server.accounts()
    for device in DEVICES:
        spans = accounts[device.hardware_id].spans
        assert [start for _, start, _ in spans[1:]] == [end for _, _, end in spans[:-1]]


def test_a_replay_after_a_real_meter_is_its_own_too() -> None:
    """The other way round, within one agent and one minute: not a second of it is NVML's."""
    host = driven()
    live(host, 90, METER)
    live(host, 30, REPLAY)
    live(host, 90, METER)

    told = reports(host)

    assert active_ms(told, MeterKind.NVML) == 0
    assert active_ms(told, MeterKind.REPLAY) == len(DEVICES) * 29_000
    begun = [e for s in told for e in s.events if e.kind == HostEventKind.REANCHORED]
    assert [(e.value, e.detail) for e in begun] == [
        (0, "meter REPLAY, every 1000 ms"),
        (0, "meter NVML, every 1000 ms"),
    ]


def test_replayed_devices_end_with_the_replay() -> None:
    """They never were on this host: else a server would put aside all that is measured after."""
    host = driven()
    played = replace(PLAYED[0], hardware_id="GPU-of-a-trace")
    live(host, 100, REPLAY, (played,))
    host.kill()
    host.start()
    live(host, 30, METER)
    live(host, 300, METER)

    told = reports(host)

    ids = [{minutes.device.hardware_id for minutes in stretch.devices} for stretch in told]
    assert ids[0] == {"GPU-of-a-trace"}
    assert ids[-1] == {device.hardware_id for device in DEVICES}
    assert all(len(kinds) == 1 for kinds in ({m.device.meter for m in s.devices} for s in told))


def test_a_report_states_one_cadence() -> None:
    """The gap limit follows from the cadence: what was read at another stands in another report."""
    host = driven()
    live(host, 100, METER)
    live(host, 100, replace(METER, cadence_ms=10_000))

    told = reports(host)

    assert [[m.cadence_ms for m in stretch.meters] for stretch in told] == [[1_000], [10_000]]


def test_energy_and_holders_are_not_compared_across_meters() -> None:
    """What two meters saw says nothing about the time between them."""
    host = driven()
    live(host, 90, REPLAY)
    host.clock.advance(20_000)
    live(host, 90, METER)

    gaps = [gap for s in reports(host) for m in s.devices for gap in m.gaps]

    assert gaps
    assert all(gap.continuity.energy_mj is None for gap in gaps)
    assert all(gap.continuity.same_holders is None for gap in gaps)


def test_minutes_of_two_meters_are_not_joined() -> None:
    """Neither a device's nor a host's."""
    host = driven()
    live(host, 61, REPLAY)
    host.agent.record()
    first = host.agent.metering.flush()
    after = tuple(_later(minutes, first) for minutes in first.devices)
    second = replace(
        first,
        start_boottime_ms=first.end_boottime_ms,
        end_boottime_ms=first.end_boottime_ms + 1_000,
        devices=after,
        meters=(METER,),
        events=(),
    )

    for wrong in (
        lambda: joined((first.devices[0], after[0])),
        lambda: join_stretches((first, second)),
    ):
        with pytest.raises(ValueError, match="does not follow"):
            wrong()


def part(slices: int) -> Device:
    """A partition of one id, whatever its share."""
    return replace(
        DEVICES[0],
        hardware_id="MIG-5d",
        parent_hardware_id=DEVICES[0].hardware_id,
        share_numerator=slices,
        share_denominator=7,
    )


@pytest.mark.parametrize("killed", [True, False])
def test_no_report_tells_a_device_at_two_shares(*, killed: bool) -> None:
    """A meter that gives one id another share, as ours never does: what was seen at one share
    stays so, and what is seen at the other stands in another segment, whatever becomes of the
    agent in between."""
    host = driven()
    live(host, 100, METER, (DEVICES[0], part(4)))
    if killed:
        host.kill()
        host.start()
    live(host, 100, METER, (DEVICES[0], part(1)))

    told = [
        (stretch.segment.number, minutes.device.share, minutes.observed_ms)
        for stretch in reports(host)
        for minutes in stretch.devices
        if minutes.device.hardware_id == "MIG-5d" and minutes.observed_ms
    ]

    assert {(number, share) for number, share, _ in told} == {(1, (4, 7)), (2, (1, 7))}
    assert sum(ms for number, _, ms in told if number == 2) == 99_000


def test_minutes_of_two_shares_are_not_joined() -> None:
    """Four sevenths of a card do not become one seventh, nor the other way round."""
    host = driven()
    live(host, 61, METER, (DEVICES[0], part(4)))
    host.agent.record()
    first = host.agent.metering.flush()
    (before,) = (one for one in first.devices if one.device == part(4))
    after = replace(_later(before, first), device=part(1))

    with pytest.raises(ValueError, match="does not follow"):
        joined((before, after))


def test_stretches_joined_name_the_meters_of_all() -> None:
    """Also of those whose last stretch had none at work."""
    host = driven()
    live(host, 61, METER)
    first = host.agent.metering.flush()
    end = first.end_boottime_ms
    silent = replace(
        first, start_boottime_ms=end, end_boottime_ms=end, devices=(), meters=(), events=()
    )

    assert join_stretches((first, silent)).meters == (METER,)


def _later(minutes: DeviceMinutes, stretch: Stretch) -> DeviceMinutes:
    end = stretch.end_boottime_ms
    return replace(
        minutes,
        device=replace(minutes.device, meter=MeterKind.NVML),
        start_boottime_ms=end,
        end_boottime_ms=end,
        readings=(),
        gaps=(),
        events=(),
        holders=(),
    )
