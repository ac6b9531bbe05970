"""Claims about money on the portal: papers in, a claim from draft to pack, two officers.

The walk is that of a company's finance clerk and of the office: the tax bureau's export, a bank's
list, a draft that says what it lacks, handing in, review, approval in two sessions, payment.
"""

import json
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO

import pytest
from changed_agreements import amendment
from claim_cases import BATCH_ID, OFFICER, invoice_number, rules
from fixtures_certificates import COMPANY_A, PROVIDER, CertifiedMonth
from fixtures_database import Database
from fixtures_portal import (
    ORIGIN,
    PASSWORD,
    PortalHouse,
    Visitor,
    make_house,
    make_portal_month,
)
from kashi_server.services.accounts import Role
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ledger import Ledger
from kashi_server.services.rulebook import Rulebook
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.unit_of_work import Work
from openpyxl import Workbook
from portal_money import open_batch

SENT = {"origin": ORIGIN}
DECLARED = {
    "kind": "企业",
    "legal_person": "yes",
    "listed_provider": "no",
    "purpose": "training",
    "other_money": "none",
}
PERIOD = {"first": "2026-09-01", "last": "2026-12-31"}
HEADS = (
    "数电发票号码", "销方识别号", "销方名称", "购方识别号", "购买方名称", "开票日期",
    "货物或应税劳务名称", "金额", "税额", "价税合计", "发票状态",
)  # fmt: skip


@pytest.fixture
def house(sqlite_database: Database) -> PortalHouse:
    """A portal over a month of its own with papers and an open batch."""
    return with_batch(sqlite_database.work)


@pytest.fixture
def guarded(postgresql_database: Database) -> Iterator[PortalHouse]:
    """The same on PostgreSQL, reading as the role that row-level security holds."""
    urls = role_urls(postgresql_database.url, "ingest-secret", "portal-secret")
    install_roles(postgresql_database.engine, urls)
    portal = Work(open_engine(urls.portal))
    try:
        yield with_batch(postgresql_database.work, portal)
    finally:
        portal.engine.dispose()


def with_batch(work: Work, portal_work: Work | None = None) -> PortalHouse:
    """A portal over a certified month, papers of both companies, two officers and a batch."""
    month: CertifiedMonth = make_portal_month(work)
    made = make_house(month, portal_work=portal_work)
    made.accounts.create("second", PASSWORD, Role.OFFICER, None)
    open_batch(month)
    return made


def post(visitor: Visitor, path: str, **fields: object) -> tuple[int, str]:
    """Send a form; the status, and where it leads or what it says."""
    sent = {"form_token": visitor.form_token(), **fields}
    answer = visitor.client.post(path, data=sent, headers=SENT)
    return answer.status_code, answer.headers.get("location", answer.text)


def upload(visitor: Visitor, path: str, field: str, name: str, content: bytes) -> tuple[int, str]:
    """Send a file."""
    answer = visitor.client.post(
        path,
        data={"form_token": visitor.form_token()},
        files={field: (name, content, "application/octet-stream")},
        headers=SENT,
    )
    return answer.status_code, answer.text


def sheet(*rows: tuple[object, ...]) -> bytes:
    """An XLSX file."""
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(list(row))
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def exported(number: str, status: str = "正常", yuan: str = "500.00") -> tuple[object, ...]:
    """A row of the tax bureau's export: an invoice of the provider to company A."""
    return (
        number, PROVIDER, "供给方", COMPANY_A, "需求方", "2026-10-09", "算力租用", yuan,
        "0.00", yuan, status,
    )  # fmt: skip


def drafted(house: PortalHouse) -> tuple[Visitor, str]:
    """Company A's clerk with a draft; the visitor and the claim's path."""
    clerk = house.visitor().sign_in("company-a")
    fields = {"batch": BATCH_ID, "contract": "HT-A", **PERIOD, **DECLARED}
    status, path = post(clerk, "/claims/new", **fields)
    assert status == 303, path
    return clerk, path


def step(visitor: Visitor, path: str, name: str, **fields: object) -> tuple[int, str]:
    """Take a step as its form has it."""
    page = visitor.client.get(path).text
    serial = re.search(r'name="serial" value="(\d+)"', page)
    sent = {"step": name, "serial": serial[1] if serial else "", **fields}
    return post(visitor, f"{path}/steps", **sent)


# Papers


def test_an_export_of_the_tax_bureau_is_taken_once(house: PortalHouse) -> None:
    """Added with its state, shown to both sides; again it changes nothing; void later is seen."""
    clerk = house.visitor().sign_in("company-a")
    number = "26442000000000007777"
    status, page = upload(
        clerk, "/papers/invoices", "invoices", "export.xlsx", sheet(HEADS, exported(number))
    )
    assert status == 200
    assert "新增 1 项" in page
    assert number in clerk.client.get("/papers").text
    _status, page = upload(
        clerk, "/papers/invoices", "invoices", "export.xlsx", sheet(HEADS, exported(number))
    )
    assert "新增 0 项，更新 0 项，原已一致 1 项" in page
    later = sheet(HEADS, exported(number, "已作废"))
    _status, page = upload(clerk, "/papers/invoices", "invoices", "export.xlsx", later)
    assert "更新 1 项" in page
    shown = house.signed_in("provider").get(f"/papers/invoices/{number}").text
    assert "已作废" in shown
    assert number not in house.signed_in("company-b").get("/papers").text


def test_mistakes_of_a_file_of_papers_keep_out_all_of_it(house: PortalHouse) -> None:
    """Each is told with file, row and column; no file, no table and rubbish are one sentence."""
    clerk = house.visitor().sign_in("company-a")
    rows = sheet(HEADS, exported("26442000000000008888"), exported("123"))
    status, page = upload(clerk, "/papers/invoices", "invoices", "export.xlsx", rows)
    assert status == 422
    told = re.findall(r'<tr><td>([^<]*)</td><td class="n">(\d+)</td><td>([^<]*)</td>', page)
    assert told == [("export.xlsx[Sheet]", "3", "数电发票号码")]
    assert "26442000000000008888" not in clerk.client.get("/papers").text
    for path, field in (("/papers/invoices", "invoices"), ("/papers/payments", "payments")):
        for content in (b"rubbish", b"<xml", b"PK\x03\x04broken", bytes(50)):
            assert upload(clerk, path, field, "x.xlsx", content)[0] == 422, (path, content)
        assert upload(clerk, path, field, "x.xlsx", b"")[0] == 400
    assert post(clerk, "/papers/files", kind="contract", subject="HT-A")[0] == 409


def test_evidence_comes_back_byte_for_byte_under_its_name(house: PortalHouse) -> None:
    """Whatever its name, as a download that a browser neither runs nor shows."""
    clerk = house.visitor().sign_in("company-a")
    content = b"<?xml version='1.0'?><html><script>alert(1)</script></html>"
    answer = clerk.client.post(
        "/papers/files",
        data={"form_token": clerk.form_token(), "kind": "contract", "subject": "HT-A"},
        files={"file": ("../../合同 补充.xml", content, "text/html")},
        headers=SENT,
    )
    assert answer.status_code == 303, answer.text
    page = clerk.client.get("/papers").text
    assert "合同 补充.xml" in page
    link = re.search(r'href="(/papers/files/[0-9a-f]{64})"', page)
    assert link is not None
    got = clerk.client.get(link[1])
    assert got.content == content
    assert got.headers["content-type"].startswith("application/xml")
    assert got.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%E5")
    assert got.headers["x-content-type-options"] == "nosniff"


def test_lines_are_said_to_be_for_parts(house: PortalHouse) -> None:
    """The clerk chooses the contract's part of a line; a part that is none is refused."""
    clerk = house.visitor().sign_in("company-a")
    number = "26442000000000007777"
    upload(clerk, "/papers/invoices", "invoices", "e.xlsx", sheet(HEADS, exported(number)))
    path = f"/papers/invoices/{number}"
    assert post(clerk, f"{path}/parts", **{"line-1": "HT-A/none"})[0] == 409
    assert post(clerk, f"{path}/parts", **{"line-1": "HT-A/accelerator"})[0] == 303
    assert 'value="HT-A/accelerator" selected' in clerk.client.get(path).text


# Claims


def test_a_draft_says_what_it_comes_to_what_is_missing_and_why(house: PortalHouse) -> None:
    """Before anything is handed in: computed by every step, each with its reason."""
    clerk, path = drafted(house)
    page = clerk.client.get(path).text
    assert "225.00" in page
    assert 'id="missing"' not in page
    trace = page[page.index('id="trace"') :]
    for words in ("资格", "基数", "资助比例", "ratio.general = 0.50", "(a text)"):
        assert words in trace, words
    fields = {"batch": BATCH_ID, "contract": "HT-A", **PERIOD}
    _status, other = post(clerk, "/claims/new", **fields)
    page = clerk.client.get(other).text
    assert 'id="missing"' in page
    assert "缺少事实" in page


def test_the_whole_way_of_a_claim(house: PortalHouse) -> None:
    """Handed in, checked, reviewed, approved by two officers in two sessions, paid; the same page
    sent twice takes a step once, and one officer alone approves nothing."""
    walk(house)


def test_the_whole_way_of_a_claim_under_row_security(guarded: PortalHouse) -> None:
    """The same where the portal's role sees each reader's rows alone; papers in and pack out."""
    clerk = guarded.visitor().sign_in("company-a")
    rows = sheet(HEADS, exported("26442000000000007777"))
    assert upload(clerk, "/papers/invoices", "invoices", "e.xlsx", rows)[0] == 200
    path = walk(guarded)
    assert guarded.signed_in("company-a").get(f"{path}/pack").status_code == 200


def test_an_empty_claim_is_not_taken(house: PortalHouse) -> None:
    """The page of a second draft on the same papers says so, and its step is refused."""
    clerk, first = drafted(house)
    assert step(clerk, first, "submit")[0] == 303
    clerk, second = drafted(house)

    status, said = step(clerk, second, "submit")

    assert status == 409
    assert "nothing is claimed" in said
    assert "没有列入任何结算单" in clerk.client.get(second).text


def walk(house: PortalHouse) -> str:
    """From draft to paid, through the pages; the claim's path."""
    clerk, path = drafted(house)
    first, second = (house.visitor().sign_in(login) for login in ("officer", "second"))
    page = clerk.client.get(path).text
    serial = re.search(r'name="serial" value="(\d+)"', page)
    assert serial is not None
    sent = {"step": "submit", "serial": serial[1]}
    assert post(clerk, f"{path}/steps", **sent)[0] == 303
    assert post(clerk, f"{path}/steps", **sent)[0] == 409, "submitting is not possible twice"
    assert step(clerk, path, "approve", amount="1.00", reason="x", document="x")[0] == 409
    assert step(first, path, "check")[0] == 303
    assert step(first, path, "review", reason="符合形式要求")[0] == 303
    wanted = {"amount": "200.00", "reason": "按规定核定", "document": "纪要1号"}
    assert step(first, path, "approve", **{**wanted, "amount": "225.01"})[0] == 409
    assert step(first, path, "approve", **wanted) == (303, f"{path}?awaits=1")
    assert "officer 已提议「核定金额」" in second.client.get(path).text
    assert "已提议" not in clerk.client.get(path).text
    assert step(first, path, "approve", **wanted) == (303, f"{path}?awaits=1")
    assert step(second, path, "approve", **{**wanted, "amount": "199.00"})[0] == 409
    assert step(second, path, "approve", **wanted) == (303, path)
    assert "200.00" in clerk.client.get(path).text
    assert step(first, path, "publicise")[0] == 303
    house.clock.advance(8 * 86_400_000)
    clerk, first, second = (
        house.visitor().sign_in(login) for login in ("company-a", "officer", "second")
    )
    assert step(first, path, "issue")[0] == 303
    claim_id = path.rpartition("/")[2]
    assert f"V-{claim_id}" in clerk.client.get("/vouchers").text
    assert step(clerk, path, "use")[0] == 303
    assert step(clerk, path, "redeem")[0] == 303
    assert step(first, path, "verify", reason="票据核对无误")[0] == 303
    pay = {"reason": "拨付", "document": "支付令1号"}
    assert step(first, path, "pay", **pay) == (303, f"{path}?awaits=1")
    assert step(second, path, "pay", **pay) == (303, path)
    assert "已拨付" in clerk.client.get(path).text
    ledger = first.client.get("/ledger?account=disbursed:").text
    assert re.search(r"disbursed:[^<]*</th><td class=\"n\">200\.00", ledger)
    assert Ledger(house.month.work, house.clock).check() == []
    audit = json.loads(house.signed_in("auditor").get("/api/v1/audit").text)
    acts = [one["act"] for one in audit if one["act"].startswith("claim-")]
    assert acts[:3] == ["claim-pay", "claim-pay", "claim-verify"]
    return path


def test_a_change_under_a_paid_claim_is_on_its_page_and_on_the_offices_list(
    guarded: PortalHouse,
) -> None:
    """An amendment comes in: clerk and officer read what changed; the office, and nobody else,
    that money may be recovered, from its overview on."""
    path = walk(guarded)
    officer, clerk = guarded.signed_in("officer"), guarded.signed_in("company-a")
    assert "recoveries" not in officer.get("/overview").text
    work, clock = guarded.month.work, guarded.clock
    texts = [ImportFile("agreed.toml", amendment())]
    Importing(work, clock, guarded.parts.claims.claims).take(texts, "second", "来件")

    for reader in (officer, clerk):
        page = reader.get(path).text
        assert "金额须重新核实" in page
        assert "补充协议 补-1" in page
        assert "当日测算 50.00 元" in page
    assert "1 项已拨付的申报待核查追回" in officer.get("/overview").text
    listed = officer.get("/recoveries").text
    assert f'href="{path}"' in listed
    assert "200.00" in listed
    assert "应追回（元）" in listed
    assert "150.00" in listed
    assert "待核查追回" not in clerk.get(path).text
    assert "待核查追回" not in clerk.get("/claims").text


def test_two_officers_recover_a_part_and_say_that_no_more_is(house: PortalHouse) -> None:
    """On the claim's page; the second one's word is on the same terms; the list is empty then."""
    path = walk(house)
    texts = [ImportFile("agreed.toml", amendment())]
    importing = Importing(house.month.work, house.clock, house.parts.claims.claims)
    importing.take(texts, "second", "来件")
    first, second = (house.visitor().sign_in(login) for login in ("officer", "second"))
    wanted = {"amount": "60.00", "reason": "合同缩减", "document": "追回决定1号"}
    settling = {**wanted, "settles": "yes"}

    assert 'name="settles"' in first.client.get(path).text
    assert step(first, path, "claw_back", **settling) == (303, f"{path}?awaits=1")
    assert step(second, path, "claw_back", **wanted)[0] == 409
    assert f'href="{path}"' in first.client.get("/recoveries").text
    assert step(second, path, "claw_back", **settling) == (303, path)
    assert f'href="{path}"' not in first.client.get("/recoveries").text


def test_a_pack_holds_what_a_claim_needs(house: PortalHouse) -> None:
    """One archive with the form, the data and the papers; the office gets the same bytes."""
    clerk, path = drafted(house)
    step(clerk, path, "submit")
    answer = clerk.client.get(f"{path}/pack")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        names = set(archive.namelist())
        assert archive.testzip() is None
    assert {"claim.json", "claim.pdf", "rules.json"} <= names
    assert house.signed_in("officer").get(f"{path}/pack").content == answer.content


def test_papers_that_came_later_are_gathered_into_the_draft(house: PortalHouse) -> None:
    """One click while it is a draft; afterwards it is refused."""
    clerk, path = drafted(house)
    number = "26442000000000007777"
    upload(clerk, "/papers/invoices", "invoices", "e.xlsx", sheet(HEADS, exported(number)))
    post(clerk, f"/papers/invoices/{number}/parts", **{"line-1": "HT-A/accelerator"})
    assert number not in clerk.client.get(path).text
    assert post(clerk, f"{path}/steps", step="gather")[0] == 303
    assert number in clerk.client.get(path).text
    step(clerk, path, "submit")
    assert post(clerk, f"{path}/steps", step="gather")[0] == 409
    assert post(clerk, f"{path}/steps", step="nonsense")[0] == 409
    shown = clerk.client.get(f"/papers/invoices/{invoice_number(0)}").text
    assert "<h2>申报占用" in shown
    provider = house.signed_in("provider").get(f"/papers/invoices/{invoice_number(0)}").text
    assert "<h2>申报占用" not in provider, "what a company claims is no business of its provider"


def test_an_officer_reads_of_an_envelope_that_is_not_opened_before_approving(
    house: PortalHouse,
) -> None:
    """On the overview and on the page of batches, with the command; a company reads nothing."""
    version = rules("big", kind='"envelope"', envelope__members='["test-voucher"]')
    Rulebook(house.month.work, house.clock).register([version])
    officer, company = house.signed_in("officer"), house.signed_in("company-a")

    for path in ("/overview", "/batches"):
        page = officer.get(path).text
        assert "总盘 big 2026 年度尚未开立" in page, path
        assert "kashi-server ledger appropriate big 2026 YUAN" in page, path
    assert "尚未开立" not in company.get("/batches").text


def test_lists_count_ones_own(house: PortalHouse) -> None:
    """Batches and claims by state: the office's count is everybody's, a company's its own."""
    _clerk, path = drafted(house)
    claim_id = path.rpartition("/")[2]
    officer, rival = house.signed_in("officer"), house.signed_in("company-b")
    assert f"/claims?batch={BATCH_ID}&amp;state=draft" in officer.get("/batches").text
    assert "state=draft" not in rival.get("/batches").text
    assert claim_id in officer.get("/claims?state=draft").text
    assert claim_id not in officer.get("/claims?state=paid").text
    assert claim_id not in rival.get("/claims").text
    assert OFFICER.login in officer.get("/audit").text
