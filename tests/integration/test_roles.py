"""PostgreSQL roles: who adds facts cannot change them, and the portal sees one party's rows."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from fixtures_certificates import (
    COMPANY_A,
    COMPANY_B,
    MONTH,
    PROVIDER,
    CertifiedMonth,
    make_month,
)
from fixtures_database import Database
from fixtures_ingest import ReportingHost, enrol
from kashi_server.domain.interval import Interval
from kashi_server.services.accounts import Role
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.sight import Reader, Sight
from kashi_server.services.views import Views
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import (
    INGEST_GRANTS,
    PORTAL_WRITES,
    VERSION_TABLE,
    install_roles,
    role_urls,
)
from kashi_server.storage.row_security import CLOSED_TO_PORTAL, OPEN_TO_PORTAL, POLICIES, VIEWS
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from kashi_server.storage.views import ViewRepository
from released_hosts import release
from sqlalchemy import func, select, text
from sqlalchemy.exc import ProgrammingError

OWN_HOST = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0009"
OWN_CARD = "GPU-00000009-1111-4000-8000-000000000000"
PROJECTIONS = {
    "heads",
    "devices",
    "device_hours",
    "device_days",
    "log_head",
    "log_positions",
    "log_tiles",
    "log_pending",
}
IDENTITY = {"hosts", "host_certificates", "enrolment_tokens"}
FACTS = sorted(set(INGEST_GRANTS) - PROJECTIONS - IDENTITY)


class _OwnHost(ReportingHost):
    """A host that company B operates itself, without a tenure."""

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands."""
        return replace(ReportingHost.standing(self, state), operator_party_id=COMPANY_B)


@dataclass(frozen=True, slots=True)
class Roles:
    """A month with certificates in PostgreSQL, and units of work as each role."""

    month: CertifiedMonth
    ingest: Work
    portal: Work


@pytest.fixture(scope="module")
def roles(module_postgresql_database: Database) -> Iterator[Roles]:
    """The three roles over a closed month of a provider, two lessees and a host of B's own."""
    database = module_postgresql_database
    work = database.work
    month = make_month(work)
    month.issue()
    urls = role_urls(database.url, "ingest-secret", "portal-secret")
    install_roles(database.engine, urls)
    ingest, portal = Work(open_engine(urls.ingest)), Work(open_engine(urls.portal))
    try:
        _add_own_host(work, ingest, month)
        yield Roles(month, ingest, portal)
    finally:
        ingest.engine.dispose()
        portal.engine.dispose()


def _add_own_host(work: Work, ingest: Work, month: CertifiedMonth) -> None:
    host = _OwnHost(OWN_HOST, [OWN_CARD], seed=9)
    enrol(work, host)
    ingestion = Ingestion(ingest, month.keyring.receipt_key, month.clock, demo=False)
    (answer,) = ingestion.ingest([Submission(host.standing(), [host.report(5), host.report(5)])])
    assert isinstance(answer, Answer)
    assert all(result.judgement.stores for result in answer.results)


def _reader(party_id: str | None) -> Reader:
    role = Role.OFFICER if party_id is None else Role.COMPANY
    return Reader(account_id=1, role=role, party_id=party_id)


def _count(work: Work, table: str, party: str) -> int:
    with work.begin(writes=False, party=party) as unit:
        query = select(func.count()).select_from(metadata.tables[table])
        return unit.connection.execute(query).scalar_one()


def test_every_table_has_its_place() -> None:
    """A new table must be opened to the portal by a policy, opened whole, or closed: knowingly."""
    places = [*POLICIES, *VIEWS, *OPEN_TO_PORTAL, *CLOSED_TO_PORTAL, *PORTAL_WRITES]

    assert len(places) == len(set(places))
    assert set(places) == set(metadata.tables) - {VERSION_TABLE}
    assert set(INGEST_GRANTS) <= set(metadata.tables)


def test_facts_are_only_added(roles: Roles) -> None:
    """Neither role updates, deletes or truncates facts; the portal does not even add them."""
    for table in FACTS:
        column = metadata.tables[table].primary_key.columns.keys()[0]
        for verb in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
            _denied(roles.ingest, verb)
            _denied(roles.portal, verb)
        _denied(roles.ingest, f"TRUNCATE {table}")
        _denied(roles.portal, f"INSERT INTO {table} DEFAULT VALUES")


def _denied(work: Work, statement: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        _execute(work, statement)


def test_verdict_and_bytes_of_a_report_never_change(roles: Roles) -> None:
    """Ingestion may mark a report as counted; its bytes, verdict and hash it cannot touch."""
    for column in ("content", "verdict", "sha256", "sequence", "received_utc_ms"):
        _denied(roles.ingest, f"UPDATE reports SET {column} = {column}")
    _execute(roles.ingest, "UPDATE reports SET counted = counted")


def _execute(work: Work, statement: str) -> None:
    with work.begin() as unit:
        unit.connection.execute(text(statement))


@pytest.mark.parametrize(
    "table",
    [
        "certificates",
        "certificate_changes",
        "certificate_confirmations",
        "restorations",
        "privileged_acts",
        "host_key_words",
    ],
)
def test_ingestion_gives_nobodys_word(roles: Roles, table: str) -> None:
    """What officers decide and parties confirm, ingestion neither writes nor reads."""
    _denied(roles.ingest, f"INSERT INTO {table} DEFAULT VALUES")
    _denied(roles.ingest, f"SELECT * FROM {table}")


def test_ingestion_makes_no_token(roles: Roles) -> None:
    """Whom a host may enrol for is a person's word: ingestion consumes tokens, and adds none."""
    _denied(roles.ingest, "INSERT INTO enrolment_tokens DEFAULT VALUES")
    _denied(roles.ingest, "UPDATE enrolment_tokens SET operator_party_id = operator_party_id")
    _execute(roles.ingest, "UPDATE enrolment_tokens SET host_id = host_id")


def test_ingestion_keeps_a_claim_of_a_key_and_changes_none(roles: Roles) -> None:
    """What a host says of its token comes with its enrolment, once and for good."""
    _execute(
        roles.ingest,
        f"INSERT INTO host_key_tokens VALUES ('{OWN_HOST}', 'M', 'T', '1', 1, 1, 1)",
    )
    _denied(roles.ingest, "UPDATE host_key_tokens SET serial = '2'")
    _denied(roles.ingest, "DELETE FROM host_key_tokens")


def test_ingestion_holds_a_host_and_releases_none(roles: Roles) -> None:
    """A fork holds a host as the ingest role; letting it go takes two officers, as the owner."""
    where = f"WHERE host_id = '{OWN_HOST}'"
    with roles.ingest.begin() as unit:
        unit.identity.hold_host(OWN_HOST, "fork", roles.month.clock())
        unit.commit()

    _denied(roles.ingest, f"UPDATE hosts SET release_requested_by = 'officer' {where}")
    for state in ("active", "revoked"):
        _denied(roles.ingest, f"UPDATE hosts SET state = '{state}' {where}")
    assert release(roles.month.work, roles.month.clock, OWN_HOST).refused == []


def test_security_is_forced(roles: Roles) -> None:
    """Row-level security stands on every table with a party's rows, for the owner too."""
    with roles.month.work.begin(writes=False) as unit:
        forced = unit.connection.execute(
            text("SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity")
        ).scalars()

        assert set(forced) == set(POLICIES)


def test_nobody_sees_nothing(roles: Roles) -> None:
    """A transaction that names no party sees no row of any party; the office sees all of them."""
    for table in (*POLICIES, *VIEWS):
        everything = _count(roles.month.work, table, "")

        assert _count(roles.portal, table, "") == 0
        assert _count(roles.portal, table, "*") == everything


def test_party_is_forgotten_with_its_transaction(roles: Roles) -> None:
    """A pooled connection does not carry one visitor's party to the next."""
    assert _count(roles.portal, "statements", COMPANY_A) > 0
    assert _count(roles.portal, "statements", "") == 0


@pytest.mark.parametrize("party", [PROVIDER, COMPANY_A, COMPANY_B])
def test_zero_foreign_rows(roles: Roles, party: str) -> None:
    """With every filter of ours removed, the database alone shows a party no foreign row."""
    with roles.month.work.begin(writes=False) as unit:
        sight = unit.views.sight(party)
    with roles.portal.begin(writes=False, party=party) as unit:
        rows = {
            table: list(unit.connection.execute(select(metadata.tables[table])))
            for table in (*POLICIES, *VIEWS)
        }

    for table in ("statements", "rated_lines", "certificates"):
        assert {row.user_id for row in rows[table]} <= {party}
    for table in ("hosts", "host_facts", "host_states", "host_certificates", "tenures", "epochs"):
        assert {row.host_id for row in rows[table]} <= set(sight.hosts)
    hosts = {*sight.hosts, *(row.host_id for row in rows["devices"])}
    assert {row.host_id for row in rows["reports"]} <= hosts
    for row in rows["device_hours"]:
        hour = Interval(row.hour * 60, row.hour * 60 + 60)
        assert sight.cut(row.hardware_id, row.host_id, hour)
    for row in rows["gaps"]:
        span = Interval(row.start_utc_ms // 60_000, -(-row.end_utc_ms // 60_000))
        assert sight.cut(row.hardware_id, row.host_id, span)
    for row in rows["contracts"]:
        assert party in (row.provider_id, row.user_id)
    allowed = {row.contract_id for row in rows["contracts"]}
    assert {row.contract_id for row in (*rows["assignments"], *rows["prices"])} <= allowed
    numbers = {row.number for row in rows["certificates"]}
    assert {row.number for row in rows["certificate_files"]} == numbers


def test_each_party_sees_something_of_its_own(roles: Roles) -> None:
    """The policies are not passed by showing nothing: what is the party's is there."""
    assert _count(roles.portal, "device_hours", PROVIDER) > 0
    assert _count(roles.portal, "device_hours", COMPANY_A) > 0
    assert _count(roles.portal, "hosts", COMPANY_A) == 0
    assert _count(roles.portal, "hosts", COMPANY_B) == 1
    assert _count(roles.portal, "hosts", PROVIDER) == 2
    assert _count(roles.portal, "certificates", COMPANY_B) == 1


@pytest.mark.parametrize("party", [None, PROVIDER, COMPANY_A, COMPANY_B])
def test_pages_are_the_same_as_the_owners(roles: Roles, party: str | None) -> None:
    """The second net takes nothing from a reader: pages as the portal's role equal the owner's."""
    reader, clock = _reader(party), roles.month.clock
    ours, theirs = Views(roles.portal, clock), Views(roles.month.work, clock)

    assert ours.hosts(reader) == theirs.hosts(reader)
    assert ours.month_usage(reader, party, MONTH) == theirs.month_usage(reader, party, MONTH)
    assert ours.gaps(reader, party, MONTH.interval()) == theirs.gaps(
        reader, party, MONTH.interval()
    )
    assert ours.holds(reader) == theirs.holds(reader)
    assert ours.statements(reader) == theirs.statements(reader)
    assert ours.company_months(reader) == theirs.company_months(reader)
    assert ours.certificates(reader) == theirs.certificates(reader)
    for row in theirs.certificates(reader):
        assert ours.certificate_file(reader, row.number, "pdf") == theirs.certificate_file(
            reader, row.number, "pdf"
        )
    for number in {row.number for row in theirs.statements(reader)}:
        assert ours.statement(reader, number) == theirs.statement(reader, number)


def test_forgotten_filter_shows_no_foreign_row(roles: Roles) -> None:
    """A page that asked with the office's sight for company A would still get A's rows alone."""
    everything = Sight(party_id=None)
    with roles.portal.begin(writes=False, party=COMPANY_A) as unit:
        assert isinstance(unit.views, ViewRepository)
        hosts, statements = unit.views.hosts(everything), unit.views.statements(None)

    assert hosts == []
    assert {row.user.party_id for row in statements} == {COMPANY_A}


def test_roles_are_installed_again(roles: Roles, module_postgresql_database: Database) -> None:
    """An upgrade renews roles and policies in place, with the passwords it is given."""
    urls = role_urls(module_postgresql_database.url, "other", "words")
    install_roles(module_postgresql_database.engine, urls)

    assert _count(roles.portal, "statements", COMPANY_A) == 1
