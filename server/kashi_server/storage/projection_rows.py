"""A host's projections as a whole: read for comparison, replaced by rebuilt ones."""

from kashi.chain import Head
from sqlalchemy import Connection, and_, case, delete, select, update

from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour
from kashi_server.services.facts_port import (
    EventRow,
    FactBatch,
    GapRow,
    HeldHead,
    StoredProjection,
)
from kashi_server.storage.device_reading import description
from kashi_server.storage.device_writing import begin_device, redescribe
from kashi_server.storage.fact_reading import FACT
from kashi_server.storage.fact_writing import write
from kashi_server.storage.packing import unpack_minutes
from kashi_server.storage.tables.facts import device_hours as hours_table
from kashi_server.storage.tables.facts import devices, events, gaps, heads, reports


def stored_projection(connection: Connection, host_id: str) -> StoredProjection:
    """The projections of a host as they are stored, for comparison."""
    found = StoredProjection()
    for row in connection.execute(select(hours_table).where(hours_table.c.host_id == host_id)):
        key = (row.hardware_id, row.hour)
        found.hours[key] = DeviceHour(
            hardware_id=row.hardware_id,
            host_id=host_id,
            hour=row.hour,
            columns=unpack_minutes(row.minutes),
        )
        found.totals[key] = tuple(getattr(row, name) for name in QUANTITY_NAMES)
        if row.observed_peak_ms is not None:
            found.peaks_ms[key] = row.observed_peak_ms
    for row in connection.execute(select(gaps).where(gaps.c.host_id == host_id)):
        place = (row.epoch, row.sequence)
        found.gaps[place, row.ordinal] = GapRow(
            host_id,
            place,
            row.ordinal,
            row.hardware_id,
            row.start_utc_ms,
            row.end_utc_ms,
            row.reason,
            None if row.same_driver is None else bool(row.same_driver),
            None if row.same_holders is None else bool(row.same_holders),
            row.energy_mj,
        )
    for row in connection.execute(select(events).where(FACT, events.c.host_id == host_id)):
        place = (row.epoch, row.sequence)
        found.facts[place, row.ordinal] = EventRow(
            host_id,
            place,
            row.ordinal,
            row.hardware_id,
            row.utc_ms,
            row.kind,
            row.detail,
            row.value,
        )
    begun = select(devices).where(devices.c.host_id == host_id, devices.c.first_utc_ms.is_not(None))
    for row in connection.execute(begun):
        found.first_utc_ms[row.hardware_id] = row.first_utc_ms
        found.described[row.hardware_id] = [description(row)]
    marked = select(reports.c.epoch, reports.c.sequence).where(
        reports.c.host_id == host_id, reports.c.counted == 1
    )
    found.counted = {(row.epoch, row.sequence) for row in connection.execute(marked)}
    head = connection.execute(select(heads).where(heads.c.host_id == host_id)).one_or_none()
    if head is not None:
        found.held = HeldHead(
            Head(head.epoch, head.sequence, bytes(head.sha256)),
            head.counted_until_utc_ms,
            (head.projected_epoch, head.projected_sequence),
        )
    return found


def replace_projection(connection: Connection, host_id: str, projection: StoredProjection) -> None:
    """Put rebuilt projections of a host in the place of the stored ones."""
    for table in (hours_table, gaps):
        connection.execute(delete(table).where(table.c.host_id == host_id))
    connection.execute(delete(events).where(FACT, events.c.host_id == host_id))
    for (epoch, sequence), ordinal in projection.facts:  # whatever else stands in their place
        at = and_(
            events.c.host_id == host_id,
            events.c.epoch == epoch,
            events.c.sequence == sequence,
            events.c.ordinal == ordinal,
        )
        connection.execute(delete(events).where(at))
    connection.execute(
        update(devices).where(devices.c.host_id == host_id).values(first_utc_ms=None)
    )
    of_host = reports.c.host_id == host_id
    accepted = case((reports.c.verdict == 1, 1), else_=0)
    connection.execute(update(reports).where(of_host).values(counted=accepted))
    quarantined = select(reports.c.epoch, reports.c.sequence).where(of_host, reports.c.verdict != 1)
    for row in connection.execute(quarantined).all():
        if (row.epoch, row.sequence) in projection.counted:
            at = and_(of_host, reports.c.epoch == row.epoch, reports.c.sequence == row.sequence)
            connection.execute(update(reports).where(at).values(counted=1))
    write(
        connection,
        FactBatch(
            gaps=list(projection.gaps.values()),
            hours=list(projection.hours.values()),
            events=list(projection.facts.values()),
        ),
    )
    for hardware_id, first in projection.first_utc_ms.items():
        begin_device(connection, host_id, hardware_id, first)
        redescribe(connection, host_id, projection.described[hardware_id][-1])
    held = projection.held
    connection.execute(
        update(heads)
        .where(heads.c.host_id == host_id)
        .values(
            epoch=held.head.epoch,
            sequence=held.head.sequence,
            sha256=held.head.sha256,
            counted_until_utc_ms=held.counted_until_utc_ms,
            projected_epoch=held.projected[0],
            projected_sequence=held.projected[1],
            revision=heads.c.revision + 1,
        )
    )
