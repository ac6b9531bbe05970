"""Claims about several contents of one invoice number on the portal: who sees which of them.

On PostgreSQL the pages read as the portal's role, which row-level security holds.
"""

from collections.abc import Iterator
from datetime import date

import pytest
from claim_cases import add_papers, invoice_number
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER
from fixtures_database import Database
from fixtures_portal import PASSWORD, PortalHouse, make_house, make_portal_month
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from kashi_server.domain.taxed import Taxed
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting
from kashi_server.services.claims import Claims
from kashi_server.services.invoice_deciding import InvoiceDeciding
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.sight import Reader
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.unit_of_work import Work

CLERK = Acting(actor="clerk-a", party_id=COMPANY_A)
RIVAL = Acting(actor="clerk-b", party_id=COMPANY_B)
SELLER = Acting(actor="seller", party_id=PROVIDER)
DECISION = OfficersDecision(officers=("officer", "second"), reason="税务局查询结果")
DOCUMENT = "查验截图 2026-11-05"
COMMAND = "kashi-server invoices decide {} --version N"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PortalHouse]:
    """A portal over a month with papers; on PostgreSQL it looks as the portal's role."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('contested') / 'kashi.sqlite'}")
        migrate(engine)
        yield _house(Work(engine))
        engine.dispose()
        return
    database: Database = request.getfixturevalue("module_postgresql_database")
    urls = role_urls(database.url, "ingest-secret", "portal-secret")
    install_roles(database.engine, urls)
    portal = Work(open_engine(urls.portal))
    try:
        yield _house(database.work, portal)
    finally:
        portal.engine.dispose()


def _house(work: Work, portal_work: Work | None = None) -> PortalHouse:
    made = make_house(make_portal_month(work), portal_work=portal_work)
    made.accounts.create("second", PASSWORD, Role.OFFICER, None)
    add_papers(work)
    return made


def tell(house: PortalHouse, number: str, fen: int, buyer_id: str, acting: Acting) -> None:
    """A file of somebody's says this of a number."""
    amount = Taxed(ex_tax_fen=fen, tax_fen=0)
    said = Invoice(
        number=number,
        issued_on=date(2026, 11, 2),
        seller_id=PROVIDER,
        buyer_id=buyer_id,
        seller_name="供给方",
        buyer_name=f"买方{buyer_id[-1]}",
        amount=amount,
        lines=(InvoiceLine(line=1, name="算力", amount=amount),),
    )
    place = Place(file=f"export-of-{acting.actor}.xlsx", row=2)
    one = ToldInvoice(place=place, invoice=said, status=InvoiceStatus.NORMAL)
    work, clock = house.month.work, house.clock
    InvoiceKeeping(work, clock, Claims(work, clock)).take([one], acting)


def decide(house: PortalHouse, number: str, version: int) -> None:
    """Two officers let a content stand."""
    work, clock = house.month.work, house.clock
    InvoiceDeciding(work, clock, Claims(work, clock)).decide(number, version, DECISION, DOCUMENT)


def read(house: PortalHouse, login: str, number: str) -> tuple[int, str]:
    """An invoice's page as somebody reads it."""
    answer = house.signed_in(login).get(f"/papers/invoices/{number}")
    return answer.status_code, answer.text


@pytest.mark.parametrize("login", ["officer", "auditor"])
def test_the_office_sees_every_content_and_how_two_officers_decide(
    house: PortalHouse, login: str
) -> None:
    """Who told each, when, from which file and which stands; the command until it is decided, then
    the decision with its document and reason; the first page counts what waits."""
    number = invoice_number(70 if login == "officer" else 71)
    tell(house, number, 300_11, COMPANY_A, CLERK)
    waiting = len(house.parts.papers.contested(_office()))
    tell(house, number, 99_22, COMPANY_A, SELLER)

    _status, page = read(house, login, number)
    for told in (
        "300.11", "99.22", "clerk-a", "export-of-seller.xlsx", "现行", "不作数",
        COMMAND.format(number),
    ):  # fmt: skip
        assert told in page, told
    client = house.signed_in(login)
    assert f"{waiting + 1} 张发票有多种内容" in client.get("/overview").text
    assert f'href="/papers/invoices/{number}"' in client.get("/papers/contested").text

    decide(house, number, 2)
    _status, page = read(house, login, number)
    for told in (DOCUMENT, DECISION.reason, "officer, second", "以第 2 版为准"):
        assert told in page, told
    assert COMMAND.format(number) not in page
    assert number not in client.get("/papers/contested").text
    assert len(house.parts.papers.contested(_office())) == waiting


def test_a_side_sees_its_own_content_and_learns_nothing_of_anothers(house: PortalHouse) -> None:
    """The rival named it first, the true buyer's stands beside: each reads its own and no word of
    the other's, the seller of both reads both; who told them and how to decide is the office's."""
    number = invoice_number(72)
    tell(house, number, 700_33, COMPANY_B, RIVAL)
    assert read(house, "company-a", number)[0] == 404
    tell(house, number, 300_44, COMPANY_A, CLERK)

    status, own = read(house, "company-a", number)
    assert (status, "300.44" in own, "不作数" in own) == (200, True, True)
    for foreign in (
        "700.33",
        COMPANY_B,
        "clerk-b",
        "买方" + COMPANY_B[-1],
        "第几版",
        "invoices decide",
    ):
        assert foreign not in own, foreign
    status, rivals = read(house, "company-b", number)
    assert (status, "700.33" in rivals, 'id="contents"' in rivals) == (200, True, False)
    assert "300.44" not in rivals
    assert COMPANY_A not in rivals
    status, sellers = read(house, "provider", number)
    assert (status, "700.33" in sellers, "300.44" in sellers) == (200, True, True)
    assert "clerk-a" not in sellers
    assert "invoices decide" not in sellers

    decide(house, number, 2)
    assert "300.44" in read(house, "company-a", number)[1]
    status, rivals = read(house, "company-b", number)
    assert (status, "700.33" in rivals, "300.44" in rivals) == (200, True, False)
    assert DECISION.reason not in rivals


def test_a_stranger_to_every_content_reads_what_a_missing_number_reads(house: PortalHouse) -> None:
    """Same bytes; and the list of what waits is no page for parties."""
    number = invoice_number(73)
    tell(house, number, 300_00, COMPANY_A, CLERK)
    tell(house, number, 99_00, COMPANY_A, SELLER)
    client = house.signed_in("company-b")

    answer = client.get(f"/papers/invoices/{number}")
    missing = client.get(f"/papers/invoices/{invoice_number(99)}")

    assert (answer.status_code, answer.content) == (404, missing.content)
    assert client.get("/papers/contested").content == client.get("/nowhere").content


def _office() -> Reader:
    return Reader(account_id=0, role=Role.OFFICER, party_id=None)
