"""Claims about the portal's pages: words, figures, files, verification."""

import hashlib
import re

import pytest
from fixtures_certificates import CARDS, COMPANY_A, PROVIDER
from fixtures_portal import (
    ORIGIN,
    PortalHouse,
    Visitor,
    make_house,
    make_portal_month,
)
from kashi_server.portal.locale.catalogue import WORDS
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.tokens import secret_sha256
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.tables.identity import enrolment_tokens
from kashi_server.storage.unit_of_work import Work
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


# Words and looks


def test_language_theme_and_size_are_kept(house: PortalHouse) -> None:
    """Chinese first; the choice of English, dark and large comes back on the next visit."""
    visitor = house.visitor()
    first = visitor.client.get("/verify")
    assert '<html lang="zh-CN"' in first.text
    assert "核验算力使用证明" in first.text
    fields = {
        "form_token": visitor.form_token(),
        "language": "en",
        "theme": "dark",
        "size": "large",
        "back": "/verify?number=1",
    }
    answer = visitor.client.post("/look", data=fields, headers=SENT)
    assert answer.headers["location"] == "/verify?number=1"
    second = visitor.client.get("/verify").text
    assert '<html lang="en" data-theme="dark" data-size="large"' in second
    assert "Verify a usage certificate" in second
    visitor.client.cookies.set("kashi-look", 'xx.<b>."', domain="portal.example")
    assert (
        '<html lang="zh-CN" data-theme="auto" data-size="normal"'
        in visitor.client.get("/verify").text
    )


def test_a_demonstration_says_so_on_every_page(
    house: PortalHouse, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The banner stands on public and private pages and errors of a demo, nowhere else."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('demo') / 'kashi.sqlite'}")
    migrate(engine)
    demo = make_house(make_portal_month(Work(engine), demo=True), demo=True)
    banner = "演示服务器"
    inside, outside = demo.signed_in("officer"), house.signed_in("officer")
    for path in ("/verify", "/overview", "/hosts", "/certificates", "/nowhere", "/api"):
        assert banner in inside.get(path).text, path
        assert banner not in outside.get(path).text, path
    assert banner in demo.visitor().client.get("/sign-in").text
    engine.dispose()


def test_data_is_shown_as_text(house: PortalHouse) -> None:
    """What people type comes back escaped."""
    text = house.visitor().client.get('/verify?number="><script>alert(1)</script>').text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


# What pages say


def test_the_overview_sums_what_statements_say(house: PortalHouse) -> None:
    """Card-hours and eligible expense by company are the statements' own, to the fen."""
    rows = house.signed_in("officer").get("/api/v1/company-months").json()
    with house.month.work.begin(writes=False) as unit:
        statements = unit.expense.statements()
    for row in rows:
        own = [s for s in statements if s.user_id == row["user"]["party_id"]]
        assert row["eligible_fen"] == sum(s.eligible_fen for s in own)
        assert row["amount_fen"] == sum(s.amount_fen for s in own)
    assert {row["user"]["party_id"] for row in rows} == {s.user_id for s in statements}
    page = house.signed_in("officer").get("/overview?month=2026-09").text
    assert '<svg class="chart' in page
    eligible = sum(s.eligible_fen for s in statements)
    assert f"{eligible // 100}.{eligible % 100:02d}" in page


def test_a_day_shows_activity_without_a_holder(house: PortalHouse) -> None:
    """Beside the activity, hour by hour, as measured; also where there is none."""
    page = house.signed_in("officer").get(f"/devices/{CARDS[1]}/days/2026-09-11").text

    assert "无占用者的活动（小时）" in page


def test_a_statement_says_why_usage_earns_nothing(house: PortalHouse) -> None:
    """Company A's own host has no tenure on file: its statement names the reason in words."""
    client = house.signed_in("company-a")
    numbers = re.findall(r'href="/statements/([^"?]+)"', client.get("/statements").text)
    pages = [client.get(f"/statements/{number}").text for number in set(numbers)]
    assert any("主机的产权与用途尚未登记" in page for page in pages)


def test_statement_json_is_the_stored_bytes(house: PortalHouse) -> None:
    """The interface hands out a statement's canonical bytes, not a rendering of them."""
    number = certificate_of(house, COMPANY_A).statement_number
    with house.month.work.begin(writes=False) as unit:
        stored = unit.expense.statement(number)
    assert stored is not None
    body = house.signed_in("company-a").get(f"/api/v1/statements/{number}").content
    assert body == stored.content
    assert hashlib.sha256(body).digest() == stored.sha256


@pytest.mark.parametrize(
    ("file", "kind", "media"),
    [
        ("certificate.pdf", "pdf", "application/pdf"),
        ("statement.json", "statement", "application/json"),
        ("evidence.json", "evidence", "application/json"),
        ("bundle.zip", "bundle", "application/zip"),
    ],
)
def test_downloads_are_byte_for_byte_what_was_issued(
    house: PortalHouse, file: str, kind: str, media: str
) -> None:
    """A whole file, whatever range is asked for, under its own name."""
    number = certificate_of(house, COMPANY_A).number
    answer = house.signed_in("company-a").get(
        f"/certificates/{number}/{file}", headers={"range": "bytes=0-9"}
    )
    assert answer.status_code == 200
    assert answer.content == house.month.keeping.file(number, kind)
    assert answer.headers["content-type"].startswith(media)
    assert answer.headers["content-disposition"] == f'attachment; filename="{number}-{file}"'


def test_a_new_token_comes_with_the_command_that_uses_it(house: PortalHouse) -> None:
    """The page shows the whole command once; the database knows the token's digest only."""
    visitor = house.visitor().sign_in("provider")
    fields = {"form_token": visitor.form_token(), "party_id": PROVIDER, "hours": "8"}
    text = visitor.client.post("/enrolment", data=fields, headers=SENT).text
    found = re.search(
        r"sudo kashi-agent enrol --server kashi\.example:7444 --token (kashi1\.\S+)</pre>", text
    )
    assert found is not None
    secret = found[1].split(".")[1]
    with house.month.work.begin(writes=False) as unit:
        row = unit.connection.execute(
            select(enrolment_tokens).where(enrolment_tokens.c.token_sha256 == secret_sha256(secret))
        ).one()
    assert row.operator_party_id == PROVIDER
    assert row.issued_by == "provider"
    assert row.expires_utc_ms - row.issued_utc_ms == 8 * 60 * MINUTE_MS


def test_the_interface_describes_itself_without_a_stranger(house: PortalHouse) -> None:
    """OpenAPI lists every JSON address, and nothing of it is loaded from elsewhere."""
    client = house.visitor().client
    described = client.get("/api/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert "/api/v1/devices/{hardware_id}/months/{month}" in described["paths"]
    assert all(path.startswith("/api/v1/") for path in described["paths"])
    told = client.get("/api").text
    for path, methods in described["paths"].items():
        assert path in told
        zh, en = WORDS[f"api.operation.{methods['get']['operationId']}"]
        assert methods["get"]["summary"] == f"{zh} {en}"
        assert f"<td>{zh}</td>" in told


# Verification


def verified(visitor: Visitor, number: str, code: str) -> str:
    """What the page answers to a number and a code."""
    fields = {"form_token": visitor.form_token(), "number": number, "code": code}
    answer = visitor.client.post("/verify", data=fields, headers=SENT)
    assert answer.status_code == 200
    return answer.text


def test_number_and_code_show_masked_key_fields(house: PortalHouse) -> None:
    """Who holds the document sees that it stands, for how much, and half the company's name."""
    certificate = certificate_of(house, COMPANY_A)
    visitor = house.visitor(address="203.0.113.10")
    text = verified(visitor, certificate.number.lower(), certificate.code.replace("-", " "))
    assert "当前状态：有效" in text
    assert COMPANY_A not in text
    assert "深圳甲智能科技有限公司" not in text
    assert "深圳" in text
    by_address = visitor.client.get(f"/verify?number={certificate.number}&code={certificate.code}")
    assert "当前状态：有效" in by_address.text


def test_a_wrong_code_and_a_wrong_number_read_the_same(house: PortalHouse) -> None:
    """Nobody learns which numbers exist."""
    certificate = certificate_of(house, COMPANY_A)
    visitor = house.visitor(address="203.0.113.11")
    pages = {
        verified(visitor, number, code).replace(number, "N").replace(code, "C")
        for number, code in (
            (certificate.number, "2345-6789-ABCD-EFGH"),
            (certificate.number, "nonsense-code"),
            ("KC-202609-000099-21", certificate.code),
            ("no-number-at-all", certificate.code),
        )
    }
    assert len(pages) == 1
    assert "没有与该编号和核验码相符的证明" in pages.pop()


def test_a_document_is_known_by_its_bytes(house: PortalHouse) -> None:
    """The PDF as issued is recognised; one flipped byte is not."""
    certificate = certificate_of(house, COMPANY_A)
    content = house.month.keeping.file(certificate.number, "pdf")
    visitor = house.visitor(address="203.0.113.12")

    def answer(document: bytes) -> str:
        files = {"document": ("证明.pdf", document, "application/pdf")}
        fields = {"form_token": visitor.form_token()}
        return visitor.client.post("/verify/document", data=fields, files=files, headers=SENT).text

    assert "逐字节一致" in answer(content)
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    assert "没有出具过" in answer(bytes(changed))
    assert "没有出具过" in answer(b"")


def test_verification_is_paced_by_address(house: PortalHouse) -> None:
    """Twenty tries at once, then one every three seconds; another address is not held back."""
    visitor = house.visitor(address="203.0.113.13")
    statuses = [_try(visitor) for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    assert _try(house.visitor(address="203.0.113.14")) == 200
    house.clock.advance(3000)
    assert [_try(visitor), _try(visitor)] == [200, 429]


def _try(visitor: Visitor) -> int:
    fields = {"form_token": visitor.form_token(), "number": "x", "code": "y"}
    return visitor.client.post("/verify", data=fields, headers=SENT).status_code
