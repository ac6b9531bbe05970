"""What ingestion, restoration and fsck ask of storage: rows in, rows out, in plain values."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from kashi.chain import NO_HEAD, Head

from kashi_server.domain.device_time import Counts
from kashi_server.domain.report import DeviceDescription, EpochOpening
from kashi_server.domain.usage import DeviceHour
from kashi_server.errors import StorageError

Place = tuple[int, int]
"""Epoch and sequence."""


BASE_EVERY = 64
"""One report in so many is stored whole; those after it are stored by what they say anew."""


def base_sequence(sequence: int) -> int:
    """The report of the same epoch against which the one at a sequence is stored: maybe itself."""
    return sequence - (sequence - 1) % BASE_EVERY


class FactsRefused(StorageError):
    """The database refused a row: some member of the unit breaks a constraint."""


@dataclass(frozen=True, slots=True)
class HeldHead:
    """A host's head as it is stored, with what it vouches for.

    `revision` counts changes by others than ingestion: restorations, repairs.
    """

    head: Head = NO_HEAD
    counted_until_utc_ms: int = 0
    projected: Place = (0, 0)
    revision: int = 0


@dataclass(frozen=True, slots=True)
class HeadRow:
    """A host's head as it will be stored."""

    host_id: str
    head: Head
    received_utc_ms: int
    reported_until_utc_ms: int
    counted_until_utc_ms: int
    projected: Place
    agent_version: str
    clock_sync: int
    clock_offset_ms: int
    devices_counted_only: int


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A report with its receipt, both as exact bytes.

    Attributes:
        clock_offset_ms: how far the wall clock stood from the axis of its labels.
        digests: the digests of its blocks, all of which are hashes of salt and content; or none.
        base: the report that it repeats most of; None if it stands by itself.
    """

    host_id: str
    epoch: int
    sequence: int
    sha256: bytes
    start_utc_ms: int
    end_utc_ms: int
    received_utc_ms: int
    clock_offset_ms: int
    verdict: int
    reason: int
    counted: bool
    wire: bytes
    receipt: bytes
    digests: Sequence[bytes] = ()
    base: bytes | None = None
    clock_sync: int = 0


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A device on a host; `first_utc_ms` None: nothing of it counts yet."""

    host_id: str
    slot: int | None
    device: DeviceDescription
    first_utc_ms: int | None
    described_utc_ms: int


@dataclass(frozen=True, slots=True)
class GapRow:
    """A reported gap of a counted report."""

    host_id: str
    place: Place
    ordinal: int
    hardware_id: str
    start_utc_ms: int
    end_utc_ms: int
    reason: int
    same_driver: bool | None
    same_holders: bool | None
    energy_mj: int | None


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of a host, or of a device if `hardware_id` names one."""

    host_id: str
    place: Place
    ordinal: int
    hardware_id: str
    utc_ms: int
    kind: int
    detail: str
    value: int


@dataclass(frozen=True, slots=True)
class EpochRow:
    """An epoch above 1 and how it was opened."""

    host_id: str
    epoch: int
    opened_utc_ms: int
    opening: EpochOpening


@dataclass(frozen=True, slots=True)
class ForkRow:
    """Evidence: a report whose place was taken by other bytes."""

    host_id: str
    epoch: int
    sequence: int
    sha256: bytes
    received_utc_ms: int
    wire: bytes


@dataclass(slots=True)
class FactBatch:
    """Everything one unit of work adds, written together."""

    reports: list[ReportRow] = field(default_factory=list)
    heads: dict[str, HeadRow] = field(default_factory=dict)
    devices: list[DeviceRow] = field(default_factory=list)
    gaps: list[GapRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    epochs: list[EpochRow] = field(default_factory=list)
    forks: list[ForkRow] = field(default_factory=list)
    hours: list[DeviceHour] = field(default_factory=list)

    def clear(self) -> None:
        """Forget what was written."""
        for rows in (self.reports, self.heads, self.devices, self.gaps):
            rows.clear()
        for more in (self.events, self.epochs, self.forks, self.hours):
            more.clear()


@dataclass(frozen=True, slots=True)
class ChainRecord:
    """What is stored of the end of a host's chain.

    Attributes:
        head_wire: bytes of the report at the head; None before the first.
        base_wire: bytes of the report that the next one is stored against; None if it will stand
            by itself.
        devices: every device ever described on the host.
        epochs_opened_utc_ms: when its epochs above 1 were opened.
        unprojected: bytes of the counted reports that do not stand in device-hours yet.
    """

    head_wire: bytes | None
    base_wire: bytes | None
    devices: Sequence[DeviceRow]
    epochs_opened_utc_ms: Sequence[int]
    unprojected: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class StoredReport:
    """A report as it is stored; its clock as `ReportRow` keeps it."""

    host_id: str
    epoch: int
    sequence: int
    sha256: bytes
    verdict: int
    reason: int
    counted: bool
    start_utc_ms: int
    end_utc_ms: int
    received_utc_ms: int
    wire: bytes
    receipt: bytes
    clock_offset_ms: int
    clock_sync: int


@dataclass(slots=True)
class StoredProjection:
    """Everything of a host that follows from its stored reports and can be built again.

    Attributes:
        hours: device-hours by (hardware id, hour), as far as they are written.
        totals: the sums that stand beside each, in the order of `QUANTITY_NAMES`.
        peaks_ms: the most that a minute of each was observed, as it is noted; None: it is not.
        days: by (hardware id, day of Asia/Shanghai), the sums and the peak of its hours.
        gaps: gaps by place and ordinal.
        facts: events that state a fact by place and ordinal, of every stored report.
        first_utc_ms: start of the first counted reading or gap of each device that has one.
        described: descriptions of devices: the stored one, or all that count, the newest last.
        counted: places of the reports that are marked as counted.
        held: the head with how far it is projected and counted.
    """

    hours: dict[tuple[str, int], DeviceHour] = field(default_factory=dict)
    totals: dict[tuple[str, int], Counts] = field(default_factory=dict)
    peaks_ms: dict[tuple[str, int], int | None] = field(default_factory=dict)
    days: dict[tuple[str, int], tuple[Counts, int | None]] = field(default_factory=dict)
    gaps: dict[tuple[Place, int], GapRow] = field(default_factory=dict)
    facts: dict[tuple[Place, int], EventRow] = field(default_factory=dict)
    first_utc_ms: dict[str, int] = field(default_factory=dict)
    described: dict[str, list[DeviceDescription]] = field(default_factory=dict)
    counted: set[Place] = field(default_factory=set)
    held: HeldHead = field(default_factory=HeldHead)


class FactsPort(Protocol):
    """The repository of facts, as the services of this room use it."""

    def lock_heads(self, host_ids: Sequence[str]) -> Mapping[str, HeldHead]:
        """Heads of the hosts that have one, locked in host order until the unit ends."""

    def chain_record(self, host_id: str, held: HeldHead) -> ChainRecord:
        """What is stored of the end of a host's chain."""

    def stored(self, host_id: str, epoch: int, sequence: int) -> StoredReport | None:
        """The report at a place."""

    def counted_within(
        self, host_id: str, start_utc_ms: int, end_utc_ms: int
    ) -> Sequence[StoredReport]:
        """Counted reports of a host whose label touches [start, end)."""

    def described_elsewhere(self, host_id: str, hardware_id: str) -> Sequence[DeviceDescription]:
        """How the hardware is described where it counts on other hosts, or by another of its ids;
        the newest first."""

    def write(self, batch: FactBatch) -> None:
        """Add everything of a batch.

        Raises:
            FactsRefused: a row breaks a constraint.
        """

    def quarantined(self, host_id: str, reason: int | None) -> Iterable[Place]:
        """Places of stored reports that do not count, in order."""

    def restore(
        self, host_id: str, place: Place, restored_utc_ms: int, officer: str, why: str
    ) -> None:
        """Mark a quarantined report as counted and keep the decision."""

    def host_ids(self) -> Sequence[str]:
        """Every host that has reported, in order."""

    def stream(self, host_id: str) -> Generator[StoredReport, None, None]:
        """All stored reports of a host in the order of their chain; to be closed."""


class IdentityPort(Protocol):
    """What ingestion asks of the identity family."""

    def hold_host(self, host_id: str, reason: str, utc_ms: int) -> None:
        """Stop counting what a host sends."""


class CheckpointsPort(Protocol):
    """What ingestion asks of the log."""

    def latest_signed(self) -> bytes:
        """The latest serialised SignedCheckpoint; empty before the first."""


class FactsUnit(Protocol):
    """A unit of work as this room needs it."""

    @property
    def facts(self) -> FactsPort:
        """Reports and what follows from them."""

    @property
    def identity(self) -> IdentityPort:
        """Hosts."""

    @property
    def log(self) -> CheckpointsPort:
        """Checkpoints."""

    def commit(self) -> None:
        """Make it durable."""


class FactsWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[FactsUnit]:
        """Open one."""
