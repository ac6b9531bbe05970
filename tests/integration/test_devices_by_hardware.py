"""Devices are found by their hardware through an index: what a page of a party reads does not grow
with the city, on either database and under row-level security."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from database_effort import effort
from expense_cases import START, TENANT, assignment, observe
from expense_facts import store
from fixtures_database import Database
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from sqlalchemy import text

CARD: Final = "GPU-4000"
PART: Final = "MIG-4009.1of7-1g.10gb"
HOUR: Final = START // 60
# One in ten is cut from the card before it; where `parts` is 0, none is.
_ADD: Final = text(
    """
    INSERT INTO devices (host_id, hardware_id, vendor, model, parent_hardware_id, serial,
        pci_bus_id, memory_bytes, share_numerator, share_denominator, meter, first_utc_ms,
        described_utc_ms)
    WITH RECURSIVE n (i) AS (
        SELECT CAST(:first AS INTEGER) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :after
    )
    SELECT 'host-' || CAST(i / 8 AS TEXT),
        CASE WHEN i % 10 < 10 - :parts THEN 'GPU-' || CAST(i AS TEXT)
            ELSE 'MIG-' || CAST(i AS TEXT) || '.1of7-1g.10gb' END,
        1, 'H100', CASE WHEN i % 10 < 10 - :parts THEN '' ELSE 'GPU-' || CAST(i - 9 AS TEXT) END,
        '', '', 1, 1, CASE WHEN i % 10 < 10 - :parts THEN 1 ELSE 7 END, 1, 0, 0
    FROM n
    """
)
_SCANS: Final = text("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'devices'")
_LEASES: Final = text("SELECT hardware_id FROM kashi_leases()")
_CONTESTED: Final = text("SELECT kashi_contested(:hardware, :hour)")
_READS: Final[dict[str, Callable[[UnitOfWork], object]]] = {
    "sight": lambda unit: unit.views.sight(TENANT),
    "leases": lambda unit: unit.connection.execute(_LEASES).all(),
    "contested": lambda unit: unit.connection.execute(
        _CONTESTED, {"hardware": PART, "hour": HOUR}
    ).all(),
    "devices": lambda unit: unit.facts.devices([CARD]),
    "hardware": lambda unit: unit.facts.hardware(PART.upper()),
}


def _leased(work: Work) -> None:
    store(work, observe(START, START + 1), assignments=[assignment(hardware_id=CARD)])


def _more(work: Work, first: int, after: int, *, parts: int = 1) -> None:
    with work.begin() as unit:
        unit.connection.execute(_ADD, {"first": first, "after": after, "parts": parts})
        if unit.connection.dialect.name == "postgresql":
            unit.connection.execute(text("ANALYZE"))
        unit.commit()


@pytest.fixture
def roles(postgresql_database: Database) -> Iterator[tuple[Work, Work]]:
    """PostgreSQL as its owner and as the portal's role."""
    urls = role_urls(postgresql_database.url, "ingest-secret", "portal-secret")
    install_roles(postgresql_database.engine, urls)
    portal = Work(open_engine(urls.portal))
    yield postgresql_database.work, portal
    portal.engine.dispose()


@pytest.mark.parametrize("what", ["sight", "devices", "hardware"])
def test_finding_hardware_costs_the_same_in_a_larger_city(work: Work, what: str) -> None:
    """Devices of nobody who asks cost nothing."""
    _leased(work)
    _more(work, 4000, 4010)

    def asked() -> int:
        with work.begin(writes=False) as unit:
            return effort(unit, lambda: _READS[what](unit))

    few = asked()
    _more(work, 10_000, 11_000)

    assert asked() <= few * 11 // 10 + 2


@pytest.mark.parametrize("parts", [0, 1])
def test_no_page_of_a_party_reads_all_devices(roles: tuple[Work, Work], parts: int) -> None:
    """Of 20 000 devices PostgreSQL looks a party's up, as the portal's role too, and where nothing
    in the city is cut as well."""
    work, portal = roles
    _leased(work)
    _more(work, 0, 20_000, parts=parts)

    scans = {}
    with portal.begin(writes=False, party=TENANT) as unit:
        for what, read in _READS.items():
            before = unit.connection.execute(_SCANS).scalar_one()
            read(unit)
            scans[what] = unit.connection.execute(_SCANS).scalar_one() - before
        seen = set(unit.views.sight(TENANT).leased)
        leases = set(unit.connection.execute(_LEASES).scalars())

    assert scans == dict.fromkeys(_READS, 0)
    assert seen == leases == ({CARD, PART} if parts else {CARD})


def test_many_leases_are_asked_for_in_several_queries(sqlite_database: Database) -> None:
    """More than one query asks for are all found, with what each card is cut into."""
    work = sqlite_database.work
    cards = [f"GPU-{number}" for number in range(0, 12_000, 10)]
    leases = [assignment(hardware_id=name, assignment_id=name) for name in cards]
    store(work, observe(START, START + 1), assignments=leases)
    _more(work, 0, 12_000)

    with work.begin(writes=False) as unit:
        leased = unit.views.sight(TENANT).leased

    parts = {f"MIG-{number}.1of7-1g.10gb" for number in range(9, 12_000, 10)}
    assert leased.keys() == {*cards, *parts}
