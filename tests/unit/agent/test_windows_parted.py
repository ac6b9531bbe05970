"""What one report cannot carry is parted, and what nothing can carry is a gap: metering goes on."""

from dataclasses import replace

import pytest
from driven_host import DEVICES, METER, SEEN, Driven, driven
from kashi_agent.fitting import alike
from kashi_agent.sample import Device, Sample, SampleBatch
from kashi_agent.sealing import Sealed, Sealer
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal


def part(slices: int) -> Device:
    """An instance under the driver's bare UUID, as agents named it once."""
    return replace(
        DEVICES[0],
        hardware_id="MIG-5d",
        parent_hardware_id="GPU-0",
        share_numerator=slices,
        share_denominator=7,
    )


def live(host: Driven, seconds: int, *devices: Device) -> None:
    """The meter reads these devices once a second, and what is due is written."""
    for _ in range(seconds):
        host.clock.advance(1_000)
        samples = tuple(Sample(device=one, seen=SEEN) for one in (*DEVICES, *devices))
        at = host.clock.boottime
        host.agent.metering.observe(SampleBatch(boottime_ms=at, meter=METER, samples=samples))
        if host.agent.recorder.due(at):
            host.agent.record()


def repartitioned() -> Driven:
    """A host whose instance came back with another share within one interval, on one segment."""
    host = driven()
    live(host, 65, part(1))
    live(host, 70)
    live(host, 65, part(4))
    live(host, 400)
    return host


def test_a_partition_that_came_back_with_another_share_parts_reports() -> None:
    """Under one id, with looks in between that do not show it: each part keeps its own share."""
    host = repartitioned()
    host.ship()

    told = [unseal(stored.wire) for stored in host.server.stored]
    devices = [one.device for stretch in told for one in stretch.devices]
    shares = [one.share for one in devices if one.parent_hardware_id]
    assert sorted(set(shares)) == [(1, 7), (4, 7)]
    assert all(account.gap_ms == 0 for account in host.server.accounts().values())


def test_a_disk_that_was_away_writes_such_a_partition_in_frames_of_its_own() -> None:
    """What waited in memory meanwhile is joined no more than what the journal keeps."""
    host = driven()
    host.disk.fail = lambda called, _name: OSError(5, "simulated") if called == "append" else None
    for seconds, devices in ((65, [part(1)]), (70, []), (65, [part(4)]), (100, [])):
        live(host, seconds, *devices)
    host.disk.fail = lambda _called, _name: None
    live(host, 400)
    host.ship()

    assert all(account.gap_ms == 0 for account in host.server.accounts().values())


def test_stretches_are_unlike_by_the_share_of_a_device() -> None:
    """However alike their meters are."""
    told = [kept.stretch for kept in repartitioned().agent.spool.journal.unsealed(with_open=True)]
    of = {
        one.device.share: stretch
        for stretch in told
        for one in stretch.devices
        if one.device.parent_hardware_id
    }
    assert of[1, 7].meters
    assert not alike(of[1, 7], of[4, 7])
    assert alike(of[1, 7], of[1, 7])


@pytest.mark.parametrize("measured_alone", [False, True])
def test_a_window_that_cannot_be_sealed_becomes_a_gap(
    monkeypatch: pytest.MonkeyPatch, measured_alone: bool
) -> None:
    """Of those minutes alone, for each device: shipping goes on behind it."""
    sealed_as_told = Sealer.seal

    def seal(
        self: Sealer, stretches: list[Stretch], *rest: object, **named: object
    ) -> list[Sealed]:
        early = stretches[0].start_boottime_ms < 3_600_000 + 120_000
        measured = any(minutes.readings for one in stretches for minutes in one.devices)
        if early and (measured or not measured_alone):
            raise ValueError("simulated: does not follow")
        return sealed_as_told(self, stretches, *rest, **named)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(Sealer, "seal", seal)
    host = driven()
    live(host, 1_000)
    host.ship()

    gap_ms = 119_000 if measured_alone else 0  # before the first report there is nothing to bridge
    for account in host.server.accounts().values():
        assert account.gap_ms == gap_ms
        assert account.observed_ms == host.agent.spool.sealed.read(
            host.agent.spool.sealed.entries()[-1]
        ).end_boottime_ms - (3_600_000 + 120_000)
