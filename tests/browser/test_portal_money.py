"""Claims about three walks in a real browser, with their clicks counted.

A provider proposes a card and the company confirms it; a company countersigns usage that was
stated; a company's finance clerk goes from the tax bureau's file to the pack of a claim that was
handed in. Typing is not counted, clicks are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from claim_cases import BATCH_ID
from fixtures_certificates import CARDS, COMPANY_A, PROVIDER
from fixtures_chromium import Chromium, Tab
from fixtures_portal import PASSWORD, PortalHouse, make_house, make_portal_month
from kashi_server.domain.interval import Month
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from openpyxl import Workbook
from portal_money import open_batch
from portal_stated import source, state
from served_portal import served

CLICKS_MAX = 10
NUMBER = "26442000000000007777"
NOON = "2026-09-12T12:00"
DECEMBER = Month(2026, 12).interval().start


@pytest.fixture
def house(tmp_path: Path) -> Iterator[PortalHouse]:
    """A portal over a certified month with papers, an open batch, and contracts of two parts."""
    engine = open_engine(f"sqlite:///{tmp_path / 'kashi.sqlite'}")
    migrate(engine)
    month = make_portal_month(Work(engine))
    made = make_house(month)
    open_batch(month)
    yield made
    engine.dispose()


@pytest.fixture
def address(house: PortalHouse) -> Iterator[str]:
    """Where the portal serves."""
    with served(house.app) as where:
        yield where


@dataclass(slots=True)
class Person:
    """Somebody before a browser, whose clicks are counted."""

    tab: Tab
    clicks: int = 0

    def click(self, selector: str, status: int = 200) -> None:
        """Click what leads on, and look that nothing is red."""
        assert self.tab.evaluate(f"document.querySelectorAll({selector!r}).length") >= 1, selector
        assert self.tab.click(selector) == status, selector
        assert self.tab.complaints == [], selector
        self.clicks += 1

    def tick(self, selector: str) -> None:
        """Tick a box: a click that stays on the page."""
        self.tab.evaluate(f"document.querySelector({selector!r}).click()")
        self.clicks += 1

    def choose(self, selector: str, path: Path) -> None:
        """Choose a file: one click opens the dialog, which the file's name is given to."""
        self.tab.choose_file(selector, path)
        self.clicks += 1

    @property
    def text(self) -> str:
        """What the page says."""
        return str(self.tab.evaluate("document.querySelector('main').innerText"))


def signed_in(chromium: Chromium, address: str, login: str) -> Person:
    """Somebody who has signed in; that is not counted."""
    tab = chromium.tab()
    assert tab.open(f"{address}/sign-in") == 200
    assert tab.submit("main form", login=login, password=PASSWORD) == 200
    return Person(tab)


def exported(folder: Path) -> Path:
    """What the tax bureau exports: one invoice of the provider to company A."""
    book = Workbook()
    assert book.active is not None
    book.active.append(
        [
            "数电发票号码", "销方识别号", "销方名称", "购方识别号", "购买方名称", "开票日期",
            "货物或应税劳务名称", "金额", "税额", "价税合计", "发票状态",
        ]
    )  # fmt: skip
    book.active.append(
        [
            NUMBER, PROVIDER, "供给方", COMPANY_A, "需求方", "2026-10-09", "算力租用", "100.00",
            "0.00", "100.00", "正常",
        ]
    )  # fmt: skip
    path = folder / "全量发票查询导出结果.xlsx"
    book.save(path)
    return path


def test_a_card_from_proposal_to_confirmation(
    chromium: Chromium, house: PortalHouse, address: str
) -> None:
    """The provider fills in one form; the company finds it on its first page and confirms."""
    provider = signed_in(chromium, address, "provider")
    provider.click('.nav a[href="/assignments"]')
    provider.click('a[href="/proposals"]')
    provider.tab.fill("#device", CARDS[2])
    provider.tab.fill("#from", "2026-12-01T00:00")
    provider.click("#one button")
    assert "待确认" in provider.text

    company = signed_in(chromium, address, "company-a")
    assert "1 项提议待您答复" in company.text
    company.click('main a[href="/assignments"]')
    assert CARDS[2] in company.text
    company.click('#awaiting button[value="confirm"]')
    assert "待您答复" not in company.text
    assert provider.clicks + company.clicks <= CLICKS_MAX
    with house.month.work.begin(writes=False) as unit:
        made = {one.assignment_id: one for one in unit.expense.assignments()}
    assert made["HT-A-0003"].confirmed_by == COMPANY_A
    assert made["HT-A-0003"].interval.start == DECEMBER


def test_a_company_countersigns_what_its_provider_states(
    chromium: Chromium, house: PortalHouse, address: str
) -> None:
    """From its first page: the statement, what it says line by line, and its word."""
    named = state(house.month, "HT-A")
    company = signed_in(chromium, address, "company-a")
    assert "1 项用量声明待您会签" in company.text
    company.click('main a[href="/stated"]')
    company.click(f'main a[href="/stated/{named}"]')
    assert source("HT-A").sha256 in company.text
    for width in (1366, 390):
        company.tab.resize(width, 768)
        beyond = company.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert beyond <= 0, f"{beyond} px too wide at {width}"
    company.click('#answer button[value="countersign"]')
    assert "已会签" in company.text
    assert company.clicks <= CLICKS_MAX


def test_a_clerk_from_the_tax_bureaus_file_to_the_pack(
    chromium: Chromium, house: PortalHouse, address: str, tmp_path: Path
) -> None:
    """Upload, draft, hand in, pack: within ten clicks, and the new invoice is in the claim."""
    clerk = signed_in(chromium, address, "company-a")
    clerk.click('.nav a[href="/papers"]')
    clerk.choose("#file-invoices", exported(tmp_path))
    clerk.click("#invoices button")
    assert "新增 1 项" in clerk.text
    assert NUMBER in clerk.text
    clerk.click('main a[href="/claims/new"]')
    clerk.tab.fill("#first", "2026-09-01")
    clerk.tab.fill("#last", "2026-12-31")
    clerk.tab.fill("#kind", "企业")
    clerk.tab.fill("#purpose", "training")
    clerk.tab.fill("#legal_person", "yes")
    clerk.tab.fill("#other_money", "none")
    clerk.tab.fill("#listed_provider", "no")
    if not clerk.tab.evaluate("document.querySelector('[name=contract]').checked"):
        clerk.tick("[name=contract]")
    clerk.click("#draft button")
    assert "225.00" in clerk.text
    clerk.click("#step-submit button")
    assert "已提交" in clerk.text
    path = clerk.tab.evaluate("document.querySelector('#pack').getAttribute('href')")
    pack = house.signed_in("company-a").get(str(path)).content
    clerk.clicks += 1
    assert pack.startswith(b"PK\x03\x04")
    assert clerk.clicks <= CLICKS_MAX, f"{clerk.clicks} clicks"
    assert path == f"/claims/{BATCH_ID}-0001/pack"


@pytest.mark.parametrize("login", ["officer", "company-a", "provider"])
def test_the_pages_of_money_render_whole(
    chromium: Chromium, house: PortalHouse, address: str, login: str
) -> None:
    """At a desk and on a phone: no complaint, one heading, nothing wider than the window."""
    clerk = signed_in(chromium, address, "company-a")
    clerk.tab.open(f"{address}/claims/new")
    clerk.tab.fill("#first", "2026-09-01")
    clerk.tab.fill("#last", "2026-12-31")
    clerk.click("#draft button")
    person = signed_in(chromium, address, login)
    claim = f"/claims/{BATCH_ID}-0001"
    pages = ["/papers", "/claims", "/batches", "/vouchers", "/assignments", "/assignments/AS-0"]
    pages.append("/stated")
    pages += {
        "officer": ["/ledger", "/recoveries", f"/explain?device={CARDS[0]}&minute={NOON}", claim],
        "company-a": ["/proposals", "/claims/new", claim],
        "provider": ["/proposals"],
    }[login]
    for width in (1366, 390):
        person.tab.resize(width, 768)
        for path in pages:
            assert person.tab.open(address + path) == 200, path
            assert person.tab.complaints == [], path
            assert person.tab.evaluate("document.querySelectorAll('h1').length") == 1, path
            beyond = person.tab.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert beyond <= 0, f"{path} is {beyond} px too wide at {width}"
