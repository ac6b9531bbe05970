"""Devices that a scheduler gave away: held, whether or not a process works on them.

An allocated device that idles is the dearest kind of waste and has no process at all; only the
scheduler's own files on this host tell of it. Where a scheduler is at work whose grants cannot be
read, a device without a process is not known to be free: then its holders are unknown.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol

from kashi_agent.holding.device_files import DeviceFiles, bus_address, is_device_file
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    Sample,
    SampleBatch,
    names_of,
)

REFRESH_MS: Final = 5_000
"""Schedulers' files are read so often: a grant is seen so much late at most."""

UNREAD: Final = Absent(AbsentReason.SCHEDULER_UNREAD)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Grant:
    """A device, by the name the scheduler gives it, and what its processes are known as."""

    device: str
    holder: Holder

    @property
    def idle(self) -> Holder:
        """The holder while none of its processes is on the device."""
        if self.holder.kind is HolderKind.GRANT:
            return self.holder
        word = "slurm" if self.holder.kind is HolderKind.SLURM_JOB else "pod"
        return Holder(HolderKind.GRANT, f"{word}-{self.holder.name}", self.holder.label)


@dataclass(frozen=True, slots=True)
class Grants:
    """What a scheduler gave away; `unread` says why there may be more ("": that is all). Whether
    the `doubtful` still stand nobody knows: their devices are neither held by them nor free."""

    grants: tuple[Grant, ...] = ()
    unread: str = ""
    doubtful: tuple[Grant, ...] = ()


class GrantSource(Protocol):
    """One scheduler's files."""

    def read(self) -> Grants:
        """The grants as they stand now; never fails."""


class GrantBook:
    """The grants of every scheduler of this host, read anew every few seconds."""

    def __init__(self, sources: Collection[GrantSource], files: DeviceFiles) -> None:
        self._sources = sources
        self._files = files
        self._read_ms: int | None = None
        self._grants = Grants()
        self._names: Mapping[tuple[int, ...], str] = {}
        self._told = ""

    def completed(self, batch: SampleBatch) -> SampleBatch:
        """The batch with grants among its holders."""
        if self._read_ms is None or batch.boottime_ms - self._read_ms >= REFRESH_MS:
            self._refresh(batch.boottime_ms)
        given = self._grants
        if given == Grants():
            self._tell("")
            return batch
        names = [self._names_of(sample.device) for sample in batch.samples]
        strange = {grant.device for grant in given.grants}.difference(*names)
        why = given.unread or ", ".join(f"{name!a} is no device here" for name in sorted(strange))
        doubtful = {grant.device for grant in given.doubtful}
        gone = sorted({grant.idle.name for grant in given.doubtful})
        self._tell(why or ", ".join(f"{name} has no control group" for name in gone))
        samples = (
            _completed(
                sample,
                [grant for grant in given.grants if grant.device in mine],
                whole=not why and doubtful.isdisjoint(mine),
            )
            for sample, mine in zip(batch.samples, names, strict=True)
        )
        return replace(batch, samples=tuple(samples))

    def _refresh(self, boottime_ms: int) -> None:
        found = [source.read() for source in self._sources]
        self._read_ms = boottime_ms
        self._grants = Grants(
            tuple(grant for grants in found for grant in grants.grants),
            "; ".join(grants.unread for grants in found if grants.unread),
            tuple(grant for grants in found for grant in grants.doubtful),
        )
        told = (*self._grants.grants, *self._grants.doubtful)
        by_file = any(is_device_file(grant.device) for grant in told)
        self._names = self._files.names() if by_file else {}

    def _names_of(self, device: Device) -> tuple[str, ...]:
        """What schedulers may call a device: its own names, and a whole card's device file."""
        name = (
            None if device.parent_hardware_id else self._names.get(bus_address(device.pci_bus_id))
        )
        names = names_of(device.hardware_id)
        return names if name is None else (*names, name)

    def _tell(self, why: str) -> None:
        """Say in the log why grants cannot be read, once until it changes."""
        if why and why != self._told:
            said = "无法得知调度器的分配。Grants of a scheduler cannot be told: %s"
            logger.warning(said, why)
        self._told = why


def _completed(sample: Sample, grants: Iterable[Grant], *, whole: bool) -> Sample:
    seen = sample.seen
    if isinstance(seen, Absent):
        return sample
    holders = with_grants(seen.holders, grants, whole=whole)
    if holders == seen.holders:
        return sample
    return replace(sample, seen=replace(seen, holders=holders))


def with_grants(
    holders: frozenset[Holder] | Absent, grants: Iterable[Grant], *, whole: bool
) -> frozenset[Holder] | Absent:
    """Who holds a device, by its processes and by grants. `whole`: there are no other grants.

    A grant whose processes are on the device is those processes' holder; another one holds the
    device beside them. Processes that are unknown leave a grant known all the same.
    """
    by_process = frozenset[Holder]() if isinstance(holders, Absent) else holders
    idle = {grant.idle for grant in grants if grant.holder not in by_process}
    if by_process or idle:
        return by_process | idle
    return holders if whole or isinstance(holders, Absent) else UNREAD
