"""What the agent seals, the server's own reading of the contract takes as sound and counting."""

from dataclasses import dataclass, replace
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from kashi.chain import NO_HEAD, place_report
from kashi_agent.chain_link import ChainLink
from kashi_agent.device_choice import DeviceChoice
from kashi_agent.metering import Metering
from kashi_agent.sample import Absent, AbsentReason, Device, MeterKind, Observation, Sample
from kashi_agent.sealing import Sealed, Sealer
from kashi_agent.stretch import Stretch
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.sequence import (
    ACCEPTED,
    Tail,
    follow,
    judge_content,
    judge_description,
    judge_link,
)
from kashi_server.services.opening import Opened, open_bytes
from kashi_server.services.overlapping import retold_device
from kashi_server.services.projection import hours_of
from sample_scripts import LIVE_CADENCES_MS, NAMING, Script, device, scripts

from deploy.demo.manual_clock import ManualClock
from deploy.demo.playing import played, replay_clock
from deploy.demo.workload import DAY_MS, Group, Profile, generated_workload

KEY = ec.derive_private_key(0xA9E, ec.SECP256R1())
HOST_ID = "0b1e7b7e-5d4c-4a54-9f0a-1d2c3b4a5968"
FAR_UTC_MS = 3_000_000_000_000
UNKNOWN = Absent(AbsentReason.NOT_SUPPORTED)
BUSY = Observation(
    utilisation_ppm=1_000_000,
    energy_counter_mj=UNKNOWN,
    power_mw=700_000,
    memory_used_bytes=UNKNOWN,
    holders=frozenset(),
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A host that was enrolled long ago."""

    host_id: str = HOST_ID
    enrolled_utc_ms: int = 0


def sealed_of(stretches: list[Stretch]) -> list[Sealed]:
    """Every stretch sealed into reports of its own."""
    sealer = Sealer(key=KEY, agent_version="0.1.0", random_bytes=Random(1).randbytes)
    link, sealed = ChainLink(host_id=HOST_ID), []
    for stretch in stretches:
        sealed += sealer.seal([stretch], link, FAR_UTC_MS)
        link = sealed[-1].link
    return sealed


def accepted(sealed: list[Sealed]) -> list[Opened]:
    """The reports as the server opened them; each must count."""
    tail, opened = Tail(head=NO_HEAD), []
    for report in sealed:
        one = open_bytes(report.wire, KEY.public_key(), HOST_ID)
        assert judge_link(place_report(tail.head, one.header), one.facts, tail) is None
        judgement = judge_content(
            one.facts, one.sums, tail, Standing(), held=False, demo=True, now_utc_ms=FAR_UTC_MS
        )
        assert judgement == ACCEPTED
        tail = follow(tail, one.facts, judgement, FAR_UTC_MS)
        opened.append(one)
    return opened


@given(scripts(devices=3, cadences_ms=LIVE_CADENCES_MS))
def test_any_samples_make_reports_that_count(script: Script) -> None:
    """Whatever a meter sees, whoever shares a device, the server finds the form sound and the
    counters to follow."""
    stretches = script.metered()
    opened = accepted(sealed_of(stretches))

    observed_ms = sum(d.observed_ms for s in stretches for d in s.devices)
    hours = hours_of(report.facts for report in opened)
    assert sum(hour.total().observed_ms for hour in hours.values()) == observed_ms


@given(scripts(devices=3, cadences_ms=LIVE_CADENCES_MS), st.frozensets(st.integers(0, 2)))
def test_reports_of_chosen_devices_count_and_tell_how_many_others_there_are(
    script: Script, chosen: frozenset[int]
) -> None:
    """The server takes them, hears of nothing but the chosen devices, and of the others' number."""
    choice = DeviceChoice(frozenset(device(number).hardware_id for number in chosen))
    opened = accepted(sealed_of(script.metered(choice)))

    seen = [
        sum(one is not None and number not in chosen for number, one in enumerate(shown))
        for _, shown in script.steps
    ]
    told = {span.device.hardware_id for report in opened for span in report.facts.devices}
    assert told <= choice.hardware_ids if choice.hardware_ids else not told
    if opened:
        counted = max(report.facts.devices_counted_only for report in opened)
        assert min(seen) <= counted <= max(seen)


def test_a_clock_step_and_a_reboot_make_reports_that_count() -> None:
    """Segments and boots follow each other as the server demands."""
    clock = ManualClock(utc=1_790_000_000_000, boottime=5_000, monotonic=5_000)
    script = Script(anchor_utc_ms=0, cadence_ms=1_000, steps=())
    stretches: list[Stretch] = []
    last = None
    for boot in range(3):
        metering = Metering(clock, NAMING, last)
        for second in range(400):
            clock.advance(1_000)
            metering.observe(script.batch(clock.boottime, {0: BUSY, 1: BUSY}))
            if second == 100:
                clock.step(7_200_000)
            stretches += iter(metering.cut, None)
        stretches += iter(metering.finish, None)
        last = stretches[-1]
        clock.reboot(bytes([boot] * 16), away_ms=60_000)
    opened = accepted(sealed_of(stretches))

    assert {report.facts.segment_number for report in opened} == {1, 2}
    assert len({report.facts.boot_id for report in opened}) == 3


def test_a_partition_that_comes_again_with_other_slices_makes_reports_that_count() -> None:
    """The driver gives its UUID again: a device of its own by the id with the share (L8), in the
    same minute, and nothing that a server knows is described otherwise."""
    clock = ManualClock(utc=1_790_000_000_000, boottime=5_000, monotonic=5_000)
    script = Script(anchor_utc_ms=0, cadence_ms=1_000, steps=())
    metering = Metering(clock, NAMING)
    stretches: list[Stretch] = []
    for second in range(300):
        clock.advance(1_000)
        looked = script.batch(clock.boottime, {0: BUSY})
        slices = 4 if second % 100 < 50 else 1
        part = replace(
            device(0),
            hardware_id=f"MIG-5d.{slices}of7",
            parent_hardware_id=device(0).hardware_id,
            share_numerator=slices,
            share_denominator=7,
        )
        shown = (*looked.samples, Sample(device=part, seen=BUSY))
        metering.observe(replace(looked, samples=shown))
        stretches += iter(metering.cut, None)
    stretches += iter(metering.finish, None)

    opened = accepted(sealed_of(stretches))

    spans = [span for report in opened for span in report.facts.devices]
    known = {span.device.hardware_id: span.device for span in spans}
    assert {(one.hardware_id, one.share_numerator) for one in known.values()} == {
        (device(0).hardware_id, 1),
        ("MIG-5d.4of7", 4),
        ("MIG-5d.1of7", 1),
    }
    assert all(judge_description(known[s.device.hardware_id], s.device) is None for s in spans)
    # Both have the driver's UUID, in turns: neither is told of while the other is there.
    assert {hardware_key(one) for one in known} == {device(0).hardware_id.lower(), "mig-5d"}
    assert all(retold_device(report.facts) is None for report in opened)


def test_a_generated_day_makes_reports_that_count() -> None:
    """Training, serving and interactive use with faults, on eight devices."""
    groups = [
        Group(name=profile, profile=profile, devices=tuple(map(_card, range(at, at + 3))))
        for at, profile in zip((0, 3, 6), Profile, strict=True)
    ]
    trace = generated_workload(groups, seed="day", start_utc_ms=1_790_784_000_000, span_ms=DAY_MS)
    clock = replay_clock(trace, bytes(16))
    stretches = list(played(trace, clock, NAMING, step_ms=1_800_000))
    opened = accepted(sealed_of(stretches))

    counters = opened[-1].facts.counters
    assert len(counters) == 9
    assert all(observed + gap == DAY_MS for observed, gap, *_ in counters.values())
    assert all(report.facts.replayed for report in opened)


def _card(number: int) -> Device:
    return device(number, MeterKind.REPLAY)
