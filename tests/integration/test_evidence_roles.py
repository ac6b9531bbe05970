"""On PostgreSQL a party's portal sees its own attestations and explanations, and nobody else's."""

from collections.abc import Iterator
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    OCTOBER,
    OTHER_PROVIDER,
    OTHER_TENANT,
    PROVIDER,
    START,
    TENANT,
    assignment,
    observe,
)
from expense_facts import store
from fixtures_database import Database
from kashi_server.domain.gap_explanation import GapVerdict
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.errors import NotFound
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting
from kashi_server.services.gap_explaining import GapExplaining
from kashi_server.services.sight import Reader
from kashi_server.services.stated_reversal import StatedReversal
from kashi_server.services.stating import SourceFile, UsageStating
from kashi_server.services.views import Views
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError
from usage_samples import BILL, BILL_HEAD

NOW_MS = (END + 4 * 1440) * MINUTE_MS
TABLES = (
    "attestations",
    "stated_records",
    "attestation_changes",
    "attestation_reversals",
    "gap_explanations",
    "gap_decisions",
)


@pytest.fixture
def portal(postgresql_database: Database) -> Iterator[Work]:
    """A database with one row of each table, read by the portal's role."""
    work = postgresql_database.work
    store(work, observe(START, START + 600), assignments=[assignment()])
    company = Acting(actor="company-a", party_id=TENANT)
    stating = UsageStating(work, lambda: NOW_MS)
    row = "i-1,8,2026-10-20 08:00:00,2026-10-20 09:00:00,3600\n"
    (made,) = stating.take(
        SourceFile("mapping.toml", BILL.encode()),
        [SourceFile("bill.csv", (BILL_HEAD + row).encode())],
        "officer-a",
    ).attestations
    stating.countersign(made.attestation_id, company, "已核对")
    StatedReversal(work, lambda: NOW_MS).say(made.attestation_id, company, "并非本公司作业")
    explaining = GapExplaining(work, lambda: NOW_MS)
    gap = Interval(START + 700, START + 760)
    said = explaining.explain("GPU-1", gap, company, reason="停电")
    explaining.decide(said.explanation_id, "officer-a", GapVerdict.ACCEPTED, "见通知")
    urls = role_urls(postgresql_database.url, "ingest-secret", "portal-secret")
    install_roles(postgresql_database.engine, urls)
    reading = Work(open_engine(urls.portal))
    try:
        yield reading
    finally:
        reading.engine.dispose()


def _seen(portal: Work, party: str) -> set[str]:
    with portal.begin(writes=False, party=party) as unit:
        return {
            name
            for name in TABLES
            if unit.connection.execute(
                select(func.count()).select_from(metadata.tables[name])
            ).scalar_one()
        }


def test_rows_are_seen_by_their_parties_and_the_office(portal: Work) -> None:
    """The company and the provider of the contract see all six; strangers and nobody see none."""
    for party in (TENANT, PROVIDER, "*"):
        assert _seen(portal, party) == set(TABLES), party
    for party in (OTHER_TENANT, OTHER_PROVIDER, ""):
        assert _seen(portal, party) == set(), party


def test_source_files_are_no_pages(portal: Work) -> None:
    """A provider's whole file may tell of others: the portal's role cannot read it."""
    query = select(func.count()).select_from(metadata.tables["usage_sources"])

    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        portal.begin(writes=False, party="*") as unit,
    ):
        unit.connection.execute(query)


def test_stated_usage_is_read_by_its_parties_alone(portal: Work) -> None:
    """The portal's own role adds up eight card-hours for either side, and nothing for others."""
    views = Views(portal, lambda: NOW_MS)

    def read(party: str) -> Fraction:
        reader = Reader(account_id=1, role=Role.COMPANY, party_id=party)
        return views.attested_usage(reader, party, OCTOBER).card_hours

    assert [read(one) for one in (TENANT, PROVIDER)] == [Fraction(8)] * 2
    assert [read(one) for one in (OTHER_TENANT, OTHER_PROVIDER)] == [Fraction(0)] * 2
    with pytest.raises(NotFound):
        views.attested_usage(
            Reader(account_id=1, role=Role.COMPANY, party_id=OTHER_TENANT), TENANT, OCTOBER
        )
