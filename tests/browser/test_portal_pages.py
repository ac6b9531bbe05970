"""Claims about the portal in a real browser: pages render whole, and nobody sees red.

The application serves on a loopback port; headless Chromium signs in, walks through every page of
every role, in two languages, light and dark, at a desk and on a phone. A violation of the content
security policy, a console error or a failed load fails the test.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures_certificates import CARDS, COMPANY_A, HOST_1
from fixtures_chromium import Chromium, Tab
from fixtures_portal import PASSWORD, PortalHouse, make_house, make_portal_month
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from served_portal import served


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalHouse]:
    """A demonstration portal over a certified month."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('browser') / 'kashi.sqlite'}")
    migrate(engine)
    yield make_house(make_portal_month(Work(engine), demo=True), demo=True)
    engine.dispose()


@pytest.fixture(scope="module")
def address(house: PortalHouse) -> Iterator[str]:
    """Where the portal serves."""
    with served(house.app) as where:
        yield where


def signed_in(chromium: Chromium, address: str, login: str, width: int = 1366) -> Tab:
    """A tab in which somebody has signed in through the form."""
    tab = chromium.tab(width=width)
    assert tab.open(f"{address}/sign-in") == 200
    assert tab.submit("main form", login=login, password=PASSWORD) == 200
    assert tab.complaints == []
    return tab


def pages(house: PortalHouse, login: str) -> list[str]:
    """The main pages of a role."""
    certificate = next(c for c in house.month.keeping.certificates() if c.user_id == COMPANY_A)
    shared = [
        f"/statements/{certificate.statement_number}",
        f"/certificates/{certificate.number}",
        f"/companies/{COMPANY_A}",
        f"/companies/{COMPANY_A}/months/2026-09",
        f"/devices/{CARDS[1]}?month=2026-09",
        f"/devices/{CARDS[1]}/days/2026-09-11",
        "/statements",
        "/certificates",
        "/hosts",
        "/holds",
        "/api",
        "/verify",
    ]
    office = ["/overview?month=2026-09", f"/hosts/{HOST_1}", "/audit"]
    return {
        "officer": [*office, "/enrolment", *shared],
        "auditor": [*office, *shared],
        "company-a": ["/usage?month=2026-09", "/enrolment", *shared],
        "provider": [
            "/usage?month=2026-09",
            "/hosts",
            f"/hosts/{HOST_1}",
            "/enrolment",
            f"/devices/{CARDS[2]}?month=2026-09",
        ],
    }[login]


@pytest.mark.parametrize("login", ["officer", "auditor", "company-a", "provider"])
def test_every_page_renders_without_a_complaint(
    chromium: Chromium, house: PortalHouse, address: str, login: str
) -> None:
    """Styled, whole, with one heading and the demonstration's banner, and nothing in red."""
    tab = signed_in(chromium, address, login)
    for path in pages(house, login):
        assert tab.open(address + path) == 200, path
        assert tab.complaints == [], path
        assert tab.evaluate("document.querySelectorAll('h1').length") == 1, path
        banner = tab.evaluate("getComputedStyle(document.querySelector('.demo')).backgroundColor")
        assert banner == "rgb(179, 38, 30)", f"{path}: the style sheet did not apply"


@pytest.mark.parametrize("width", [1366, 390])
def test_pages_do_not_scroll_sideways(
    chromium: Chromium, house: PortalHouse, address: str, width: int
) -> None:
    """At a desk and on a phone the page fits; only tables scroll, within themselves."""
    tab = signed_in(chromium, address, "officer", width)
    for path in pages(house, "officer"):
        tab.open(address + path)
        beyond = tab.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert beyond <= 0, f"{path} is {beyond} px too wide at {width}"


def test_the_logo_keeps_its_distance_from_the_banner(chromium: Chromium, address: str) -> None:
    """On a phone there is air between the demonstration's banner and the mark below it."""
    tab = chromium.tab(width=390)
    assert tab.open(f"{address}/sign-in") == 200
    banner = tab.evaluate("document.querySelector('.demo').getBoundingClientRect().bottom")
    logo = tab.evaluate("document.querySelector('.mark img').getBoundingClientRect().top")
    assert logo - banner >= 8


def test_the_chart_is_drawn(chromium: Chromium, address: str) -> None:
    """Bars have a size and a colour of the style sheet, and a table stands beside them."""
    tab = signed_in(chromium, address, "officer")
    tab.open(f"{address}/overview?month=2026-09")
    bar = "document.querySelector('svg.chart rect.s0')"
    assert tab.evaluate(f"{bar}.getBoundingClientRect().height") > 20
    assert tab.evaluate(f"getComputedStyle({bar}).fill") not in ("rgb(0, 0, 0)", "")
    assert tab.evaluate("document.querySelectorAll('details table').length") >= 2


def test_english_dark_and_large_are_kept(chromium: Chromium, address: str) -> None:
    """The footer's form changes language, theme and size at once, and they stay."""
    tab = signed_in(chromium, address, "company-a")
    size = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    tab.submit("form.look", language="en", theme="dark", size="large")
    tab.open(f"{address}/certificates")
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.evaluate("document.querySelector('h1').textContent") == "Usage certificates"
    large = tab.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert large > size
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in paper.strip("rgb()").split(",")) < 60
    assert tab.complaints == []


def test_a_token_is_made_in_the_browser(chromium: Chromium, address: str) -> None:
    """A provider's sysadmin gets the whole command in two clicks."""
    tab = signed_in(chromium, address, "provider")
    tab.open(f"{address}/enrolment")
    assert tab.submit("main form") == 200
    command = tab.evaluate("document.getElementById('enrol-command').textContent")
    assert command.startswith("sudo kashi-agent enrol --server kashi.example:7444 --token kashi1.")
    assert tab.complaints == []


def test_anybody_verifies_by_the_printed_address(
    chromium: Chromium, house: PortalHouse, address: str
) -> None:
    """The address in the QR code opens the answer, without signing in."""
    certificate = next(c for c in house.month.keeping.certificates() if c.user_id == COMPANY_A)
    tab = chromium.tab(width=390)
    query = f"number={certificate.number}&code={certificate.code}"
    assert tab.open(f"{address}/verify?{query}") == 200
    assert "有效" in tab.evaluate("document.getElementById('result').textContent")
    assert tab.complaints == []


def test_an_inline_script_would_not_run(chromium: Chromium, address: str) -> None:
    """The policy is in force: what would be injected is refused, and the test can see it."""
    tab = chromium.tab()
    tab.open(f"{address}/sign-in")
    tab.evaluate(
        "(() => { const s = document.createElement('script'); s.textContent = 'window.x = 1';"
        " document.head.append(s); })()"
    )
    assert tab.evaluate("window.x === undefined") is True
    assert any("Content Security Policy" in said for said in tab.complaints)


def test_a_page_prints(
    chromium: Chromium, house: PortalHouse, address: str, tmp_path: Path
) -> None:
    """On paper the navigation is gone and the figures stay."""
    tab = signed_in(chromium, address, "company-a")
    tab.open(address + pages(house, "company-a")[2])
    tab.call("Emulation.setEmulatedMedia", media="print")
    assert tab.evaluate("getComputedStyle(document.querySelector('.nav')).display") == "none"
    assert tab.evaluate("getComputedStyle(document.querySelector('table')).display") == "table"
    tab.screenshot(tmp_path / "print.png")
    assert (tmp_path / "print.png").stat().st_size > 10_000
