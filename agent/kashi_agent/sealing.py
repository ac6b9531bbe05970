"""Sealing: what was measured becomes signed reports, each following the one before.

The only place that builds the contract's report messages. Pure but for the signature and the
salts, whose source of randomness is an argument. `describing` reads the same bytes back for people.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import cast

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import limits, signing
from kashi.chain import parse_report
from kashi.v1 import report_pb2

from kashi_agent.chain_link import ChainLink, EpochOpening
from kashi_agent.describing import describe_report
from kashi_agent.fitting import fitted, halves, join_stretches
from kashi_agent.reading import Counters, DeviceMinutes, Gap, HostEvent, Reading
from kashi_agent.sample import Device, DeviceEvent, Meter
from kashi_agent.stretch import Stretch

__all__ = ["Sealed", "Sealer", "describe_report", "link_after"]

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A sealed report: its exact bytes, what it speaks of, and the link for the next one."""

    wire: bytes
    stretch: Stretch
    sealed_utc_ms: int
    link: ChainLink


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Signs with one host's report key; `random_bytes` makes the salts."""

    key: ec.EllipticCurvePrivateKey
    agent_version: str
    random_bytes: RandomBytes

    def seal(
        self,
        stretches: Sequence[Stretch],
        link: ChainLink,
        sealed_utc_ms: int,
        opening: EpochOpening | None = None,
    ) -> list[Sealed]:
        """Reports of stretches that follow each other on one axis: one, or as many as it takes.

        `opening`: the first of them opens the epoch after the link's. The last one's link is where
        the next call goes on.

        Raises:
            ValueError: the stretches are none, of several axes, or leave a hole.
        """
        sealed: list[Sealed] = []
        for part in fitted(join_stretches(stretches)):
            for report in self._within_size(part, link, sealed_utc_ms, opening):
                sealed.append(report)
                link, opening = report.link, None
        return sealed

    def _within_size(
        self, stretch: Stretch, link: ChainLink, sealed_utc_ms: int, opening: EpochOpening | None
    ) -> Iterator[Sealed]:
        report = self._seal_one(stretch, link, sealed_utc_ms, opening)
        parts = halves(stretch) if len(report.wire) > limits.REPORT_BYTES_MAX else (stretch,)
        if parts == (stretch,):
            yield report
            return
        for part in parts:
            for smaller in self._within_size(part, link, sealed_utc_ms, opening):
                yield smaller
                link, opening = smaller.link, None

    def _seal_one(
        self, stretch: Stretch, link: ChainLink, sealed_utc_ms: int, opening: EpochOpening | None
    ) -> Sealed:
        link = _following(link, stretch.devices, opens=opening is not None)
        blocks = [
            block
            for minutes in stretch.devices
            for block in self._blocks(minutes, link.slots[minutes.device.hardware_id])
        ]
        header = _header(stretch, link, self.agent_version, sealed_utc_ms, opening)
        header.blocks.extend(_digest(block) for block in blocks)
        signed = header.SerializeToString(deterministic=True)
        report = report_pb2.Report(
            header=signed,
            signatures=[signing.sign(self.key, signing.REPORT, signed)],
            blocks=blocks,
        )
        return Sealed(
            wire=report.SerializeToString(deterministic=True),
            stretch=stretch,
            sealed_utc_ms=sealed_utc_ms,
            link=replace(link, sha256=signing.report_sha256(signed)),
        )

    def _blocks(self, minutes: DeviceMinutes, slot: int) -> Iterator[report_pb2.Block]:
        yield self._block(report_pb2.BLOCK_KIND_DEVICE, _device_block(minutes, slot))
        named = [holder for holder in minutes.holders if holder.name]
        if named:
            names = report_pb2.HolderNameBlock(
                names=[
                    report_pb2.HolderName(key=holder.key, name=_text(holder.name))
                    for holder in named
                ]
            )
            yield self._block(report_pb2.BLOCK_KIND_HOLDER_NAMES, names)

    def _block(
        self,
        kind: report_pb2.BlockKind,
        content: report_pb2.DeviceBlock | report_pb2.HolderNameBlock,
    ) -> report_pb2.Block:
        return report_pb2.Block(
            kind=kind,
            salt=self.random_bytes(signing.SALT_BYTES),
            content=content.SerializeToString(deterministic=True),
        )


def link_after(link: ChainLink, wire: bytes) -> ChainLink:
    """The link once a sealed report stands: what a host learns from its own spool.

    Raises:
        kashi.errors.FormError: the bytes are no report.
    """
    message, header = parse_report(wire)
    slots = dict(link.slots)
    for block in message.blocks:
        if block.kind == report_pb2.BLOCK_KIND_DEVICE:
            content = report_pb2.DeviceBlock.FromString(block.content)
            slots[content.device.hardware_id] = content.slot
    return ChainLink(
        host_id=link.host_id,
        epoch=header.epoch,
        sequence=header.sequence,
        sha256=signing.report_sha256(message.header),
        slots=slots,
        counters={total.slot: _counters(total) for total in header.counters},
    )


def _following(link: ChainLink, devices: Sequence[DeviceMinutes], *, opens: bool) -> ChainLink:
    """The link of the next report, its hash still that of the report before."""
    for minutes in devices:
        hardware_id = minutes.device.hardware_id
        slot = link.slot(hardware_id)
        before = link.counters.get(slot, Counters())
        link = replace(
            link,
            slots={**link.slots, hardware_id: slot},
            counters={**link.counters, slot: before.plus(minutes)},
        )
    if opens:
        return replace(link, epoch=link.epoch + 1, sequence=1)
    return replace(link, sequence=link.sequence + 1)


def _header(
    stretch: Stretch,
    link: ChainLink,
    agent_version: str,
    sealed_utc_ms: int,
    opening: EpochOpening | None,
) -> report_pb2.ReportHeader:
    segment, clock = stretch.segment, stretch.clock
    return report_pb2.ReportHeader(
        host_id=link.host_id,
        boot_id=stretch.boot_id,
        segment=report_pb2.Segment(
            number=segment.number,
            anchor_utc_ms=segment.anchor_utc_ms,
            start_boottime_ms=segment.start_boottime_ms,
        ),
        epoch=link.epoch,
        sequence=link.sequence,
        previous_sha256=link.sha256,
        start_boottime_ms=stretch.start_boottime_ms,
        end_boottime_ms=stretch.end_boottime_ms,
        sealed_utc_ms=sealed_utc_ms,
        clock=report_pb2.ClockState(
            sync=cast("report_pb2.ClockSync", clock.sync),
            offset_ms=clock.offset_ms,
            error_us_max=clock.error_us_max,
        ),
        meters=[_meter(meter) for meter in stretch.meters],
        counters=[_totals(slot, link.counters[slot]) for slot in _stated_slots(link, stretch)],
        epoch_opening=None if opening is None else _opening(opening),
        events=[_host_event(event) for event in stretch.events],
        agent_version=_text(agent_version),
        devices_counted_only=stretch.devices_counted_only,
    )


def _stated_slots(link: ChainLink, stretch: Stretch) -> list[int]:
    """Every slot there is. Beyond the limit (partitions that came and went), the oldest that this
    report does not speak of fall away; the server then quarantines one report, visibly."""
    spoken = {link.slots[minutes.device.hardware_id] for minutes in stretch.devices}
    others = sorted(set(link.counters) - spoken, reverse=True)
    room = limits.DEVICES_PER_HOST_MAX - len(spoken)
    return sorted(spoken | set(others[: max(0, room)]))


def _device_block(minutes: DeviceMinutes, slot: int) -> report_pb2.DeviceBlock:
    start = minutes.start_boottime_ms
    return report_pb2.DeviceBlock(
        slot=slot,
        device=_device(minutes.device),
        start_boottime_ms=start,
        end_boottime_ms=minutes.end_boottime_ms,
        readings=[_reading(reading, start) for reading in minutes.readings],
        gaps=[_gap(gap, start) for gap in minutes.gaps],
        events=[_device_event(event) for event in minutes.events],
        holders=[
            report_pb2.Holder(kind=cast("report_pb2.HolderKind", holder.kind), key=holder.key)
            for holder in minutes.holders
        ],
    )


def _device(device: Device) -> report_pb2.Device:
    return report_pb2.Device(
        vendor=cast("report_pb2.Vendor", device.vendor),
        hardware_id=_text(device.hardware_id),
        parent_hardware_id=_text(device.parent_hardware_id),
        model=_text(device.model),
        serial=_text(device.serial),
        pci_bus_id=_text(device.pci_bus_id),
        memory_bytes=device.memory_bytes,
        share_numerator=device.share_numerator,
        share_denominator=device.share_denominator,
        meter=cast("report_pb2.MeterKind", device.meter),
    )


def _reading(reading: Reading, start_boottime_ms: int) -> report_pb2.Reading:
    return report_pb2.Reading(
        start_offset_ms=reading.start_boottime_ms - start_boottime_ms,
        span_ms=reading.span_ms,
        observed_ms=reading.observed_ms,
        held_known_ms=reading.held_known_ms,
        held_ms=reading.held_ms,
        utilisation_known_ms=reading.utilisation_known_ms,
        active_ms=reading.active_ms,
        utilised_ns=reading.utilised_ns,
        unattributed_ms=reading.unattributed_ms,
        energy_known_ms=reading.energy_known_ms,
        energy_mj=reading.energy_mj,
        energy_integrated=reading.energy_integrated,
        memory_used_bytes_max=reading.memory_used_bytes_max,
        holder_times=[
            report_pb2.HolderTime(holder=time.holder, held_ms=time.held_ms, share_ms=time.share_ms)
            for time in reading.holder_times
        ],
    )


def _gap(gap: Gap, start_boottime_ms: int) -> report_pb2.Gap:
    known = gap.continuity
    return report_pb2.Gap(
        start_offset_ms=gap.start_boottime_ms - start_boottime_ms,
        span_ms=gap.span_ms,
        reason=cast("report_pb2.GapReason", gap.reason),
        continuity=report_pb2.Continuity(
            same_driver=known.same_driver,
            same_holders=known.same_holders,
            energy_mj=known.energy_mj,
        ),
    )


def _device_event(event: DeviceEvent) -> report_pb2.DeviceEvent:
    return report_pb2.DeviceEvent(
        boottime_ms=event.boottime_ms,
        kind=cast("report_pb2.DeviceEventKind", event.kind),
        detail=_text(event.detail),
        value=event.value,
    )


def _host_event(event: HostEvent) -> report_pb2.HostEvent:
    return report_pb2.HostEvent(
        boottime_ms=event.boottime_ms,
        kind=cast("report_pb2.HostEventKind", event.kind),
        detail=_text(event.detail),
        value=event.value,
    )


def _meter(meter: Meter) -> report_pb2.MeterDescription:
    return report_pb2.MeterDescription(
        kind=cast("report_pb2.MeterKind", meter.kind),
        cadence_ms=meter.cadence_ms,
        library_version=_text(meter.library_version),
        driver_version=_text(meter.driver_version),
    )


def _opening(opening: EpochOpening) -> report_pb2.EpochOpening:
    return report_pb2.EpochOpening(
        reason=cast("report_pb2.EpochReason", opening.reason),
        last_epoch=opening.last_epoch,
        last_sequence=opening.last_sequence,
        last_sha256=opening.last_sha256,
        lost_first_sequence=opening.lost_first_sequence,
        lost_last_sequence=opening.lost_last_sequence,
    )


def _totals(slot: int, total: Counters) -> report_pb2.DeviceCounters:
    return report_pb2.DeviceCounters(
        slot=slot,
        observed_ms=total.observed_ms,
        gap_ms=total.gap_ms,
        held_ms=total.held_ms,
        active_ms=total.active_ms,
        utilised_ns=total.utilised_ns,
        energy_mj=total.energy_mj,
    )


def _counters(total: report_pb2.DeviceCounters) -> Counters:
    return Counters(
        observed_ms=total.observed_ms,
        gap_ms=total.gap_ms,
        held_ms=total.held_ms,
        active_ms=total.active_ms,
        utilised_ns=total.utilised_ns,
        energy_mj=total.energy_mj,
    )


def _digest(block: report_pb2.Block) -> report_pb2.BlockDigest:
    return report_pb2.BlockDigest(
        kind=block.kind, sha256=signing.block_sha256(block.salt, block.content)
    )


def _text(text: str) -> str:
    """A text as the contract takes it: UTF-8, no zero byte, not too long."""
    clean = text.encode("utf-8", "replace").decode("utf-8").replace("\0", "?")
    return clean[: limits.TEXT_CHARACTERS_MAX]
