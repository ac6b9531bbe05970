"""Writing devices: what they are, their number on the host, since when they count."""

from sqlalchemy import Connection, and_, func, update

from kashi_server.domain.report import DeviceDescription
from kashi_server.services.facts_port import DeviceRow
from kashi_server.storage.tables.facts import devices
from kashi_server.storage.upserts import insert_into


def upsert_device(connection: Connection, row: DeviceRow) -> None:
    """Describe a device on a host; its number is nobody else's from now on."""
    device = row.device
    described = {
        "slot": row.slot,
        "described_utc_ms": row.described_utc_ms,
        **_description(device),
    }
    key = {"host_id": row.host_id, "hardware_id": device.hardware_id}
    others = update(devices).where(
        devices.c.host_id == row.host_id,
        devices.c.slot == row.slot,
        devices.c.hardware_id != device.hardware_id,
    )
    connection.execute(others.values(slot=None))
    statement = insert_into(connection, devices).values(
        **key, **described, first_utc_ms=row.first_utc_ms
    )
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=described))
    if row.first_utc_ms is not None:
        begin_device(connection, row.host_id, device.hardware_id, row.first_utc_ms)


def _description(device: DeviceDescription) -> dict[str, object]:
    return {
        "vendor": device.vendor,
        "model": device.model,
        "parent_hardware_id": device.parent_hardware_id,
        "serial": device.serial,
        "pci_bus_id": device.pci_bus_id,
        "memory_bytes": device.memory_bytes,
        "share_numerator": device.share_numerator,
        "share_denominator": device.share_denominator,
        "meter": device.meter,
    }


def redescribe(
    connection: Connection,
    host_id: str,
    device: DeviceDescription,
    described_utc_ms: int | None = None,
) -> None:
    """Put a description in the place of the one that stands; without a time it keeps the old."""
    values = _description(device)
    if described_utc_ms is not None:
        values["described_utc_ms"] = described_utc_ms
    at = and_(devices.c.host_id == host_id, devices.c.hardware_id == device.hardware_id)
    connection.execute(update(devices).where(at).values(**values))


def begin_device(connection: Connection, host_id: str, hardware_id: str, first_utc_ms: int) -> None:
    """Set the start of a device's first counted reading, unless an earlier one stands."""
    earlier = func.coalesce(devices.c.first_utc_ms, first_utc_ms) >= first_utc_ms
    connection.execute(
        update(devices)
        .where(devices.c.host_id == host_id, devices.c.hardware_id == hardware_id, earlier)
        .values(first_utc_ms=first_utc_ms)
    )
