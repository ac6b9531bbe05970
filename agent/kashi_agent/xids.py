"""Error events of devices, each told once, though the driver's library and the kernel's log both
have most of them.

Within a while of each other, the first event of one source and the first of the other are one
event, the second and the second another: as many are told as the source that has more of them has.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final

from kashi_agent.kernel_log import KernelLog, place_of
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import DeviceEvent, Meter, SampleBatch

TOGETHER_MS: Final = 10_000
"""An event both sources have reaches them within a tick or two."""


class _Source(IntEnum):
    LIBRARY = 0
    KERNEL = 1


@dataclass(slots=True)
class _Tally:
    """How many events of one number on one device each source has had, lately."""

    heard_ms: int
    counts: list[int] = field(default_factory=lambda: [0, 0])


class XidWatch:
    """Stands between a meter's batches and the agent; reads the kernel's log beside them."""

    def __init__(self, log: KernelLog) -> None:
        self._log = log
        self._meter: Meter | None = None
        self._devices: dict[str, str] = {}
        self._tallies: dict[tuple[str, int], _Tally] = {}
        self._told_sequence = 0

    def resume(self, sequence: int) -> None:
        """An agent listens that was told of the kernel's log up to this record; 0: of nothing."""
        self._log.resume(sequence)
        self._told_sequence = sequence

    def added(self, batch: SampleBatch) -> SampleBatch:
        """The batch without what was told already, and with what only the kernel tells."""
        self._meter = batch.meter
        for sample in batch.samples:
            device = sample.device
            if not device.parent_hardware_id:
                self._devices[place_of(device.pci_bus_id)] = device.hardware_id
        kept = (event for event in batch.events if self._is_news(event))
        events = (*kept, *self._from_kernel(batch.boottime_ms))
        sequence = self._news()
        if events == batch.events and not sequence:
            return batch
        return replace(batch, events=events, kernel_sequence=sequence)

    def alone(self, boottime_ms: int) -> SampleBatch | None:
        """What the kernel tells while no batch comes; None: nothing. Before the first batch nothing
        is read: whose places on the bus they are is not known yet."""
        events = () if self._meter is None else self._from_kernel(boottime_ms)
        if self._meter is None or not events:
            return None
        return SampleBatch(
            boottime_ms=boottime_ms,
            meter=self._meter,
            samples=(),
            events=events,
            kernel_sequence=self._news(),
        )

    def _news(self) -> int:
        """Up to where the log was read, if the agent has not been told; else 0."""
        if self._log.sequence == self._told_sequence:
            return 0
        self._told_sequence = self._log.sequence
        return self._told_sequence

    def _is_news(self, event: DeviceEvent) -> bool:
        if event.kind != DeviceEventKind.XID:
            return True
        return self._count(_Source.LIBRARY, event.hardware_id, event.value, event.boottime_ms)

    def _from_kernel(self, boottime_ms: int) -> tuple[DeviceEvent, ...]:
        return tuple(
            DeviceEvent(
                hardware_id=hardware_id,
                boottime_ms=boottime_ms,
                kind=DeviceEventKind.XID,
                detail=f"XID {xid.number} (kernel)",
                value=xid.number,
            )
            for xid in self._log.xids()
            if (hardware_id := self._devices.get(xid.place)) is not None
            and self._count(_Source.KERNEL, hardware_id, xid.number, boottime_ms)
        )

    def _count(self, source: _Source, hardware_id: str, number: int, boottime_ms: int) -> bool:
        """Count an event; whether the other source has not had it yet."""
        tally = self._tallies.get((hardware_id, number))
        if tally is None or boottime_ms - tally.heard_ms > TOGETHER_MS:
            tally = self._tallies[hardware_id, number] = _Tally(boottime_ms)
        tally.heard_ms = boottime_ms
        tally.counts[source] += 1
        return tally.counts[source] > tally.counts[1 - source]
