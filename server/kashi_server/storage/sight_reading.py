"""What a party may see, read from tenures and confirmed assignments."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select

from kashi_server.domain.interval import Interval
from kashi_server.domain.same_hardware import covers, hardware_key
from kashi_server.services.sight import FOREVER, Sight, merged
from kashi_server.storage.tables.expense import assignments, contracts, tenures
from kashi_server.storage.tables.facts import devices
from kashi_server.storage.tables.identity import hosts

_TOLD: Final = select(
    devices.c.hardware_id,
    devices.c.hardware_key,
    devices.c.parent_key,
    devices.c.share_numerator,
    devices.c.share_denominator,
).distinct()
"""How hosts tell of devices: what part of which card each is."""
_KEYS_AT_ONCE: Final = 500
"""Of how many pieces of hardware one query asks: of few enough that indexes are used."""


def sight_of(connection: Connection, party_id: str | None) -> Sight:
    """The minutes that a party sees; None sees everything.

    A host is seen by its owner and its operator while a tenure names them. Where no tenure speaks
    of a host's minutes, the party that enrolled it operates it.
    """
    if party_id is None:
        return Sight(party_id=None, leased=_leased(connection, None))
    return Sight(
        party_id=party_id,
        hosts=_hosts(connection, party_id),
        leased=_leased(connection, party_id),
    )


def _hosts(connection: Connection, party_id: str) -> Mapping[str, tuple[Interval, ...]]:
    seen: dict[str, list[Interval]] = defaultdict(list)
    spoken: dict[str, list[Interval]] = defaultdict(list)
    for row in connection.execute(select(tenures)):
        interval = Interval(row.start_minute, row.end_minute)
        spoken[row.host_id].append(interval)
        if party_id in (row.owner_id, row.operator_id):
            seen[row.host_id].append(interval)
    enrolled = select(hosts.c.host_id).where(hosts.c.operator_party_id == party_id)
    for host_id in connection.execute(enrolled).scalars():
        seen[host_id].extend(_rest(spoken[host_id]))
    return {host_id: merged(parts) for host_id, parts in seen.items() if parts}


def _rest(spoken: Iterable[Interval]) -> Iterable[Interval]:
    """All minutes that no interval holds."""
    start: int | None = FOREVER.start
    for interval in merged(spoken):
        if start is not None and start < interval.start:
            yield Interval(start, interval.start)
        start = interval.end
    if start is not None:
        yield Interval(start, None)


def _leased(connection: Connection, party_id: str | None) -> Mapping[str, tuple[Interval, ...]]:
    query = (
        select(assignments.c.hardware_id, assignments.c.start_minute, assignments.c.end_minute)
        .join(contracts, contracts.c.contract_id == assignments.c.contract_id)
        .where(assignments.c.confirmed_by.is_not(None))
    )
    if party_id is not None:
        sides = or_(contracts.c.user_id == party_id, contracts.c.provider_id == party_id)
        query = query.where(sides)
    named: dict[str, list[tuple[str, Interval]]] = defaultdict(list)
    leased: dict[str, list[Interval]] = defaultdict(list)
    for row in connection.execute(query):
        interval = Interval(row.start_minute, row.end_minute)
        named[hardware_key(row.hardware_id)].append((row.hardware_id, interval))
        leased[row.hardware_id].append(interval)
    for device in _told(connection, list(named)):
        share = Fraction(device.share_numerator, device.share_denominator)
        for hardware_id, interval in named.get(device.hardware_key, ()):
            if covers(hardware_id, device.hardware_id, share):
                leased[device.hardware_id].append(interval)
        # Who leases a physical device leases what it is cut into.
        for _hardware_id, interval in named.get(device.parent_key, ()):
            leased[device.hardware_id].append(interval)
    return {hardware_id: merged(spans) for hardware_id, spans in leased.items()}


def _told(connection: Connection, keys: Sequence[str]) -> set[Row[Any]]:
    """What is told of some hardware, and of what it is cut into."""
    found: set[Row[Any]] = set()
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        some = keys[start : start + _KEYS_AT_ONCE]
        either = or_(devices.c.hardware_key.in_(some), devices.c.parent_key.in_(some))
        found.update(connection.execute(_TOLD.where(either)))
    return found
