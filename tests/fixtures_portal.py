"""The portal over a closed month, with one account a role, as pages and tests need it.

The month is that of `fixtures_certificates`: a provider with two hosts, company A and company B who
have card 2 one after the other. Company A runs a host of its own besides, with a card of its own.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import cast

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER, CertifiedMonth, make_month
from fixtures_database import Database
from fixtures_identity import SteppedClock
from fixtures_ingest import ReportingHost, enrol
from kashi_server.documents.assignment_sheet import AssignmentSheets
from kashi_server.documents.claim_form import ClaimForm
from kashi_server.documents.rendering import packaged_fonts
from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.portal.app import create_app
from kashi_server.portal.pace import Pace
from kashi_server.portal.parts import PortalParts
from kashi_server.services.accounts import AccountKeeping, Role
from kashi_server.services.assignment import Assigning
from kashi_server.services.assignment_views import AssignmentViews
from kashi_server.services.claim_desk import ClaimDesk
from kashi_server.services.claim_pack import ClaimPacking
from kashi_server.services.claims import Claims
from kashi_server.services.confirming import Confirming
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.paper_desk import PaperDesk, PaperStores
from kashi_server.services.papers_port import PapersUnit
from kashi_server.services.passwords import Passwords
from kashi_server.services.sessions import SessionKeeping
from kashi_server.services.stated_desk import StatedDesk
from kashi_server.services.trails import Explaining
from kashi_server.services.views import Views
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.unit_of_work import UnitOfWork, Work

PASSWORD = "correct horse battery"
LOGINS = {
    "officer": (Role.OFFICER, None),
    "auditor": (Role.AUDITOR, None),
    "company-a": (Role.COMPANY, COMPANY_A),
    "company-b": (Role.COMPANY, COMPANY_B),
    "provider": (Role.PROVIDER, PROVIDER),
}
ORIGIN = "http://portal.example"
OWN_HOST = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0003"
OWN_CARD = "GPU-00000009-1111-4000-8000-000000000000"
_FORM_TOKEN = re.compile(r'name="form_token" value="([^"]+)"')


@dataclass(slots=True)
class Visitor:
    """A browser without a screen: cookies kept, forms sent as a page carries them."""

    client: TestClient

    def form_token(self, path: str = "/verify") -> str:
        """The token that this visitor's pages carry."""
        found = _FORM_TOKEN.search(self.client.get(path).text)
        assert found is not None
        return found[1]

    def sign_in(self, login: str, password: str = PASSWORD) -> "Visitor":
        """Sign in through the form."""
        token = self.form_token("/sign-in")
        fields = {"form_token": token, "login": login, "password": password, "next": "/"}
        answer = self.client.post("/sign-in", data=fields, headers={"origin": ORIGIN})
        assert answer.status_code == 303, answer.text
        return self


def _claim_owner(unit: PapersUnit, claim_id: str) -> str | None:
    """The company of a claim, as the server tells it."""
    stored = cast("UnitOfWork", unit).claims.claim(claim_id)
    return None if stored is None else stored.claim.company_id


@dataclass(slots=True)
class KeptBytes:
    """Files by their hash, in memory."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def put(self, content: bytes) -> str:
        """Keep bytes."""
        name = sha256(content).hexdigest()
        self.kept[name] = content
        return name

    def get(self, name: str) -> bytes:
        """The bytes."""
        return self.kept[name]


@dataclass(slots=True)
class PortalHouse:
    """The application, what stands behind it, and visitors."""

    app: FastAPI
    month: CertifiedMonth
    clock: SteppedClock
    sessions: SessionKeeping
    accounts: AccountKeeping
    parts: PortalParts

    def visitor(self, address: str = "192.0.2.1", scheme: str = "http") -> Visitor:
        """Somebody who is not signed in."""
        return Visitor(
            TestClient(
                self.app,
                base_url=f"{scheme}://portal.example",
                follow_redirects=False,
                client=(address, 50_000),
            )
        )

    def signed_in(self, login: str) -> TestClient:
        """Somebody who is."""
        return self.visitor().sign_in(login).client


def make_house(
    month: CertifiedMonth,
    *,
    demo: bool = False,
    portal_work: Work | None = None,
) -> PortalHouse:
    """Put a portal over a month, with an account a role, reading as `portal_work` if given."""
    clock, work = month.clock, portal_work or month.work
    numbers = itertools.count(1)

    def random_bytes(size: int) -> bytes:
        return next(numbers).to_bytes(size, "big")

    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    sessions = SessionKeeping(work, passwords, clock, random_bytes)
    accounts = AccountKeeping(month.work, passwords, clock)
    claims, kept = Claims(month.work, clock, demo=demo), KeptBytes()
    for login, (role, party_id) in LOGINS.items():
        accounts.create(login, PASSWORD, role, party_id)
    parts = PortalParts(
        sessions=sessions,
        views=Views(work, clock),
        tokens=Enrolment(month.work, month.keyring, clock, random_bytes, lambda: "unused"),
        assignments=AssignmentViews(work),
        assigning=Assigning(month.work, clock),
        stated=StatedDesk(month.work, work, clock),
        confirming=Confirming(month.work, clock),
        sheets=AssignmentSheets(),
        papers=PaperDesk(
            PaperStores(
                work=month.work,
                portal_work=work,
                bytes=kept,
                read_xlsx=read_xlsx,
                watch=claims,
                claim_owner=_claim_owner,
            ),
            clock,
        ),
        claims=ClaimDesk(month.work, work, clock, claims),
        packing=ClaimPacking(month.work, kept, ClaimForm(font_folder=packaged_fonts())),
        explaining=Explaining(month.work),
        clock=clock,
        demo=demo,
        pace=Pace(clock),
        enrolment_address=lambda: "kashi.example:7444",
        version="0.1.0",
    )
    return PortalHouse(create_app(parts), month, clock, sessions, accounts, parts)


class _OwnHost(ReportingHost):
    """A host that company A operates."""

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands."""
        return replace(ReportingHost.standing(self, state), operator_party_id=COMPANY_A)


def make_portal_month(work: Work, *, demo: bool = False) -> CertifiedMonth:
    """The month with company A's own host in it, closed and certified."""
    own: list[bytes] = []

    def add_own_host(ingestion: Ingestion) -> None:
        host = _OwnHost(OWN_HOST, [OWN_CARD], seed=3)
        enrol(work, host)
        own.extend(host.report(5) for _ in range(24))
        answer = ingestion.ingest([Submission(host.standing(), own)])[0]
        assert isinstance(answer, Answer)
        assert all(result.judgement.stores for result in answer.results)

    month = make_month(work, demo=demo, before_close=add_own_host)
    month.wires.extend(own)
    month.issue()
    return month


@pytest.fixture(scope="module")
def portal_month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertifiedMonth]:
    """A closed month with certificates, for the tests of one file."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('portal') / 'kashi.sqlite'}")
    migrate(engine)
    yield make_portal_month(Work(engine))
    engine.dispose()


@pytest.fixture(scope="module")
def portal(portal_month: CertifiedMonth) -> PortalHouse:
    """The portal over that month."""
    return make_house(portal_month)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def either_portal(request: pytest.FixtureRequest) -> Iterator[PortalHouse]:
    """The same on both databases; on PostgreSQL it looks as the portal's role, which row-level
    security holds."""
    if request.param == "sqlite":
        yield make_house(request.getfixturevalue("portal_month"))
        return
    database: Database = request.getfixturevalue("module_postgresql_database")
    urls = role_urls(database.url, "ingest-secret", "portal-secret")
    install_roles(database.engine, urls)
    portal_work = Work(open_engine(urls.portal))
    try:
        yield make_house(make_portal_month(database.work), portal_work=portal_work)
    finally:
        portal_work.engine.dispose()
