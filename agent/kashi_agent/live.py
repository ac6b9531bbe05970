"""What the meter sees right now, in a file beside its socket: for `kashi-agent top`.

Written into memory (`/run`), never into the state folder: nothing is lost when it is. While
somebody reads it, it is written at every batch; while nobody does, every few seconds: writing it
costs as much as all of the metering. The file's own time of access tells (where the mount keeps
none, a reader sees the slower pace).
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kashi_agent.reading import Counters
from kashi_agent.sample import Absent, Holder, Observation, Sample, SampleBatch, known
from kashi_agent.shown import read_shown, write_shown

FORMAT: Final = "kashi/v1/agent-live"
IDLE_MS: Final = 10_000
"""Between writes that nobody read."""
TOTALS_EVERY_MS: Final = 10_000
"""Totals are added up less often than samples come."""


_OF_DEVICE: Final = (
    *("hardware_id", "parent_hardware_id", "model", "memory_bytes"),
    *("share_numerator", "share_denominator"),
)
_TOTALS: Final = ("observed_ms", "gap_ms", "held_ms", "utilised_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveDevice:
    """One device at the last batch; None: not known, `absent` why the device as a whole is not,
    `holders_absent` why its holders are not.

    Power is what the energy counter moved by since the batch before, or what the driver says; the
    totals are since the agent started.
    """

    hardware_id: str
    parent_hardware_id: str
    model: str
    share_numerator: int
    share_denominator: int
    absent: str
    utilisation_ppm: int | None
    memory_used_bytes: int | None
    memory_bytes: int
    power_mw: int | None
    holders: list[str] | None
    holders_absent: str
    observed_ms: int
    gap_ms: int
    held_ms: int
    utilised_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveView:
    """All devices of a host at the last batch."""

    written_utc_ms: int
    meter: str
    cadence_ms: int
    devices: list[LiveDevice]

    def write(self, path: Path) -> None:
        """Replace the file, for this user and its group."""
        # Once a second: `asdict` copies every value and costs as much as all of the metering.
        devices = [
            {name: getattr(device, name) for name in LiveDevice.__slots__}
            for device in self.devices
        ]
        view = {name: getattr(self, name) for name in LiveView.__slots__}
        write_shown(path, FORMAT, {**view, "devices": devices}, mode=0o640)


def read_live(path: Path) -> LiveView:
    """What the agent last wrote.

    Raises:
        AgentError: it does not run, or the file is damaged.
    """
    absent = (
        "此处没有见到设备的代理在运行；原因见 kashi-agent doctor",
        "no agent runs here that has seen a device; kashi-agent doctor says why",
    )
    return read_shown(path, FORMAT, _view_of, absent)


def _view_of(fields: dict[str, Any]) -> LiveView:
    devices = [LiveDevice(**one) for one in fields.pop("devices")]
    return LiveView(**fields, devices=devices)


@dataclass(slots=True, kw_only=True)
class LiveBoard:
    """Shows batches as they come. `counters` gives totals by hardware id."""

    path: Path
    utc_ms: Callable[[], int]
    counters: Callable[[], Mapping[str, Counters]]
    _totals: Mapping[str, Counters] = field(default_factory=dict)
    _totals_due_ms: int = 0
    _due_ms: int = 0
    _before: dict[str, tuple[int, int]] = field(default_factory=dict)
    _memory: dict[str, int] = field(default_factory=dict)

    def show(self, batch: SampleBatch) -> None:
        """Write what a batch says, if it is read or has grown old; a folder that takes nothing must
        not stop the agent."""
        self._note_memory(batch)
        if batch.boottime_ms < self._due_ms and not self._was_read():
            return
        self._due_ms = batch.boottime_ms + IDLE_MS
        if batch.boottime_ms >= self._totals_due_ms:
            self._totals = self.counters()
            self._totals_due_ms = batch.boottime_ms + TOTALS_EVERY_MS
        view = LiveView(
            written_utc_ms=self.utc_ms(),
            meter=batch.meter.kind.name.lower(),
            cadence_ms=batch.meter.cadence_ms,
            devices=[self._device(sample, batch.boottime_ms) for sample in batch.samples],
        )
        with suppress(OSError):
            view.write(self.path)

    def _was_read(self) -> bool:
        """Whether anybody read the file since it was written; a missing one is written anew."""
        try:
            stood = self.path.stat()
        except OSError:
            return True
        return stood.st_atime_ns > stood.st_mtime_ns

    def _device(self, sample: Sample, at_ms: int) -> LiveDevice:
        device, seen = sample.device, sample.seen
        total = self._totals.get(device.hardware_id, Counters())
        shown = None if isinstance(seen, Absent) else seen
        return LiveDevice(
            absent=_reason(seen),
            utilisation_ppm=None if shown is None else known(shown.utilisation_ppm),
            memory_used_bytes=None if shown is None else self._memory.get(device.hardware_id),
            power_mw=None if shown is None else self._power(device.hardware_id, shown, at_ms),
            holders=None if shown is None else _names(shown.holders),
            holders_absent="" if shown is None else _reason(shown.holders),
            **{name: getattr(device, name) for name in _OF_DEVICE},
            **{name: getattr(total, name) for name in _TOTALS},
        )

    def _note_memory(self, batch: SampleBatch) -> None:
        """Memory is read in turns: what was last seen is what is shown."""
        for sample in batch.samples:
            if not isinstance(sample.seen, Absent):
                used = sample.seen.memory_used_bytes
                if isinstance(used, int):
                    self._memory[sample.device.hardware_id] = used

    def _power(self, hardware_id: str, seen: Observation, at_ms: int) -> int | None:
        counter_mj = seen.energy_counter_mj
        if isinstance(counter_mj, Absent):
            return known(seen.power_mw)
        before_ms, before_mj = self._before.get(hardware_id, (at_ms, counter_mj))
        self._before[hardware_id] = (at_ms, counter_mj)
        if at_ms <= before_ms or counter_mj < before_mj:
            return None
        return (counter_mj - before_mj) * 1_000 // (at_ms - before_ms)


def _names(holders: frozenset[Holder] | Absent) -> list[str] | None:
    if isinstance(holders, Absent):
        return None
    return sorted(f"{one.kind.name.lower()}:{one.label or one.name}" for one in holders)


def _reason(value: object) -> str:
    return str(value.reason) if isinstance(value, Absent) else ""
