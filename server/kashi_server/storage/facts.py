"""The repository of facts: what ingestion writes, and what every other room reads.

Hot statements go to the driver as plain SQL: COPY into PostgreSQL, `executemany` into SQLite.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence

from kashi.chain import Head
from sqlalchemy import Connection, and_, insert, or_, select, update

from kashi_server.domain.device import (
    Conflict,
    DeviceRecord,
    HostHead,
    ReportedGap,
    ReportReference,
)
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.report import DeviceDescription
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.domain.summed_time import BlockSums, DaySums
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.facts_port import (
    ChainRecord,
    DeviceRow,
    FactBatch,
    HeldHead,
    Place,
    StoredProjection,
    StoredReport,
    base_sequence,
)
from kashi_server.storage import (
    clock_reading,
    day_reading,
    device_reading,
    device_writing,
    fact_reading,
    fact_writing,
    hour_reading,
    name_erasing,
    projection_rows,
    report_reading,
)
from kashi_server.storage.report_packing import ReportUnpacker
from kashi_server.storage.tables.facts import (
    devices,
    epochs,
    heads,
    reports,
    restorations,
)


class FactRepository:
    """Facts of one unit of work."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unpacker = ReportUnpacker(connection)

    # What ingestion uses.

    def lock_heads(self, host_ids: Sequence[str]) -> Mapping[str, HeldHead]:
        """Heads of the hosts that have one, locked in host order until the unit ends."""
        return fact_writing.lock_heads(self._connection, host_ids)

    def chain_record(self, host_id: str, held: HeldHead) -> ChainRecord:
        """What is stored of the end of a host's chain."""
        head = self.stored(host_id, held.head.epoch, held.head.sequence)
        opened = select(epochs.c.opened_utc_ms).where(epochs.c.host_id == host_id)
        return ChainRecord(
            head_wire=head.wire if head else None,
            base_wire=self._base_wire(host_id, held.head),
            devices=self.device_rows(host_id),
            epochs_opened_utc_ms=list(self._connection.execute(opened).scalars()),
            unprojected=[
                self._unpacker.unpack(row)[0]
                for row in self._connection.execute(
                    report_reading.unprojected(host_id, held.projected)
                )
            ],
        )

    def _base_wire(self, host_id: str, head: Head) -> bytes | None:
        sequence = base_sequence(head.sequence + 1)
        if sequence > head.sequence:
            return None
        base = self.stored(host_id, head.epoch, sequence)
        return None if base is None else base.wire

    def device_rows(self, host_id: str) -> Sequence[DeviceRow]:
        """Every device ever described on a host."""
        query = select(devices).where(devices.c.host_id == host_id)
        return [
            DeviceRow(
                host_id,
                row.slot,
                device_reading.description(row),
                row.first_utc_ms,
                row.described_utc_ms,
            )
            for row in self._connection.execute(query)
        ]

    def stored(self, host_id: str, epoch: int, sequence: int) -> StoredReport | None:
        """The report at a place."""
        query = select(reports).where(
            reports.c.host_id == host_id,
            reports.c.epoch == epoch,
            reports.c.sequence == sequence,
        )
        # Read to the end: a cursor that is left half way stays open on the server.
        found = list(report_reading.stored_reports(self._unpacker, self._connection, query))
        return found[0] if found else None

    def counted_within(
        self, host_id: str, start_utc_ms: int, end_utc_ms: int
    ) -> Sequence[StoredReport]:
        """Counted reports of a host whose label touches [start, end)."""
        query = select(reports).where(
            reports.c.host_id == host_id,
            reports.c.end_utc_ms > start_utc_ms,
            reports.c.start_utc_ms < end_utc_ms,
            reports.c.counted == 1,
        )
        return report_reading.stored_reports(self._unpacker, self._connection, query)

    def described_elsewhere(self, host_id: str, hardware_id: str) -> Sequence[DeviceDescription]:
        """How the hardware is described where it counts on other hosts, or by another of its ids;
        the newest first."""
        query = (
            select(devices)
            .where(
                devices.c.hardware_key == hardware_key(hardware_id),
                or_(devices.c.host_id != host_id, devices.c.hardware_id != hardware_id),
                devices.c.first_utc_ms.is_not(None),
            )
            .order_by(devices.c.described_utc_ms.desc(), devices.c.host_id.desc())
        )
        return [device_reading.description(row) for row in self._connection.execute(query)]

    def redescribe(self, host_id: str, device: DeviceDescription, described_utc_ms: int) -> None:
        """Put a description in the place of the one that stands."""
        device_writing.redescribe(self._connection, host_id, device, described_utc_ms)

    def write(self, batch: FactBatch) -> None:
        """Add everything of a batch.

        Raises:
            FactsRefused: a row breaks a constraint.
        """
        fact_writing.write(self._connection, batch)

    # What restoration and fsck use.

    def quarantined(self, host_id: str, reason: int | None) -> Iterable[Place]:
        """Places of stored reports that do not count, in order."""
        query = select(reports.c.epoch, reports.c.sequence).where(
            reports.c.host_id == host_id, reports.c.counted == 0
        )
        if reason is not None:
            query = query.where(reports.c.reason == reason)
        ordered = query.order_by(reports.c.epoch, reports.c.sequence)
        return [(row.epoch, row.sequence) for row in self._connection.execute(ordered)]

    def restore(
        self, host_id: str, place: Place, restored_utc_ms: int, officer: str, why: str
    ) -> None:
        """Mark a quarantined report as counted and keep the decision."""
        at = and_(
            reports.c.host_id == host_id,
            reports.c.epoch == place[0],
            reports.c.sequence == place[1],
        )
        self._connection.execute(update(reports).where(at).values(counted=1))
        self._connection.execute(
            insert(restorations).values(
                host_id=host_id,
                epoch=place[0],
                sequence=place[1],
                restored_utc_ms=restored_utc_ms,
                officer=officer,
                why=why,
            )
        )

    def begin_devices(self, host_id: str, first_utc_ms: dict[str, int]) -> None:
        """Set the start of devices' first counted readings, unless earlier ones stand."""
        for hardware_id, first in first_utc_ms.items():
            device_writing.begin_device(self._connection, host_id, hardware_id, first)

    def settle(self, host_id: str, held: HeldHead) -> None:
        """Set how far a host's reports are projected and counted."""
        self._connection.execute(
            update(heads)
            .where(heads.c.host_id == host_id)
            .values(
                counted_until_utc_ms=held.counted_until_utc_ms,
                projected_epoch=held.projected[0],
                projected_sequence=held.projected[1],
                revision=heads.c.revision + 1,
            )
        )

    def restored(self, host_id: str) -> Mapping[Place, int]:
        """When quarantined reports of a host were restored, by place."""
        query = select(restorations).where(restorations.c.host_id == host_id)
        return {
            (row.epoch, row.sequence): row.restored_utc_ms
            for row in self._connection.execute(query)
        }

    def epochs_opened(self, host_id: str, before_epoch: int) -> Sequence[int]:
        """When a host's epochs below this one were opened, in UTC milliseconds."""
        query = select(epochs.c.opened_utc_ms).where(
            epochs.c.host_id == host_id, epochs.c.epoch < before_epoch
        )
        return list(self._connection.execute(query).scalars())

    def host_ids(self) -> Sequence[str]:
        """Every host that has reported, in order."""
        query = select(heads.c.host_id).order_by(heads.c.host_id)
        return list(self._connection.execute(query).scalars())

    def stream(self, host_id: str) -> Generator[StoredReport, None, None]:
        """All stored reports of a host in the order of their chain."""
        query = (
            select(reports)
            .where(reports.c.host_id == host_id)
            .order_by(reports.c.epoch, reports.c.sequence)
        )
        return report_reading.streamed_reports(self._unpacker, self._connection, query)

    def held_head(self, host_id: str) -> HeldHead:
        """A host's head, locked until the unit ends; an empty one if there is none."""
        return self.lock_heads([host_id]).get(host_id, HeldHead())

    def erase_names(
        self, host_id: str, until_utc_ms: int, after: Place, erased: Callable[[bytes], bytes | None]
    ) -> tuple[int, Place | None]:
        """Erase names in the next reports of a host; how many, and where to go on."""
        return name_erasing.erase_page(
            self._connection, self._unpacker, (host_id, until_utc_ms), after, erased
        )

    def names_kept(
        self, host_id: str, until_utc_ms: int, after: Place, erased: Callable[[bytes], bytes | None]
    ) -> tuple[int, Place | None]:
        """How many of the next reports that erasing leaves carry names, and where to go on."""
        return name_erasing.kept_page(
            self._connection, self._unpacker, (host_id, until_utc_ms), after, erased
        )

    def projection(self, host_id: str) -> StoredProjection:
        """The projections of a host as they are stored, for comparison."""
        return projection_rows.stored_projection(self._connection, host_id)

    def replace_projection(self, host_id: str, projection: StoredProjection) -> None:
        """Put rebuilt projections of a host in the place of the stored ones."""
        projection_rows.replace_projection(self._connection, host_id, projection)

    # What other rooms read.

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch the UTC minutes [start, end), by host, device and hour.

        Args:
            hardware_ids: which devices; None: all.
            start_minute: first UTC minute.
            end_minute: end, exclusive. The hours at the edges are whole: cut with
                `DeviceHour.total(start, end)`.
        """
        return hour_reading.device_hours(self._connection, hardware_ids, start_minute, end_minute)

    def day_sums(self, start_minute: int, end_minute: int) -> DaySums:
        """Sums by device and day over all hosts, of what is projected, for whole days."""
        return day_reading.day_sums(self._connection, start_minute, end_minute)

    def hour_sums(
        self, hardware_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Mapping[str, BlockSums]:
        """Sums by device and UTC hour over all hosts, of what is projected."""
        return day_reading.hour_sums(self._connection, hardware_ids, start_minute, end_minute)

    def unsummed_devices(self, start_minute: int, end_minute: int) -> Collection[str]:
        """Devices of which sums do not say all: a report of these minutes is not projected yet."""
        return day_reading.unsummed_devices(self._connection, start_minute, end_minute)

    def devices(self, hardware_ids: Collection[str] | None = None) -> Sequence[DeviceRecord]:
        """Devices of which anything counts, with their service windows, by hardware id."""
        return device_reading.device_records(self._connection, hardware_ids)

    def hardware(self, hardware_id: str) -> Sequence[DeviceRecord]:
        """The devices that hosts report by any id of the hardware that this id is of."""
        return device_reading.hardware(self._connection, hardware_id)

    def hardware_ids(self) -> Sequence[str]:
        """The hardware id of every device of which anything counts, in order."""
        return device_reading.hardware_ids(self._connection)

    def gaps(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[ReportedGap]:
        """Reported gaps of counted reports that touch the UTC minutes [start, end), in order."""
        return device_reading.reported_gaps(
            self._connection, hardware_ids, start_minute, end_minute
        )

    def conflicts(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[Conflict]:
        """Minutes in [start, end) of a device that more than one host says to have observed."""
        return device_reading.conflicts(self._connection, hardware_ids, start_minute, end_minute)

    def report_references(
        self, host_ids: Collection[str], start_minute: int, end_minute: int
    ) -> Sequence[ReportReference]:
        """Stored reports whose label touches the UTC minutes [start, end), by host and place."""
        return report_reading.report_references(
            self._connection, host_ids, start_minute, end_minute
        )

    def heads(self, host_ids: Collection[str] | None = None) -> Sequence[HostHead]:
        """The last report of each host, by host."""
        return report_reading.host_heads(self._connection, host_ids)

    def stated_facts(
        self, start_minute: int, end_minute: int
    ) -> Mapping[str, Sequence[StatedFact]]:
        """What hosts stated of how they read in [start, end), of counted reports, by host."""
        start, end = start_minute * MINUTE_MS, end_minute * MINUTE_MS
        return fact_reading.stated_facts(self._connection, None, start, end, counted=True)

    def clocks(self, start_minute: int, end_minute: int) -> Mapping[str, HostClock]:
        """The clock behind counted reports that touch [start, end), by host with any."""
        start, end = start_minute * MINUTE_MS, end_minute * MINUTE_MS
        return clock_reading.host_clocks(self._connection, start, end)
