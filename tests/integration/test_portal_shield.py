"""Claims about who gets in and what guards the door: signing in, forms, headers, failures."""

import re
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from fixtures_certificates import CARDS, COMPANY_A
from fixtures_portal import (
    ORIGIN,
    OWN_HOST,
    PASSWORD,
    PortalHouse,
)
from kashi_server.portal.shield import CONTENT_SECURITY_POLICY, HEADERS
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.storage.tables.identity import enrolment_tokens
from sqlalchemy import select

MINUTE_MS = 60_000
SENT = {"origin": ORIGIN}


@pytest.fixture
def house(portal: PortalHouse) -> PortalHouse:
    """The portal of the month."""
    return portal


def certificate_of(house: PortalHouse, user_id: str) -> StoredCertificate:
    """A party's certificate."""
    return next(c for c in house.month.keeping.certificates() if c.user_id == user_id)


# Signing in and out


def test_signing_in_leads_to_ones_first_page(house: PortalHouse) -> None:
    """Officers land on the overview, companies on their usage."""
    for login, first in (("officer", "/overview"), ("company-a", "/usage")):
        client = house.signed_in(login)
        assert client.get("/").headers["location"] == first


def test_the_session_cookie_is_out_of_reach(house: PortalHouse) -> None:
    """Over http a plain name, over https `__Host-` and Secure; scripts never read it."""
    for scheme, name in (("http", "kashi-session"), ("https", "__Host-kashi-session")):
        visitor = house.visitor(scheme=scheme)
        fields = {
            "form_token": visitor.form_token("/sign-in"),
            "login": "officer",
            "password": PASSWORD,
        }
        origin = {"origin": f"{scheme}://portal.example"}
        answer = visitor.client.post("/sign-in", data=fields, headers=origin)
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{name}="))
        attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= attributes
        assert ("secure" in attributes) == (scheme == "https")
        assert not any(part.startswith("domain") for part in attributes)


def test_https_is_asked_for_from_then_on(house: PortalHouse) -> None:
    """Strict transport security stands on answers over https only."""
    for scheme in ("http", "https"):
        answer = house.visitor(scheme=scheme).client.get("/sign-in")
        assert ("strict-transport-security" in answer.headers) == (scheme == "https")


def test_signing_in_again_ends_the_session_before(house: PortalHouse) -> None:
    """A new token at every sign-in; the old one opens nothing."""
    visitor = house.visitor().sign_in("officer")
    first = visitor.client.cookies["kashi-session"]
    fields = {
        "form_token": visitor.form_token(),
        "login": "auditor",
        "password": PASSWORD,
    }
    assert visitor.client.post("/sign-in", data=fields, headers=SENT).status_code == 303
    assert visitor.client.cookies["kashi-session"] != first
    assert house.sessions.recognise(first) is None


def test_signing_out_ends_it_in_the_database(house: PortalHouse) -> None:
    """The token that was signed out opens nothing, even if somebody kept it."""
    visitor = house.visitor().sign_in("officer")
    kept = visitor.client.cookies["kashi-session"]
    answer = visitor.client.post(
        "/sign-out", data={"form_token": visitor.form_token()}, headers=SENT
    )
    assert answer.headers["location"] == "/sign-in"
    visitor.client.cookies.set("kashi-session", kept, domain="portal.example")
    assert visitor.client.get("/overview").headers["location"].startswith("/sign-in")


def test_an_expired_session_leads_to_the_sign_in(house: PortalHouse) -> None:
    """Half an hour without a request, and the page asks who is there."""
    client = house.signed_in("officer")
    try:
        house.clock.advance(29 * MINUTE_MS)
        assert client.get("/overview").status_code == 200
        house.clock.advance(31 * MINUTE_MS)
        answer = client.get("/hosts")
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/hosts")
        assert client.get("/api/v1/account").status_code == 401
    finally:
        house.clock.advance(-60 * MINUTE_MS)


def test_wrong_passwords_are_throttled_by_address(house: PortalHouse) -> None:
    """Five wrong guesses get 401, the sixth 429, the right password included."""
    visitor = house.visitor(address="198.51.100.77")
    said = []
    for password in ("wrong",) * 5 + (PASSWORD,):
        fields = {
            "form_token": visitor.form_token("/sign-in"),
            "login": "company-b",
            "password": password,
        }
        said.append(visitor.client.post("/sign-in", data=fields, headers=SENT).status_code)
    assert said == [401] * 5 + [429]


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "/\tx", "javascript:x"]
)
def test_signing_in_leads_nowhere_else(house: PortalHouse, target: str) -> None:
    """Whatever `next` says, the browser stays here."""
    visitor = house.visitor()
    fields = {
        "form_token": visitor.form_token("/sign-in"),
        "login": "officer",
        "password": PASSWORD,
        "next": target,
    }
    answer = visitor.client.post("/sign-in", data=fields, headers=SENT)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


# Forms


def test_a_form_without_its_token_changes_nothing(house: PortalHouse) -> None:
    """No token, somebody else's token and a token from before the sign-in are refused."""
    visitor = house.visitor()
    before = visitor.form_token()
    visitor.sign_in("company-a")
    other = house.visitor().sign_in("company-a").form_token()
    tokens = _token_count(house)
    for token in ("", before, other, "x" * 44):
        fields = {"form_token": token, "party_id": COMPANY_A, "hours": "1"}
        answer = visitor.client.post("/enrolment", data=fields, headers=SENT)
        assert answer.status_code == 403
    assert _token_count(house) == tokens


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://portal.example.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_another_sites_form_is_refused_even_with_a_token(
    house: PortalHouse, headers: dict[str, str]
) -> None:
    """Where a browser says that a request comes from elsewhere, nothing happens."""
    visitor = house.visitor().sign_in("company-a")
    fields = {"form_token": visitor.form_token(), "party_id": COMPANY_A, "hours": "1"}
    tokens = _token_count(house)
    assert visitor.client.post("/enrolment", data=fields, headers=headers).status_code == 403
    assert _token_count(house) == tokens


def test_uploads_without_length_or_over_the_limit_are_refused(house: PortalHouse) -> None:
    """A request of unstated length gets 411, one that is too large 413, before it is read."""
    client = house.visitor().client

    def pieces() -> Iterator[bytes]:
        yield b"a=b"

    assert client.post("/verify", content=pieces()).status_code == 411
    assert client.post("/verify", content=b"x" * 70_000).status_code == 413
    large = {"content-length": str(20 * 1024 * 1024)}
    assert client.post("/verify/document", content=b"x", headers=large).status_code == 413


def _token_count(house: PortalHouse) -> int:
    with house.month.work.begin(writes=False) as unit:
        return len(unit.connection.execute(select(enrolment_tokens.c.token_sha256)).all())


# Headers


def test_every_answer_carries_the_shield(house: PortalHouse) -> None:
    """Pages, redirects, refusals, files, JSON and our own style sheet: all with the policy."""
    client = house.signed_in("officer")
    sheet = re.search(r'href="(/static/[^"]+\.css)"', client.get("/verify").text)
    assert sheet is not None
    number = certificate_of(house, COMPANY_A).number
    paths = {
        "/overview": 200,
        "/": 303,
        "/nowhere": 404,
        "/overview?month=nonsense": 400,
        "/api/v1/hosts": 200,
        "/api/v1/nowhere": 404,
        f"/certificates/{number}/certificate.pdf": 200,
        sheet[1]: 200,
        "/healthz": 200,
    }
    for path, status in paths.items():
        answer = client.get(path)
        assert answer.status_code == status, path
        for name, value in HEADERS.items():
            if name != "cache-control" or not path.startswith("/static/"):
                assert answer.headers[name] == value, path
    assert client.put("/overview", content=b"x").status_code == 405


def test_the_policy_allows_no_script_and_no_other_origin() -> None:
    """Every directive names ourselves or nobody, and scripts are not named at all."""
    directives = dict(part.strip().split(" ", 1) for part in CONTENT_SECURITY_POLICY.split(";"))
    assert directives.pop("default-src") == "'none'"
    assert set(directives.values()) <= {"'self'", "'none'"}
    assert "script-src" not in directives


def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(house: PortalHouse) -> None:
    """No style or event attributes, no script, no address of another origin, on any page."""
    client = house.signed_in("officer")
    statement = certificate_of(house, COMPANY_A).statement_number
    for path in (
        "/overview",
        "/hosts",
        f"/hosts/{OWN_HOST}",
        f"/companies/{COMPANY_A}/months/2026-09",
        f"/statements/{statement}",
        f"/devices/{CARDS[1]}?month=2026-09",
        "/enrolment",
        "/audit",
        "/api",
        "/verify",
    ):
        text = client.get(path).text
        assert not re.search(r'\sstyle="|\son\w+="|<script|<style|javascript:', text), path
        assert not re.search(r'(?:src|href|action)="(?!/|#)', text), path


def test_a_failure_tells_nothing_and_is_shielded(house: PortalHouse) -> None:
    """An unforeseen error answers 500 in two languages, with the shield, without a trace."""

    def fail() -> None:
        raise RuntimeError("the secret of the house")

    house.app.add_api_route("/failing", fail)
    try:
        client = TestClient(house.app, raise_server_exceptions=False, base_url=ORIGIN)
        answer = client.get("/failing")
    finally:
        house.app.router.routes.pop()
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "服务器出错" in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
