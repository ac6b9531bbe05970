"""Device-hours added up by blocks of time, in the database: no minute is unpacked."""

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ARRAY, BigInteger, Connection, Integer, cast, func, or_, select
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.sql.elements import ColumnElement

from kashi_server.domain.device_sums import BlockSum
from kashi_server.domain.interval import Interval
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES, Quantities
from kashi_server.storage.tables.facts import device_hours, devices, heads

_UNKNOWN_MS = 2**62
"""Stands in for a peak that was not noted: no minute is observed that long."""

_HASHING = "SET LOCAL work_mem = '128MB'"
"""The planner takes every pair of device and hour for a group of its own and would sort them all on
disk. There are as many groups as devices and blocks; with room for its estimate it hashes them."""


def block_sums(
    connection: Connection, hardware_ids: Collection[str] | None, blocks: Sequence[Interval]
) -> Iterator[BlockSum]:
    """Sums by device and block over all hosts, of what is projected; in no order.

    Args:
        connection: the database.
        hardware_ids: which devices; None: all.
        blocks: stretches that follow each other and begin on whole hours.
    """
    hours = device_hours.c
    edges = [block.start // MINUTES_PER_HOUR for block in blocks]
    end = blocks[-1].bounded()[1] // MINUTES_PER_HOUR
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_HASHING)
    block = _block(connection, edges)
    query = (
        select(
            hours.hardware_id,
            block.label("block"),
            *(func.sum(hours[name]) for name in QUANTITY_NAMES),
            func.max(func.coalesce(hours.observed_peak_ms, cast(_UNKNOWN_MS, BigInteger))),
        )
        .where(hours.hour >= edges[0], hours.hour < end)
        .group_by(hours.hardware_id, block)
    )
    if hardware_ids is not None:
        query = query.where(hours.hardware_id.in_(hardware_ids))
    for row in connection.execute(query):
        hardware_id, number, *sums, peak_ms = row
        yield BlockSum(
            hardware_id,
            number - 1,
            Quantities(*map(int, sums)),
            None if peak_ms == _UNKNOWN_MS else peak_ms,
        )


def _block(connection: Connection, edges: Sequence[int]) -> ColumnElement[int]:
    """The block in which an hour lies, counted from 1."""
    hour = device_hours.c.hour
    if connection.dialect.name == "postgresql":
        return func.width_bucket(hour, cast(array(edges), ARRAY(Integer)), type_=Integer)
    begun = [cast(hour >= edge, Integer) for edge in edges]
    total: ColumnElement[int] = begun[0]
    for one in begun[1:]:
        total = total + one
    return total


def waiting_devices(connection: Connection) -> Collection[str]:
    """Devices on hosts of which reports are not projected yet."""
    behind = or_(
        heads.c.epoch != heads.c.projected_epoch, heads.c.sequence != heads.c.projected_sequence
    )
    query = (
        select(devices.c.hardware_id)
        .join(heads, heads.c.host_id == devices.c.host_id)
        .where(behind)
        .distinct()
    )
    return frozenset(connection.execute(query).scalars())
