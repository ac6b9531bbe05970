"""Claims about several contents of one invoice number on the portal: who sees which of them.

On PostgreSQL the pages read as the portal's role, which row-level security holds.
"""

import pytest
from claim_cases import add_papers, invoice_number
from contested_cases import said
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER
from fixtures_portal import PASSWORD, PortalHouse
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting
from kashi_server.services.claims import Claims
from kashi_server.services.invoice_deciding import InvoiceDeciding
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.sight import Reader
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.services.two_officers import OfficersDecision

CLERK = Acting(actor="clerk-a", party_id=COMPANY_A)
RIVAL = Acting(actor="clerk-b", party_id=COMPANY_B)
SELLER = Acting(actor="seller", party_id=PROVIDER)
DECISION = OfficersDecision(officers=("officer", "second"), reason="税务局查询结果")
DOCUMENT = "查验截图 2026-11-05"
COMMAND = "kashi-server invoices decide {} --version N"


@pytest.fixture(scope="module")
def house(either_portal: PortalHouse) -> PortalHouse:
    """A portal over a month with papers, and a second officer."""
    either_portal.accounts.create("second", PASSWORD, Role.OFFICER, None)
    add_papers(either_portal.month.work)
    return either_portal


def tell(house: PortalHouse, number: str, fen: int, buyer_id: str, acting: Acting) -> None:
    """A file of somebody's says this of a number."""
    invoice = said(fen, number, buyer_id, buyer_name=f"买方{buyer_id[-1]}")
    place = Place(file=f"export-of-{acting.actor}.xlsx", row=2)
    one = ToldInvoice(place=place, invoice=invoice, status=InvoiceStatus.NORMAL)
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
