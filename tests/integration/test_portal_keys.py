"""Claims about the portal: a host's page and the list say where its report key is held."""

from dataclasses import replace
from pathlib import Path

import pytest
from claimed_tokens import TOKEN, claim_token, confirm_key, key_confirming, withdraw_key
from fixtures_certificates import HOST_1, HOST_2
from fixtures_ingest import ReportingHost, enrol
from fixtures_portal import OWN_HOST, PortalHouse
from starlette.testclient import TestClient

CLAIMED = "密钥在硬件中（自报，未确认）"
CONFIRMED = "密钥在硬件中（两名经办人已确认）"
OTHERS = ("7c1d52aa-0000-4000-8000-0000000000b1", "7c1d52aa-0000-4000-8000-0000000000b2")
WITHDRAWN = "密钥在硬件中（自报，确认已撤回）"


@pytest.fixture(scope="module")
def house(either_portal: PortalHouse) -> PortalHouse:
    """The portal of the month, on both databases; one host of company A's claims a token."""
    claim_token(either_portal.month.work, OWN_HOST, replace(TOKEN, model="<b>ET</b>"))
    return either_portal


@pytest.fixture
def other_hosts(house: PortalHouse) -> tuple[str, str]:
    """Two more hosts that sent nothing yet."""
    for host_id in OTHERS:
        enrol(house.month.work, ReportingHost(host_id, ["GPU-other"], seed=int(host_id[-1])))
    return OTHERS


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


def test_hosts_that_claim_one_token_are_named_to_whom_sees_them(house: PortalHouse) -> None:
    """On each one's page, in the list and as data, however the number is spelled, in both
    languages: to the office all of them, to a party its own, and never another party's. Tokens
    whose number nobody knows are not the same."""
    work = house.month.work
    for host_id, serial in ((HOST_1, "004217"), (HOST_2, "0042 17")):
        claim_token(work, host_id, replace(TOKEN, manufacturer="Another", serial=serial))
    told = {}
    for login in ("auditor", "provider", "company-a"):
        client = house.visitor().sign_in(login).client
        page, listed, data = shown(client, OWN_HOST if login == "company-a" else HOST_1)
        told[login] = set(data["key_token_claimed_by"])  # type: ignore[call-overload]  # JSON
        n = len(told[login]) + 1
        assert (f"{n} 台主机申明同一密钥令牌" in page) == (n > 1)
        assert listed.count("申明同一密钥令牌") == (n if n > 1 else 0)
        assert all(f'<span class="code">{one}</span>' in page for one in told[login])
        assert (OWN_HOST in page) == (login != "provider")
    assert told == {"auditor": {OWN_HOST, HOST_2}, "provider": {HOST_2}, "company-a": set()}

    client = house.visitor().sign_in("auditor").client
    client.cookies.set("kashi-look", "en.auto.normal", domain="portal.example")
    page, listed, _data = shown(client)
    assert "3 hosts claim one key token" in page
    assert listed.count("3 hosts claim one key token") == 3


def test_tokens_of_unknown_numbers_are_not_shown_as_one(
    house: PortalHouse, other_hosts: tuple[str, str]
) -> None:
    """Two TPMs that tell zeros are two tokens of which nobody knows the number."""
    for host_id in other_hosts:
        claim_token(house.month.work, host_id, replace(TOKEN, serial="0000000000000000"))
    client = house.visitor().sign_in("auditor").client
    for host_id in other_hosts:
        page, _listed, data = shown(client, host_id)
        assert data["key_token_claimed_by"] == []
        assert "申明同一密钥令牌" not in page
