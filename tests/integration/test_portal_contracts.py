"""Claims about a contract's page; who sees whose is in `test_portal_isolation`."""

import re

import pytest
from changed_agreements import amendment
from claim_cases import BATCH_ID, invoice_number
from fixtures_certificates import PROVIDER
from fixtures_portal import PortalHouse
from kashi_server.services.importing import ImportFile, Importing
from portal_money import draft, open_batch

PARTS, PRICES, PAPERS = "900.00", ("12.5", "11.8"), invoice_number(0)
CLAIM, STATEMENT = f"/claims/{BATCH_ID}-0001", "KS-2026-09-HT-A"


@pytest.fixture(scope="module")
def house(either_portal: PortalHouse) -> PortalHouse:
    """A portal over a month with a claim of company A and an amendment that does not hold yet."""
    draft(open_batch(either_portal.month), "company-a", "HT-A")
    file = ImportFile("amendment.toml", amendment(accelerator_yuan="123.45"))
    Importing(either_portal.month.work, either_portal.clock).take([file], "officer", "补充协议")
    return either_portal


def test_a_contract_shows_its_sides_what_holds_and_what_will(house: PortalHouse) -> None:
    """Compute and the rest apart, the amendment with its date and its amount though it does not
    hold yet, every price with its dates, assignments and invoices: to both sides and the office."""
    for login in ("company-a", "provider", "officer"):
        page = house.signed_in(login).get("/contracts/HT-A").text
        for told in (
            "900.00", "100.00", "1,000.00", "存储", "补-1", "2026-11-05 00:00", "123.45",
            "尚未生效", ">12.50<", ">11.80<", "每卡时", "租用且观测到的时间", "AS-0",
            PROVIDER, PAPERS,
        ):  # fmt: skip
            assert told in page, (login, told)


def test_statements_and_claims_stand_on_it_for_whom_they_are(house: PortalHouse) -> None:
    """The company and the office follow them from there; the provider learns of neither."""
    for login, sees in (("company-a", True), ("auditor", True), ("provider", False)):
        page = house.signed_in(login).get("/contracts/HT-A").text
        assert (STATEMENT in page) == sees, login
        assert (CLAIM in page) == sees, login


def test_every_paper_of_a_contract_leads_to_its_page(house: PortalHouse) -> None:
    """Claim, statement, invoice and assignment."""
    client = house.signed_in("company-a")
    statement = re.search(r'href="(/statements/KS-2026-09-HT-A)"', client.get("/statements").text)
    assert statement is not None
    for path in (CLAIM, statement[1], f"/papers/invoices/{PAPERS}", "/assignments/AS-0"):
        assert 'href="/contracts/HT-A"' in client.get(path).text, path
