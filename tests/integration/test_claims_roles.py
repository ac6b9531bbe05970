"""Claims under the portal's role on PostgreSQL: a company's rows are its own, whatever is asked."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from claim_cases import CLERK, OFFICER, RIVAL, WHY, Filed, filed, rules
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER
from kashi_server.services.accounts import Role
from kashi_server.services.claims import Claims
from kashi_server.services.sight import Reader
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

TABLES = (
    "claims",
    "claim_contracts",
    "claim_events",
    "claim_evaluations",
    "claim_lines",
    "claim_invoices",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Two companies' claims, and units of work as the portal's role."""

    ready: Filed
    portal: Work
    mine: str
    theirs: str


@pytest.fixture
def seen(postgresql_claims_work: Work) -> Iterator[Seen]:
    """Both companies handed in; an approval of the first waits for a second officer."""
    work = postgresql_claims_work
    ready = filed(work, rules(redemption_mode='"supplier_redeems"'))
    mine, theirs = ready.draft(), ready.draft(RIVAL, "HT-B")
    ready.claims.submit(CLERK, mine)
    ready.claims.submit(RIVAL, theirs)
    ready.claims.check(OFFICER, mine)
    ready.claims.review(OFFICER, mine, WHY)
    ready.claims.approve(OFFICER, mine, 10_00, WHY)
    url = work.engine.url.render_as_string(hide_password=False)
    urls = role_urls(url, "ingest-secret", "portal-secret")
    install_roles(work.engine, urls)
    engine = open_engine(urls.portal)
    try:
        yield Seen(ready, Work(engine), mine, theirs)
    finally:
        engine.dispose()


def count(work: Work, table: str, party: str) -> int:
    """Rows that a party's transaction sees."""
    with work.begin(writes=False, party=party) as unit:
        query = select(func.count()).select_from(metadata.tables[table])
        return unit.connection.execute(query).scalar_one()


def reader(party_id: str | None) -> Reader:
    """A company's reader, or the office's."""
    role = Role.OFFICER if party_id is None else Role.COMPANY
    return Reader(account_id=1, role=role, party_id=party_id)


def test_a_company_sees_its_own_rows_alone(seen: Seen) -> None:
    """The database by itself, with every filter of ours removed; the payee sees what it is paid."""
    for table in TABLES:
        everything = count(seen.ready.work, table, "")
        own, rivals = count(seen.portal, table, COMPANY_A), count(seen.portal, table, COMPANY_B)
        assert own > 0
        assert own + rivals == everything
        assert count(seen.portal, table, PROVIDER) == everything
        assert count(seen.portal, table, "*") == everything
        assert count(seen.portal, table, "") == 0
    assert count(seen.portal, "claim_proposals", "*") == 1
    assert count(seen.portal, "claim_proposals", COMPANY_A) == 0


@pytest.mark.parametrize("party", [COMPANY_A, COMPANY_B, None])
def test_pages_read_the_same_as_the_owner(seen: Seen, party: str | None) -> None:
    """The second net takes nothing from a reader."""
    ours = Claims(seen.portal, seen.ready.clock)
    theirs = seen.ready.claims
    found = ours.all(reader(party))

    assert found == theirs.all(reader(party))
    for one in found:
        claim_id = one.claim.claim_id
        assert ours.show(reader(party), claim_id) == theirs.show(reader(party), claim_id)


def test_the_portals_role_writes_no_claim(seen: Seen) -> None:
    """What is done goes by the services, as the owner."""
    for statement in ("UPDATE claims SET state = 'paid'", "DELETE FROM claim_events"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            seen.portal.begin(party="*") as unit,
        ):
            unit.connection.execute(text(statement))
