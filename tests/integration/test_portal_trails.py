"""Claims about following money through the pages: from a claim to a minute, and from it back."""

import re
from html import unescape

import pytest
from claim_cases import BATCH_ID
from fixtures_certificates import CARDS
from fixtures_portal import PortalHouse
from httpx2 import Response
from kashi_server.services.claims import Acting
from portal_money import draft, open_batch

CLAIM = f"/claims/{BATCH_ID}-0001"


@pytest.fixture(scope="module")
def house(either_portal: PortalHouse) -> PortalHouse:
    """A portal with a claim of company A that was handed in, so that it takes the lines of its
    statements."""
    claims = open_batch(either_portal.month)
    claims.submit(Acting(login="company-a"), draft(claims, "company-a", "HT-A"))
    either_portal.month.sequence()
    return either_portal


def links(answer: Response, beginning: str) -> list[str]:
    """Where a page leads, of the addresses that begin so."""
    assert answer.status_code == 200, answer.text
    return [
        unescape(one) for one in re.findall(rf'href="({re.escape(beginning)}[^"]*)"', answer.text)
    ]


@pytest.mark.parametrize("login", ["officer", "auditor"])
def test_the_office_walks_from_a_claim_to_a_minute_and_back_by_links(
    house: PortalHouse, login: str
) -> None:
    """Claim, statement, line, minute with its report; and from that page to the claim again."""
    client = house.signed_in(login)
    claim = client.get(CLAIM)
    (contract,) = {*links(claim, "/contracts/HT-A")}
    assert "HT-A" in client.get(contract).text
    statement = client.get(links(claim, "/statements/KS-")[0])
    trail = client.get(links(statement, "/explain?device=")[0])

    kinds = re.findall(r'data-kind="(\w+)"', trail.text)
    assert {"minute", "report", "line", "price", "assignment", "statement", "certificate"} <= {
        *kinds
    }
    assert kinds.index("minute") < kinds.index("line") < kinds.index("claim")
    assert CLAIM in links(trail, "/claims/")
    assert links(trail, "/statements/KS-")
    assert links(trail, "/certificates/KC-")


def test_a_minute_of_a_device_leads_to_the_claims_that_billed_it(house: PortalHouse) -> None:
    """From the device's day, by its form; a minute that nobody billed says so."""
    client = house.signed_in("officer")
    day = client.get(f"/devices/{CARDS[0]}/days/2026-09-12")
    assert 'action="/explain"' in day.text
    billed = client.get(links(day, f"/explain?device={CARDS[0]}&amp;minute=")[0])
    assert CLAIM in links(billed, "/claims/")

    nothing = client.get(f"/explain?device={CARDS[0]}&minute=2026-11-02T00:00")
    assert nothing.status_code == 404
    assert "no statement has a line" in nothing.text
    assert client.get(f"/explain?device={CARDS[0]}").status_code == 422
    assert client.get("/explain?certificate=nonsense").status_code == 422


def test_a_certificate_leads_down(house: PortalHouse) -> None:
    """From its page; one line of it, and nothing of the others."""
    client = house.signed_in("officer")
    number = house.month.keeping.certificates()[0].number
    (down,) = links(client.get(f"/certificates/{number}"), "/explain?certificate=")
    assert 'data-kind="rules"' in client.get(down).text
    one = client.get(f"{down}&line=1").text
    assert one.count('data-kind="line"') == 1


@pytest.mark.parametrize("login", ["company-a", "provider"])
def test_parties_have_no_such_page_nor_links_to_it(house: PortalHouse, login: str) -> None:
    """It reads reports and the ledger; their own pages lead as far as their data goes."""
    client = house.signed_in(login)
    missing = client.get("/nowhere")
    answer = client.get(f"/explain?device={CARDS[0]}&minute=2026-09-12T00:00")
    assert (answer.status_code, answer.content) == (404, missing.content)
    assert "/explain" not in client.get(f"/devices/{CARDS[0]}/days/2026-09-12").text
