"""Devices that are only counted: the count is on record, nothing else of them is."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from kashi.v1 import report_pb2
from kashi_agent.chain_link import ChainLink
from kashi_agent.device_choice import DeviceChoice
from kashi_agent.encoding import decode_stretch, encode_stretch
from kashi_agent.sample import (
    Device,
    DeviceEvent,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)
from kashi_agent.sealing import Sealer
from kashi_agent.stretch import Stretch
from kashi_agent.unsealing import unseal
from sample_scripts import metered

METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)
XID = 3


def card(number: int, parent: str = "") -> Device:
    """A card, or a partition of one."""
    return Device(
        vendor=Vendor.NVIDIA,
        hardware_id=f"{'MIG' if parent else 'GPU'}-{number}",
        parent_hardware_id=parent,
        model="Test card",
        meter=MeterKind.NVML,
    )


def batch(at: int, *devices: Device, busy_ppm: int = 500_000) -> SampleBatch:
    """All devices at work, each with an event."""
    seen = Observation(
        utilisation_ppm=busy_ppm,
        energy_counter_mj=at,
        power_mw=0,
        memory_used_bytes=0,
        holders=frozenset(),
    )
    return SampleBatch(
        boottime_ms=at,
        meter=METER,
        samples=tuple(Sample(device=device, seen=seen) for device in devices),
        events=tuple(
            DeviceEvent(hardware_id=device.hardware_id, boottime_ms=at, kind=XID, value=79)
            for device in devices
        ),
    )


def seconds(count: int, *devices: Device, start: int = 0) -> list[SampleBatch]:
    """A sample a second."""
    return [batch(start + 1_000 * number, *devices) for number in range(count)]


def header_of(stretch: Stretch) -> tuple[report_pb2.ReportHeader, bytes]:
    """The signed header of a report of a stretch, and the report."""
    key = ec.derive_private_key(0xCA5E, ec.SECP256R1())
    sealer = Sealer(key=key, agent_version="0.1.0", random_bytes=bytes)
    (sealed,) = sealer.seal([stretch], ChainLink(host_id="host"), 0)
    report = report_pb2.Report.FromString(sealed.wire)
    return report_pb2.ReportHeader.FromString(report.header), sealed.wire


def test_of_a_device_that_is_not_reported_nothing_but_the_count_is_kept() -> None:
    """Two of three cards are left out: no block, no counter, no event, no id of theirs in the
    bytes; the signed header says that there are two."""
    choice = DeviceChoice(frozenset({"GPU-1"}))
    (stretch,) = metered(seconds(30, card(0), card(1), card(2)), choice)
    header, wire = header_of(stretch)

    assert [minutes.device.hardware_id for minutes in stretch.devices] == ["GPU-1"]
    assert header.devices_counted_only == stretch.devices_counted_only == 2
    assert len(header.counters) == 1
    assert b"GPU-1" in wire
    assert b"GPU-0" not in wire
    assert b"GPU-2" not in wire
    assert unseal(wire).devices_counted_only == 2
    assert decode_stretch(encode_stretch(stretch)) == stretch


def test_all_devices_are_reported_unless_told_otherwise() -> None:
    """The default leaves nothing out and counts nothing."""
    (stretch,) = metered(seconds(30, card(0), card(1)))

    assert len(stretch.devices) == 2
    assert stretch.devices_counted_only == 0


def test_a_host_may_report_no_device_at_all() -> None:
    """A host that waits for its first contract is there, its cards are counted."""
    stretches = metered(seconds(200, card(0), card(1)), DeviceChoice(frozenset()))

    assert all(not stretch.devices for stretch in stretches)
    assert {stretch.devices_counted_only for stretch in stretches} == {2}


def test_partitions_go_with_their_card_and_cards_are_what_is_counted() -> None:
    """A card that is named brings its partitions; a partition that is named leaves its card out."""
    devices = (card(0), card(7, "GPU-0"), card(1), card(8, "GPU-1"), card(9, "GPU-1"))
    (stretch,) = metered(seconds(30, *devices), DeviceChoice(frozenset({"GPU-0", "MIG-9"})))

    assert [m.device.hardware_id for m in stretch.devices] == ["GPU-0", "MIG-7", "MIG-9"]
    assert stretch.devices_counted_only == 1


def test_a_partition_is_named_with_or_without_its_share() -> None:
    """The driver's own UUID names whatever partition it is given to; with a share, that one."""
    shares = (4, 1)
    devices = [replace(card(7, "GPU-0"), hardware_id=f"MIG-7.{slices}of7") for slices in shares]

    for named, reported in (
        ("MIG-7", [True, True]),
        ("MIG-7.4of7", [True, False]),
        ("MIG", [False, False]),
        ("GPU-0", [True, True]),
    ):
        choice = DeviceChoice(frozenset({named}))
        assert [choice.reports(device) for device in devices] == reported


def test_the_count_is_the_most_there_were() -> None:
    """A card that is gone again before the minute is over was there; the next minute it was not."""
    choice = DeviceChoice(frozenset({"GPU-0"}))
    batches = [*seconds(10, card(0), card(1)), *seconds(170, card(0), start=10_000)]
    counts = [stretch.devices_counted_only for stretch in metered(batches, choice)]

    assert counts[0] == 1
    assert set(counts[1:]) == {0}


def test_a_device_that_is_left_out_by_a_new_setting_has_no_gap_for_ever() -> None:
    """An agent that starts with another setting goes on with the chosen devices alone."""
    first = metered(seconds(30, card(0), card(1)))
    later = seconds(30, card(0), card(1), start=40_000)
    found = metered(later, DeviceChoice(frozenset({"GPU-0"})), first[-1])

    assert {m.device.hardware_id for stretch in found for m in stretch.devices} == {"GPU-0"}


@given(
    st.frozensets(st.sampled_from([f"GPU-{n}" for n in range(4)])),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=20),
    st.lists(st.integers(0, 1_000_000), min_size=21, max_size=21),
)
def test_what_is_measured_of_a_reported_device_does_not_depend_on_the_setting(
    chosen: frozenset[str], gaps_ms: list[int], ppm: list[int]
) -> None:
    """A reported device's minutes are, byte for byte, those of a host that reports everything."""
    cards = [card(number) for number in range(4)]
    at, batches = 0, []
    for gap_ms, busy_ppm in zip([0, *gaps_ms], ppm, strict=False):
        at += gap_ms
        batches.append(batch(at, *cards, busy_ppm=busy_ppm))
    everything = metered(batches)
    some = metered(batches, DeviceChoice(chosen))

    kept = [m for stretch in everything for m in stretch.devices if m.device.hardware_id in chosen]
    assert [m for stretch in some for m in stretch.devices] == kept


def test_a_negative_count_is_refused() -> None:
    """Nothing is fewer than none."""
    (stretch,) = metered(seconds(2, card(0)))
    with pytest.raises(ValueError, match="counted only"):
        Stretch(
            boot_id=stretch.boot_id,
            segment=stretch.segment,
            start_boottime_ms=0,
            end_boottime_ms=0,
            devices_counted_only=-1,
        )
