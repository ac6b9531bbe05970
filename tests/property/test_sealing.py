"""Sealed reports: they verify, follow each other, add up, keep the limits and cannot be changed."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from kashi import chain, limits, signing
from kashi.errors import ContractError
from kashi.v1 import report_pb2
from kashi_agent.chain_link import ChainLink, EpochOpening, EpochReason
from kashi_agent.describing import describe_report
from kashi_agent.metering import Metering
from kashi_agent.naming import HolderNaming, NamePolicy
from kashi_agent.reading import HostEvent, HostEventKind
from kashi_agent.sample import (
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
)
from kashi_agent.sealing import Sealed, Sealer, link_after
from kashi_agent.stretch import Stretch
from sample_scripts import SALT, Script, device, scripts

from deploy.demo.manual_clock import ManualClock

KEY = ec.derive_private_key(0xCA5E, ec.SECP256R1())
HOST_ID = "0b1e7b7e-5d4c-4a54-9f0a-1d2c3b4a5968"
FIRST = ChainLink(host_id=HOST_ID)
METER = Meter(kind=MeterKind.NVML, cadence_ms=1_000)


def sealer() -> Sealer:
    """A sealer with a fixed key and seeded salts."""
    return Sealer(key=KEY, agent_version="0.1.0", random_bytes=Random(7).randbytes)


def open_all(sealed: Sequence[Sealed]) -> list[chain.OpenedReport]:
    """Every report checked as a server checks it, each placed after the one before."""
    head, opened = chain.NO_HEAD, []
    for report in sealed:
        one = chain.open_report(report.wire, KEY.public_key())
        assert chain.place_report(head, one.header) is chain.Place.NEXT
        head = chain.Head(one.header.epoch, one.header.sequence, one.sha256)
        opened.append(one)
    return opened


def blocks_of(report: chain.OpenedReport) -> list[report_pb2.DeviceBlock]:
    """The device blocks of a report."""
    return [
        report_pb2.DeviceBlock.FromString(block.content)
        for block in report.message.blocks
        if block.kind == report_pb2.BLOCK_KIND_DEVICE
    ]


@given(scripts(), st.data())
def test_reports_verify_and_add_up(script: Script, draw: st.DataObject) -> None:
    """However stretches are grouped into reports: they chain, tile, and their counters follow."""
    stretches = script.metered()
    link, sealed = FIRST, []
    while stretches:
        count = draw.draw(st.integers(1, len(stretches)))
        part, stretches = stretches[:count], stretches[count:]
        sealed += sealer().seal(part, link, 1)
        link = sealed[-1].link
    opened = open_all(sealed)

    totals: dict[int, list[int]] = {}
    for before, report in zip([None, *opened], opened, strict=False):
        header = report.header
        assert before is None or before.header.end_boottime_ms == header.start_boottime_ms
        for block in blocks_of(report):
            total = totals.setdefault(block.slot, [0, 0, 0])
            total[0] += sum(reading.observed_ms for reading in block.readings)
            total[1] += sum(gap.span_ms for gap in block.gaps)
            total[2] += sum(reading.utilised_ns for reading in block.readings)
            assert header.start_boottime_ms <= block.start_boottime_ms
            assert block.end_boottime_ms <= header.end_boottime_ms
        stated = {c.slot: [c.observed_ms, c.gap_ms, c.utilised_ns] for c in header.counters}
        assert totals == stated


@given(scripts())
def test_a_host_learns_its_link_from_its_own_reports(script: Script) -> None:
    """Slots, counters and head come back from the sealed bytes alone."""
    link = learned = FIRST
    for stretch in script.metered():
        for report in sealer().seal([stretch], link, 1):
            link, learned = report.link, link_after(learned, report.wire)

    assert learned == link


@given(scripts())
def test_grouping_changes_no_total(script: Script) -> None:
    """One report or many: the same counters in the end."""
    stretches = script.metered()
    if not stretches:
        return
    together = sealer().seal(stretches, FIRST, 1)[-1].link
    link = FIRST
    for stretch in stretches:
        link = sealer().seal([stretch], link, 1)[-1].link

    assert link.counters == together.counters
    assert link.slots == together.slots


def named_report() -> bytes:
    """A report with two devices and names, from ten minutes of samples."""
    clock = ManualClock(utc=1_790_000_000_000)
    metering = Metering(clock, HolderNaming(SALT, NamePolicy.PLAIN))
    for _ in range(90):
        clock.advance(1_000)
        metering.observe(_batch(clock.boottime))
    stretches = []
    while (stretch := metering.finish()) is not None:
        stretches.append(stretch)
    (report,) = sealer().seal(stretches, FIRST, clock.utc)
    return report.wire


def _batch(at: int) -> SampleBatch:
    samples = tuple(Sample(device=device(number), seen=_busy(at)) for number in range(2))
    return SampleBatch(boottime_ms=at, meter=METER, samples=samples)


def _busy(at: int) -> Observation:
    return Observation(
        utilisation_ppm=500_000,
        energy_counter_mj=at * 300,
        power_mw=300_000,
        memory_used_bytes=1 << 30,
        holders=frozenset({Holder(HolderKind.SLURM_JOB, "4711")}),
    )


def test_no_byte_can_be_changed() -> None:
    """Every byte, two ways: refused, or what is opened says exactly the same.

    Only the key hint, which proves nothing, and the loss of an erasable name block stay unnoticed.
    """
    wire = named_report()
    true = chain.open_report(wire, KEY.public_key())
    unnoticed = 0
    for place in range(len(wire)):
        for flip in (0x01, 0x80):
            changed = bytearray(wire)
            changed[place] ^= flip
            try:
                opened = chain.open_report(bytes(changed), KEY.public_key())
            except ContractError:
                continue
            unnoticed += 1
            assert opened.message.header == true.message.header
            for block, original in zip(opened.message.blocks, true.message.blocks, strict=True):
                erased = block.kind == report_pb2.BLOCK_KIND_HOLDER_NAMES and not block.content
                assert erased or (block.salt, block.content) == (original.salt, original.content)

    assert unnoticed < 40


def test_another_key_is_refused() -> None:
    """A report verifies under its host's key only."""
    other = ec.derive_private_key(0xBAD, ec.SECP256R1())

    with pytest.raises(ContractError):
        chain.open_report(named_report(), other.public_key())


def test_erasing_a_name_block_keeps_every_proof() -> None:
    """Content and salt of a name block may go; signature, chain and device blocks still verify."""
    wire = named_report()
    message = report_pb2.Report.FromString(wire)
    names = [b for b in message.blocks if b.kind == report_pb2.BLOCK_KIND_HOLDER_NAMES]
    assert len(names) == 2
    assert b"4711" in wire

    for block in names:
        block.content = block.salt = b""
    erased = message.SerializeToString()
    opened = chain.open_report(erased, KEY.public_key())

    assert b"4711" not in erased
    assert opened.sha256 == chain.open_report(wire, KEY.public_key()).sha256
    assert blocks_of(opened) == blocks_of(chain.open_report(wire, KEY.public_key()))


def test_erasing_a_device_block_is_refused() -> None:
    """Only names may be erased."""
    message = report_pb2.Report.FromString(named_report())
    message.blocks[0].content = b""

    with pytest.raises(ContractError):
        chain.open_report(message.SerializeToString(), KEY.public_key())


@pytest.mark.parametrize("policy", [NamePolicy.NONE, NamePolicy.HASH])
def test_names_leave_the_host_only_as_set(policy: NamePolicy) -> None:
    """With none or hash the name itself stands nowhere in the bytes."""
    clock = ManualClock(utc=1_790_000_000_000)
    metering = Metering(clock, HolderNaming(SALT, policy))
    for _ in range(10):
        clock.advance(1_000)
        metering.observe(_batch(clock.boottime))
    stretch = metering.finish()
    assert stretch is not None
    (report,) = sealer().seal([stretch], FIRST, clock.utc)
    kinds = [b.kind for b in report_pb2.Report.FromString(report.wire).blocks]

    assert b"4711" not in report.wire
    assert (report_pb2.BLOCK_KIND_HOLDER_NAMES in kinds) == (policy is NamePolicy.HASH)


def test_an_epoch_is_opened_by_its_first_report_only() -> None:
    """Epoch and sequence step over, the opening states what is known, later reports carry none."""
    clock = ManualClock(utc=1_790_000_000_000)
    metering = Metering(clock, HolderNaming(SALT))
    for _ in range(5 * 60):
        clock.advance(1_000)
        metering.observe(_batch(clock.boottime))
    stretches = list(iter(metering.cut, None))
    before = ChainLink(host_id=HOST_ID, epoch=4, sequence=9, sha256=bytes(range(32)))
    opening = EpochOpening(
        reason=EpochReason.SPOOL_CORRUPT,
        last_epoch=4,
        last_sequence=9,
        last_sha256=bytes(range(32)),
        lost_first_sequence=7,
        lost_last_sequence=8,
    )
    first = sealer().seal(stretches[:1], before, 1, opening)[-1]
    second = sealer().seal([_empty_after(stretches[0])], first.link, 1)[-1]
    headers = [chain.open_report(r.wire, KEY.public_key()).header for r in (first, second)]

    assert [(h.epoch, h.sequence) for h in headers] == [(5, 1), (5, 2)]
    assert headers[0].epoch_opening.reason == report_pb2.EPOCH_REASON_SPOOL_CORRUPT
    assert headers[0].epoch_opening.lost_last_sequence == 8
    assert not headers[1].HasField("epoch_opening")
    head = chain.Head(4, 12, bytes(32))
    assert chain.place_report(head, headers[0]) is chain.Place.OPENS_EPOCH


def _empty_after(stretch: Stretch) -> Stretch:
    return replace(
        stretch,
        start_boottime_ms=stretch.end_boottime_ms,
        end_boottime_ms=stretch.end_boottime_ms + 60_000,
        devices=(),
        events=(),
    )


def test_a_report_with_nothing_to_say_is_sealed() -> None:
    """No device, no event: still a report that follows and keeps every counter."""
    opened = chain.open_report(named_report(), KEY.public_key())
    link = link_after(FIRST, opened.wire)
    clock = ManualClock(utc=1_790_000_000_000, boottime=1_000_000)
    empty = Metering(clock, HolderNaming(SALT)).flush()
    (report,) = sealer().seal([empty], link, 1)
    header = chain.open_report(report.wire, KEY.public_key()).header

    assert header.sequence == 2
    assert list(header.counters) == list(opened.header.counters)


def test_too_much_for_one_report_becomes_several() -> None:
    """Readings, events and length beyond the limits are split; every limit holds, sums stay."""
    clock = ManualClock(utc=1_790_000_040_000)
    metering = Metering(clock, HolderNaming(SALT))
    for number in range(60):
        metering.integrator.observe_span(device(number), 0, 100 * 60_000, _busy(0))
    clock.advance(100 * 60_000)
    stretch = metering.cut()
    assert stretch is not None
    events = tuple(
        HostEvent(boottime_ms=at, kind=HostEventKind.CONFIGURED)
        for at in range(0, 3_000_000, 1_000)
    )
    reports = sealer().seal([replace(stretch, events=events)], FIRST, 1)
    opened = open_all(reports)

    assert len(opened) > 1
    for report in opened:
        assert len(report.wire) <= limits.REPORT_BYTES_MAX
        assert sum(len(block.readings) for block in blocks_of(report)) <= 4_096
        assert len(report.header.events) <= limits.EVENTS_PER_REPORT_MAX
    assert sum(len(report.header.events) for report in opened) == 3_000
    observed = [c.observed_ms for c in opened[-1].header.counters]
    assert observed == [100 * 60_000] * 60


def test_a_report_described_is_the_report_that_is_sent() -> None:
    """Every field of header and blocks stands in the description, enums by name, bytes in hex."""
    wire = named_report()
    described = describe_report(wire)
    message, header = chain.parse_report(wire)

    assert described["sha256"] == signing.report_sha256(message.header).hex()
    assert described["bytes"] == len(wire)
    assert set(described["header"]) == {f.name for f in header.DESCRIPTOR.fields}
    assert described["header"]["host_id"] == HOST_ID
    assert described["header"]["epoch_opening"] is None
    kinds = [block["kind"] for block in described["blocks"]]
    assert kinds == ["BLOCK_KIND_DEVICE", "BLOCK_KIND_HOLDER_NAMES"] * 2
    assert described["blocks"][1]["content"]["names"][0]["name"] == "4711"
