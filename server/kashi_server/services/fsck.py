"""fsck: everything of the facts that follows from stored bytes is built again and compared.

Host by host, so that a serving process waits for one host at a time. Each check stops at its first
difference and names it; the others still run.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from kashi import signing

from kashi_server.domain.interval import instant_of
from kashi_server.domain.summed_time import DAYS, HOURS
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, DeviceHour
from kashi_server.errors import StorageError
from kashi_server.services.facts_port import HeldHead, Place, StoredProjection, StoredReport
from kashi_server.services.fsck_names import ActsLog, erased_without_act
from kashi_server.services.hosts import HostStanding
from kashi_server.services.opening import read_bytes
from kashi_server.services.projection import HourKey, Hours, add_report
from kashi_server.services.rebuilding import Damaged, Rebuilt

OBSERVED: Final = QUANTITY_NAMES.index("observed_ms")


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


_OBSERVED: Final = QUANTITY_NAMES.index("observed_ms")


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
    checked = FactsChecked()
    with work.begin(writes=False) as unit:
        host_ids = unit.facts.host_ids()
    for host_id in host_ids:
        _check_host(work, host_id, receipt_key, checked, repair=repair)
    return checked


def _check_host(
    work: FsckWork,
    host_id: str,
    receipt_key: ec.EllipticCurvePublicKey,
    checked: FactsChecked,
    *,
    repair: bool,
) -> None:
    with work.begin() as unit:
        unit.facts.held_head(host_id)
        checked.host_count += 1
        try:
            rebuilt = _rebuild(unit, host_id, receipt_key)
        except (Damaged, StorageError) as damaged:
            checked.differences.append(f"host {host_id}: {damaged}")
            return
        checked.report_count += rebuilt.report_count
        checked.reading_count += rebuilt.reading_count
        checked.erased_count += len(rebuilt.erased)
        uncovered = erased_without_act(unit.log, host_id, rebuilt.erased)
        if uncovered is not None:
            checked.differences.append(f"host {host_id}: {uncovered}")
        expected = rebuilt.finish()
        difference = _difference(unit.facts, host_id, expected)
        if difference is None:
            return
        if repair:
            unit.facts.replace_projection(host_id, expected)
            unit.commit()
            checked.repaired.append(f"host {host_id}: {difference}")
        else:
            checked.differences.append(f"host {host_id}: {difference}")


def _rebuild(unit: FsckUnit, host_id: str, receipt_key: ec.EllipticCurvePublicKey) -> Rebuilt:
    standing = unit.identity.standing(host_id)
    if standing is None:
        raise Damaged("the host is not known; its reports cannot be verified")
    report_key = signing.load_public_key(standing.report_public_key_der)
    rebuilt = Rebuilt(host_id, report_key, receipt_key, unit.facts.restored(host_id))
    with closing(unit.facts.stream(host_id)) as stream:
        for stored in stream:
            rebuilt.follow(stored)
    return rebuilt


def _difference(facts: FsckFacts, host_id: str, expected: StoredProjection) -> str | None:
    """The first place where the stored projections differ from what they must be."""
    try:
        stored = facts.projection(host_id)
    except StorageError as damaged:
        return str(damaged)
    if stored.held.head != expected.held.head:
        return f"the head is {stored.held.head}; the last report is {expected.held.head}"
    if stored.held.counted_until_utc_ms != expected.held.counted_until_utc_ms:
        return (
            f"counted until {stored.held.counted_until_utc_ms}; the reports say"
            f" {expected.held.counted_until_utc_ms}"
        )
    marked = sorted(stored.counted ^ expected.counted)
    if marked:
        return f"epoch {marked[0][0]} sequence {marked[0][1]}: counted or not is marked wrongly"
    for what, has, must in (
        ("gap", stored.gaps, expected.gaps),
        ("stated fact", stored.facts, expected.facts),
    ):
        if has != must:
            place = min(key for key in has.keys() | must.keys() if has.get(key) != must.get(key))
            return f"{what} {place[1]} of epoch {place[0][0]} sequence {place[0][1]} differs"
    if stored.first_utc_ms != expected.first_utc_ms:
        return f"devices begin at {stored.first_utc_ms}; they must be {expected.first_utc_ms}"
    for hardware_id, described in sorted(stored.described.items()):
        if described[0] not in expected.described[hardware_id]:
            return f"device {hardware_id} is described as no counted report does: {described[0]}"
    waiting = _waiting(facts, host_id, stored)
    return _hours_difference(stored, waiting, expected.hours) or _days_difference(stored)


def _waiting(facts: FsckFacts, host_id: str, stored: StoredProjection) -> Hours:
    """What counts and is not written to device-hours yet."""
    hours: Hours = {}
    with closing(facts.stream(host_id)) as stream:
        for report in stream:
            place = (report.epoch, report.sequence)
            if place > stored.held.projected and place in stored.counted:
                add_report(hours, read_bytes(report.wire))
    return hours


def _hours_difference(stored: StoredProjection, waiting: Hours, expected: Hours) -> str | None:
    for key in sorted(stored.hours.keys() | waiting.keys() | expected.keys()):
        hardware_id, number = key
        empty = DeviceHour(hardware_id=hardware_id, host_id="", hour=number)
        written, more = stored.hours.get(key, empty), waiting.get(key, empty)
        rebuilt = expected.get(key, empty)
        for name, has, adds, must in zip(
            QUANTITY_NAMES, written.columns, more.columns, rebuilt.columns, strict=True
        ):
            for place in range(MINUTES_PER_HOUR):
                if has[place] + adds[place] != must[place]:
                    instant = instant_of(number * MINUTES_PER_HOUR + place).isoformat()
                    return (
                        f"device {hardware_id} minute {instant}: {name} is"
                        f" {has[place] + adds[place]}, the reports add up to {must[place]}"
                    )
        if key in stored.totals and stored.totals[key] != tuple(map(sum, written.columns)):
            return f"device {hardware_id} hour {number}: the totals are not the minutes' sums"
        # Not noted is no difference: closing then reads the minutes.
        if stored.peaks_ms.get(key) not in (None, max(written.columns[OBSERVED])):
            return f"device {hardware_id} hour {number}: the fullest minute is noted as another"
    return None


def _days_difference(stored: StoredProjection) -> str | None:
    """The first day that is not the sum of the hours that are written."""
    hours: dict[tuple[str, int], list[HourKey]] = {}
    for hardware_id, number in stored.hours:
        day = DAYS.of(HOURS.start(number))
        hours.setdefault((hardware_id, day), []).append((hardware_id, number))
    for key in sorted(hours.keys() | stored.days.keys()):
        sums, peak_ms = stored.days.get(key, ((), None))
        of_day = hours.get(key, [])
        if sums != tuple(map(sum, zip(*(stored.totals[one] for one in of_day), strict=True))):
            return f"device {key[0]} day {key[1]}: the sums are not those of its hours"
        if peak_ms not in (None, max(max(stored.hours[one].columns[OBSERVED]) for one in of_day)):
            return f"device {key[0]} day {key[1]}: the fullest minute is noted as another"
    return None
