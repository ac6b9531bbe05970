"""Claims about assignments on the portal: proposed, answered, many at once, and shown to whom."""

import json
import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from fixtures_certificates import CARDS, COMPANY_A, HOST_1, PROVIDER
from fixtures_portal import ORIGIN, PortalHouse, Visitor, make_house, make_portal_month
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import Interval, Month
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.tables.facts import events
from kashi_server.storage.unit_of_work import Work
from openpyxl import Workbook, load_workbook
from sqlalchemy import insert

SENT = {"origin": ORIGIN}
OCTOBER = Month(2026, 10).interval().start
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalHouse]:
    """A portal over a month of its own, for what changes it; `portal` is for what does not."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('portal') / 'kashi.sqlite'}")
    migrate(engine)
    yield make_house(make_portal_month(Work(engine)))
    engine.dispose()


def post(visitor: Visitor, path: str, **fields: object) -> tuple[int, str]:
    """Send a form; the status, and where it leads or what it says."""
    sent = {"form_token": visitor.form_token(), **fields}
    answer = visitor.client.post(path, data=sent, headers=SENT)
    return answer.status_code, answer.headers.get("location", answer.text)


def upload(visitor: Visitor, *rows: tuple[str, ...]) -> tuple[int, str]:
    """Fill in the template that this visitor downloads, and upload it."""
    book = load_workbook(BytesIO(visitor.client.get("/proposals/template").content))
    sheet = book.worksheets[0]
    for row in rows:
        sheet.append(row)
    content = BytesIO()
    book.save(content)
    answer = visitor.client.post(
        "/proposals/preview",
        data={"form_token": visitor.form_token()},
        files={"sheet": ("x.xlsx", content.getvalue(), SHEET)},
        headers=SENT,
    )
    return answer.status_code, answer.text


def stored(house: PortalHouse) -> dict[str, Assignment]:
    """What stands among the assignments."""
    with house.month.work.begin(writes=False) as unit:
        return {one.assignment_id: one for one in unit.expense.assignments()}


def test_one_proposal_from_form_to_confirmation(house: PortalHouse) -> None:
    """The provider proposes, the company is told on its first page, and confirms with a click."""
    provider = house.visitor().sign_in("provider")
    company = house.visitor().sign_in("company-a")
    assert "待您答复" not in company.client.get("/usage").text

    fields = {"contract": "HT-A", "device": CARDS[2], "from": "2026-10-01T10:20"}
    status, path = post(provider, "/proposals", **fields)
    assert (status, path) == (303, "/assignments/HT-A-0003")
    assert "1 项提议待您答复" in company.client.get("/usage").text
    page = company.client.get(path).text
    assert 'value="confirm"' in page
    assert "暂挂" in page
    assert 'value="confirm"' not in provider.client.get(path).text
    assert post(company, f"{path}/answer", answer="confirm")[0] == 303

    made = stored(house)["HT-A-0003"]
    assert (made.confirmed_by, made.interval) == (COMPANY_A, Interval(OCTOBER + 620, None))
    assert "待您答复" not in company.client.get("/usage").text
    history = house.signed_in("officer").get(path).text
    assert "company-a" in history
    assert 'method="post" action="/assignments' not in history
    audit = json.loads(house.signed_in("auditor").get("/api/v1/audit").text)
    acts = [(one["act"], one["login"]) for one in audit if one["act"].startswith("assignment")]
    assert acts == [
        ("assignment-confirmed", "company-a"),
        ("assignment-proposed", "provider"),
    ]


def test_what_is_wrong_with_a_proposal_is_told_beside_the_form(portal: PortalHouse) -> None:
    """Seconds, closed months, foreign contracts: what was typed stays, nothing is taken."""
    provider = portal.visitor().sign_in("provider")
    for fields, said in (
        ({"from": "2026-10-01T10:20:30"}, "整分钟"),
        ({"from": "2026-09-30T10:20"}, "closed until"),
        ({"contract": "HT-X"}, "没有该合同"),
        ({"device": "GPU-unknown"}, "GPU-unknown"),
        ({"from": ""}, "必填"),
    ):
        whole = {"contract": "HT-A", "device": CARDS[2], "from": "2026-10-01T10:20"} | fields
        status, page = post(provider, "/proposals", **whole)
        assert (status, said in page) == (422, True), fields
        assert f'value="{whole["device"]}"' in page
    assert set(stored(portal)) == {"AS-0", "AS-1", "AS-2", "AS-3"}


def test_a_decline_needs_a_reason_and_frees_the_card(house: PortalHouse) -> None:
    """Without one the page says so; with one the history keeps it."""
    provider = house.visitor().sign_in("provider")
    company = house.visitor().sign_in("company-a")
    fields = {"contract": "HT-A", "device": CARDS[2], "from": "2026-10-01T00:00"}
    _status, path = post(provider, "/proposals", **fields)

    status, page = post(company, f"{path}/answer", answer="decline")
    assert (status, "拒绝须说明理由" in page) == (409, True)
    assert post(company, f"{path}/answer", answer="decline", reason="不是这张卡")[0] == 303
    assert "不是这张卡" in provider.client.get(path).text
    assert "HT-A-0003" not in stored(house)
    assert post(company, f"{path}/answer", answer="nonsense")[0] == 400


def test_an_end_is_proposed_and_confirmed(house: PortalHouse) -> None:
    """Of a confirmed assignment, on a whole minute, by either side."""
    provider = house.visitor().sign_in("provider")
    company = house.visitor().sign_in("company-a")
    path = "/assignments/AS-0"
    assert post(company, f"{path}/end", until="2026-10-05T10:20:01")[0] == 409
    assert post(company, f"{path}/end", until="2026-09-20T10:20")[0] == 409
    assert post(company, f"{path}/end", until="2026-10-05T10:20", reason="归还")[0] == 303
    assert "1 项提议待您答复" in provider.client.get("/usage").text
    assert stored(house)["AS-0"].interval.end is None
    assert post(provider, f"{path}/answer", answer="confirm")[0] == 303
    assert stored(house)["AS-0"].interval.end == OCTOBER + 4 * 1440 + 620


def test_many_are_proposed_by_sheet_after_a_preview(house: PortalHouse) -> None:
    """Template, upload, preview, take; then the other side confirms the list with one click."""
    provider = house.visitor().sign_in("provider")
    company = house.visitor().sign_in("company-a")
    rows = (
        ("HT-A", CARDS[2], "2026-10-01 10:20", "2026-10-02"),
        ("HT-A", CARDS[3], "2026-10-01 10:20", "", "A-4"),
    )
    status, page = upload(provider, *rows)
    assert status == 200
    assert "HT-A-0003" in page
    assert set(stored(house)) == {"AS-0", "AS-1", "AS-2", "AS-3"}
    carried = re.search(r'name="rows" value="([^"]*)"', page)
    assert carried is not None
    text = carried[1].replace("&#34;", '"')
    assert post(provider, "/proposals/rows", rows=text)[0] == 303

    waiting = company.client.get("/assignments").text
    chosen = re.findall(r'name="chosen" value="([^"]+)" checked', waiting)
    assert set(chosen) == {"HT-A-0003", "A-4"}
    assert post(company, "/proposals/answers", chosen=chosen, answer="confirm")[0] == 303
    made = stored(house)
    assert made["A-4"].confirmed
    assert made["HT-A-0003"].interval == Interval(OCTOBER + 620, OCTOBER + 1440)
    # Sent again, the same rows overlap what they became.
    assert post(provider, "/proposals/rows", rows=text)[0] == 422


def test_mistakes_of_a_sheet_are_told_by_row_and_column(portal: PortalHouse) -> None:
    """One wrong row keeps out all of them; each mistake says what to do."""
    provider = portal.visitor().sign_in("provider")
    status, page = upload(
        provider,
        ("HT-A", CARDS[2], "2026-10-01 10:20"),
        ("HT-A", CARDS[2], "2026-10-03 00:00"),
        ("HT-X", CARDS[3], "soon"),
    )
    assert status == 422
    told = re.findall(r'<tr><td class="n">(\d*)</td><td>([^<]*)</td>', page)
    assert told == [("4", "开始时间 from")]
    status, page = upload(
        provider,
        ("HT-A", CARDS[2], "2026-10-01 10:20"),
        ("HT-A", CARDS[2], "2026-10-03 00:00"),
    )
    assert status == 422
    assert "HT-A-0003" in page
    assert set(stored(portal)) == {"AS-0", "AS-1", "AS-2", "AS-3"}


@pytest.mark.parametrize("content", [b"", b"rubbish", b"PK\x03\x04", bytes(100)])
def test_an_upload_that_is_no_spreadsheet_is_one_sentence(
    portal: PortalHouse, content: bytes
) -> None:
    """It says how to save the file, and the form stands below it again."""
    provider = portal.visitor().sign_in("provider")
    answer = provider.client.post(
        "/proposals/preview",
        data={"form_token": provider.form_token()},
        files={"sheet": ("x.xlsx", content, SHEET)},
        headers=SENT,
    )
    assert answer.status_code == 422
    assert "请另存为 .xlsx" in answer.text
    assert 'id="many"' in answer.text


@pytest.mark.parametrize(
    "rows",
    [
        "[[1e400]]",
        "[[Infinity]]",
        "",
        "[]",
        "[[1]]",
        "{",
        '[["1",2,"x","y","z","w"]]',
        "[" * 5000,
        '[[1,"a"]]',
    ],
)
def test_rows_that_no_preview_wrote_are_refused(portal: PortalHouse, rows: str) -> None:
    """Whatever somebody sends in place of the preview's rows is a sentence, and takes nothing."""
    provider = portal.visitor().sign_in("provider")
    assert post(provider, "/proposals/rows", rows=rows)[0] == 400


def test_the_template_names_ones_own_contracts_only(portal: PortalHouse) -> None:
    """Company A's template lists its contract and not that of company B; the provider's both."""
    for login, expected in (("company-a", {"HT-A"}), ("provider", {"HT-A", "HT-B"})):
        client = portal.signed_in(login)
        answer = client.get("/proposals/template")
        assert answer.headers["content-type"] == SHEET
        book = load_workbook(BytesIO(answer.content))
        listed = {row[0] for row in book.worksheets[1].iter_rows(min_row=2, values_only=True)}
        assert listed == expected
        assert "sheet.xml" not in answer.headers["content-disposition"]


def test_a_sheet_without_the_templates_heads_says_which(portal: PortalHouse) -> None:
    """A foreign head, a head twice and a missing one are named with the first row."""
    provider = portal.visitor().sign_in("provider")
    book = Workbook()
    assert book.active is not None
    book.active.append(["合同编号", "contract", "colour", "from"])
    book.active.append(["HT-A", "HT-A", "red", "2026-10-01"])
    content = BytesIO()
    book.save(content)
    answer = provider.client.post(
        "/proposals/preview",
        data={"form_token": provider.form_token()},
        files={"sheet": ("x.xlsx", content.getvalue(), SHEET)},
        headers=SENT,
    )
    told = re.findall(r'<tr><td class="n">1</td><td>([^<]*)</td>', answer.text)
    assert told == ["contract", "colour", "设备编号 device"]


def test_lists_are_filtered_by_state_and_contract(portal: PortalHouse) -> None:
    """The office sees every assignment and picks by contract."""
    officer = portal.signed_in("officer")
    every = re.findall(r'href="/assignments/([^"]+)"', officer.get("/assignments").text)
    assert set(every) == {"AS-0", "AS-1", "AS-2", "AS-3"}
    some = officer.get("/assignments?contract=HT-B&standing=confirmed").text
    assert set(re.findall(r'href="/assignments/([^"]+)"', some)) == {"AS-2", "AS-3"}
    assert "/proposals" not in some
    assert PROVIDER not in portal.signed_in("company-b").get("/assignments").text


# Where a party's visit begins, and what it sees of its hosts


def test_a_party_lands_on_the_last_month_with_statements(portal: PortalHouse) -> None:
    """September, which is closed, not October, which runs; the running month is one link away."""
    for login in ("company-a", "provider"):
        page = portal.signed_in(login).get("/usage").text
        assert "2026-09" in re.findall(r"<h1>(.*?)</h1>", page)[0], login
        running = re.findall(r'href="(/usage\?month=[^"]+)">查看本月', page)
        assert running == ["/usage?month=2026-10"]
        assert "查看本月" not in portal.signed_in(login).get(running[0]).text


def test_a_hosts_events_are_told_in_words(house: PortalHouse) -> None:
    """Health and faults stand on the host's page with the vendor's code, to its people alone."""
    now = house.clock()
    rows = [
        (1, now - 3_600_000, CARDS[0], 9, "began: 0x80E01801", 0x80E01801),
        (2, now - 1_800_000, CARDS[0], 8, "health 0x2", 2),
        (3, now - 900_000, "", 9, "", 0),
        (4, now - 40 * 86_400_000, CARDS[0], 3, "XID 79", 79),
    ]
    with house.month.work.begin() as unit:
        unit.connection.execute(
            insert(events),
            [
                {
                    "host_id": HOST_1,
                    "epoch": 99,
                    "sequence": sequence,
                    "ordinal": 0,
                    "hardware_id": hardware_id,
                    "utc_ms": utc_ms,
                    "kind": kind,
                    "detail": detail,
                    "value": value,
                }
                for sequence, utc_ms, hardware_id, kind, detail, value in rows
            ],
        )
        unit.commit()
    page = house.signed_in("provider").get(f"/hosts/{HOST_1}").text
    shown = page[page.index('id="events"') :]
    assert "尚未解除的故障与健康告警" in shown
    assert "began: 0x80E01801" in shown
    assert "计量无响应" in shown
    assert "XID 79" not in shown, "the page shows a week"
    english = house.visitor().sign_in("provider")
    fields = {"form_token": english.form_token(), "language": "en", "back": "/"}
    english.client.post("/look", data=fields, headers=SENT)
    page = english.client.get(f"/hosts/{HOST_1}").text
    assert "health changed" in page
    assert "meter hung" in page
