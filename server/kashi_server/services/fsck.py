"""fsck: everything of the facts that follows from stored bytes is built again and compared.

Host by host, so that a serving process waits for one host at a time. Each check stops at its first
difference and names it; the others still run.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing

from kashi_server.domain.both_languages import because
from kashi_server.errors import StorageError
from kashi_server.services.facts_port import HeldHead, Place, StoredProjection, StoredReport
from kashi_server.services.fsck_names import ActsLog, ErasingActs
from kashi_server.services.fsck_projection import projection_difference
from kashi_server.services.hosts import HostStanding
from kashi_server.services.rebuilding import Damaged, Rebuilt


class FsckFacts(Protocol):
    """What fsck asks of the facts."""

    def host_ids(self) -> Sequence[str]:
        """Every host that has reported."""

    def held_head(self, host_id: str) -> HeldHead:
        """A host's head, locked until the unit ends."""

    def stream(self, host_id: str) -> Generator[StoredReport, None, None]:
        """All stored reports of a host in the order of their chain; to be closed."""

    def restored(self, host_id: str) -> Mapping[Place, int]:
        """When quarantined reports were restored, by place."""

    def projection(self, host_id: str) -> StoredProjection:
        """The projections of a host as they are stored."""

    def replace_projection(self, host_id: str, projection: StoredProjection) -> None:
        """Put rebuilt projections in the place of the stored ones."""


class FsckIdentity(Protocol):
    """What fsck asks of the identity family."""

    def standing(self, host_id: str, *, lock: bool = False) -> HostStanding | None:
        """How a host stands."""


class FsckUnit(Protocol):
    """A unit of work as fsck needs it."""

    @property
    def facts(self) -> FsckFacts:
        """Reports and what follows from them."""

    @property
    def identity(self) -> FsckIdentity:
        """Hosts."""

    @property
    def log(self) -> ActsLog:
        """Acts of officers."""

    def commit(self) -> None:
        """Make it durable."""


class FsckWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[FsckUnit]:
        """Open one."""


@dataclass(slots=True)
class FactsChecked:
    """What was looked at, the first difference of each check that failed, and what was repaired."""

    host_count: int = 0
    report_count: int = 0
    reading_count: int = 0
    erased_count: int = 0
    """Reports whose names of holders were erased; everything signed is whole."""
    differences: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing differs, or what differed was a projection that was built again."""
        return not self.differences


def check_facts(
    work: FsckWork, receipt_key: ec.EllipticCurvePublicKey, *, repair: bool = False
) -> FactsChecked:
    """Check every host's chain, receipts and projections against the stored bytes.

    Args:
        work: opens units of work.
        receipt_key: what receipts verify under.
        repair: put rebuilt projections in the place of those that differ. Stored bytes are never
            touched: where they are damaged, a backup is needed.
    """
    checked, acts = FactsChecked(), ErasingActs()
    with work.begin(writes=False) as unit:
        host_ids = unit.facts.host_ids()
    for host_id in host_ids:
        _check_host(work, host_id, receipt_key, checked, acts, repair=repair)
    return checked


def _check_host(
    work: FsckWork,
    host_id: str,
    receipt_key: ec.EllipticCurvePublicKey,
    checked: FactsChecked,
    acts: ErasingActs,
    *,
    repair: bool,
) -> None:
    with work.begin() as unit:
        unit.facts.held_head(host_id)
        checked.host_count += 1
        try:
            rebuilt = _rebuild(unit, host_id, receipt_key)
        except (Damaged, StorageError) as damaged:
            checked.differences.append(_of_host(host_id, damaged))
            return
        checked.report_count += rebuilt.report_count
        checked.reading_count += rebuilt.reading_count
        checked.erased_count += len(rebuilt.erased)
        uncovered = acts.uncovered(unit.log, host_id, rebuilt.erased)
        if uncovered is not None:
            checked.differences.append(_of_host(host_id, uncovered))
        expected = rebuilt.finish()
        difference = projection_difference(unit.facts, host_id, expected)
        if difference is None:
            return
        if repair:
            unit.facts.replace_projection(host_id, expected)
            unit.commit()
            checked.repaired.append(_of_host(host_id, difference))
        else:
            checked.differences.append(_of_host(host_id, difference))


def _of_host(host_id: str, found: str | Exception) -> str:
    return because(f"主机 {host_id}", f"host {host_id}", found)


def _rebuild(unit: FsckUnit, host_id: str, receipt_key: ec.EllipticCurvePublicKey) -> Rebuilt:
    standing = unit.identity.standing(host_id)
    if standing is None:
        raise Damaged(
            "没有登记此主机，其报告无法核验。the host is not known; its reports cannot be verified"
        )
    report_key = signing.load_public_key(standing.report_public_key_der)
    rebuilt = Rebuilt(host_id, report_key, receipt_key, unit.facts.restored(host_id))
    with closing(unit.facts.stream(host_id)) as stream:
        for stored in stream:
            rebuilt.follow(stored)
    return rebuilt
