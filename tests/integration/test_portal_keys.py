"""Claims about the portal: a host's page and the list say where its report key is held."""

from dataclasses import replace
from pathlib import Path

import pytest
from claimed_tokens import TOKEN, claim_token, confirm_key, key_confirming, withdraw_key
from fixtures_certificates import HOST_1
from fixtures_portal import OWN_HOST, PortalHouse
from starlette.testclient import TestClient

CLAIMED = "密钥在硬件中（自报，未确认）"
CONFIRMED = "密钥在硬件中（两名经办人已确认）"
WITHDRAWN = "密钥在硬件中（自报，确认已撤回）"


@pytest.fixture(scope="module")
def house(either_portal: PortalHouse) -> PortalHouse:
    """The portal of the month, on both databases; one host of company A's claims a token."""
    claim_token(either_portal.month.work, OWN_HOST, replace(TOKEN, model="<b>ET</b>"))
    return either_portal


def shown(client: TestClient, host_id: str = OWN_HOST) -> tuple[str, str, dict[str, object]]:
    """The host's page, the list, and the host as data."""
    data = client.get(f"/api/v1/hosts/{host_id}").json()
    return client.get(f"/hosts/{host_id}").text, client.get("/hosts").text, data


def test_a_claim_is_shown_as_a_claim_until_it_is_confirmed(
    house: PortalHouse, tmp_path: Path
) -> None:
    """To its operator and to the office, on the page, in the list and as data; the words of the
    token are text; a host without one says that its key is in a file."""
    company = house.visitor().sign_in("company-a").client
    office = house.visitor().sign_in("auditor").client
    keys = key_confirming(house.month.work, house.month.clock, tmp_path / "files")

    for client in (company, office):
        page, listed, data = shown(client)
        assert CLAIMED in page
        assert CLAIMED in listed
        assert "&lt;b&gt;ET&lt;/b&gt; 0042-17" in page
        assert "<b>ET</b>" not in page
        assert data["key"] == "claimed"
    confirm_key(keys, house.month.work, OWN_HOST)
    for client in (company, office):
        page, listed, data = shown(client)
        assert CONFIRMED in page
        assert CONFIRMED in listed
        assert CLAIMED not in page
        assert data["key"] == "confirmed"
        assert data["key_token"] == {**TOKEN.to_data(), "model": "<b>ET</b>"}
    withdraw_key(keys, OWN_HOST)
    page, _listed, data = shown(company)
    assert WITHDRAWN in page
    assert data["key"] == "withdrawn"

    page, _listed, data = shown(office, HOST_1)
    assert "密钥在文件中" in page
    assert (data["key"], data["key_token"]) == ("file", None)


def test_the_other_side_sees_no_key_of_a_host_that_is_not_its(house: PortalHouse) -> None:
    """Neither the page nor the data, as of everything else of the host."""
    provider = house.visitor().sign_in("provider").client

    assert provider.get(f"/hosts/{OWN_HOST}").status_code == 404
    assert "密钥在硬件中" not in provider.get("/hosts").text
