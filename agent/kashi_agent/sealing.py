"""Sealing: what was measured becomes signed reports, each following the one before.

Pure but for the signature and the salts, whose source of randomness is an argument. `contract`
makes the messages, `describing` reads the same bytes back for people.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import limits, signing
from kashi.chain import parse_report
from kashi.v1 import report_pb2

from kashi_agent.chain_link import ChainLink, EpochOpening
from kashi_agent.contract import (
    clean,
    contents_of,
    counters_of,
    header_of,
    opening_of,
    totals_of,
)
from kashi_agent.fitting import fitted, halves, join_stretches
from kashi_agent.reading import Counters, DeviceMinutes
from kashi_agent.stretch import Stretch

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
            report_pb2.Block(
                kind=kind,
                salt=self.random_bytes(signing.SALT_BYTES),
                content=content.SerializeToString(deterministic=True),
            )
            for minutes in stretch.devices
            for kind, content in contents_of(minutes, link.slots[minutes.device.hardware_id])
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
        counters={total.slot: counters_of(total) for total in header.counters},
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
    header = header_of(stretch)
    header.MergeFrom(
        report_pb2.ReportHeader(
            host_id=link.host_id,
            epoch=link.epoch,
            sequence=link.sequence,
            previous_sha256=link.sha256,
            sealed_utc_ms=sealed_utc_ms,
            counters=[
                totals_of(slot, link.counters[slot]) for slot in _stated_slots(link, stretch)
            ],
            epoch_opening=None if opening is None else opening_of(opening),
            agent_version=clean(agent_version),
        )
    )
    return header


def _stated_slots(link: ChainLink, stretch: Stretch) -> list[int]:
    """Every slot there is. Beyond the limit (partitions that came and went), the oldest that this
    report does not speak of fall away; the server then quarantines one report, visibly."""
    spoken = {link.slots[minutes.device.hardware_id] for minutes in stretch.devices}
    others = sorted(set(link.counters) - spoken, reverse=True)
    room = limits.DEVICES_PER_HOST_MAX - len(spoken)
    return sorted(spoken | set(others[: max(0, room)]))


def _digest(block: report_pb2.Block) -> report_pb2.BlockDigest:
    return report_pb2.BlockDigest(
        kind=block.kind, sha256=signing.block_sha256(block.salt, block.content)
    )
