"""Claims about stated usage on the portal: both sides see what was stated, and say their word.

Who sees whose, on PostgreSQL under row-level security as well, is in `test_portal_isolation`.
"""

import pytest
from fixtures_certificates import COMPANY_A
from fixtures_portal import ORIGIN, PASSWORD, PortalHouse, Visitor
from kashi_server.domain.attestation import AttestationState
from kashi_server.services.accounts import Role
from kashi_server.services.acting import Acting
from kashi_server.services.sight import Reader
from kashi_server.services.stating import UsageStating
from portal_stated import source, state
from sqlalchemy import event

SENT = {"origin": ORIGIN}


@pytest.fixture(scope="module")
def house(either_portal: PortalHouse) -> PortalHouse:
    """The portal of the month, on both databases."""
    return either_portal


def say(visitor: Visitor, attestation_id: str, word: str, reason: str = "") -> tuple[int, str]:
    """Send the form of an attestation; the status, and where it leads or what it says."""
    fields = {"form_token": visitor.form_token(), "answer": word, "reason": reason}
    sent = visitor.client.post(f"/stated/{attestation_id}/answer", data=fields, headers=SENT)
    return sent.status_code, sent.headers.get("location", sent.text)


def awaiting(house: PortalHouse) -> int:
    """How many await company A."""
    return house.parts.stated.awaiting(Reader(account_id=1, role=Role.COMPANY, party_id=COMPANY_A))


def standing(house: PortalHouse, attestation_id: str) -> AttestationState:
    """How it stands."""
    stating = UsageStating(house.month.work, house.clock)
    return stating.attestation(attestation_id, Acting(actor="officer")).state


def test_a_company_sees_what_was_stated_and_countersigns_it(house: PortalHouse) -> None:
    """File, hashes, months and lines stand on the page; one click counts, and both are told."""
    company = house.visitor().sign_in("company-a")
    provider = house.visitor().sign_in("provider")
    before = awaiting(house)
    named = state(house.month, "HT-A", "i-seen")

    assert f"{before + 1} 项用量声明待您会签" in company.client.get("/usage").text
    assert "待您会签" not in provider.client.get("/usage").text
    assert f'href="/stated/{named}"' in company.client.get("/stated").text
    page = company.client.get(f"/stated/{named}").text
    for told in (
        "bill-HT-A.csv", source("HT-A", "i-seen").sha256, "2026-10</th>", "2026-09</th>",
        "8.0000", "4.0000",
        "12.0000", "i-seen", "2026-09-30 08:00:00", 'value="countersign"', 'value="refuse"',
    ):  # fmt: skip
        assert told in page, told
    assert 'value="countersign"' not in provider.client.get(f"/stated/{named}").text

    assert say(company, named, "countersign") == (303, f"/stated/{named}")
    assert standing(house, named) is AttestationState.COUNTERSIGNED
    assert "已会签" in provider.client.get(f"/stated/{named}").text
    assert say(company, named, "countersign")[0] == 409
    acts = house.signed_in("auditor").get("/api/v1/audit").json()
    assert ("stated-countersign", "company-a", named) in {
        (one["act"], one["login"], one["subject"]) for one in acts
    }


def test_a_refusal_and_a_withdrawal_say_why(house: PortalHouse) -> None:
    """Without a reason nothing is refused; with one it stands, and only the other side's own
    word is ever taken: a provider cannot countersign, a company cannot withdraw for it."""
    named = state(house.month, "HT-A", "i-refused")
    other = state(house.month, "HT-B", "i-withdrawn")
    company = house.visitor().sign_in("company-a")
    provider = house.visitor().sign_in("provider")

    status, page = say(company, named, "refuse")
    assert (status, "请说明理由" in page) == (409, True)
    assert say(provider, named, "countersign", "我方已核对")[0] == 409
    assert standing(house, named) is AttestationState.STATED
    assert say(company, named, "refuse", "并非本公司作业")[0] == 303
    assert say(provider, other, "withdraw", "时长有误")[0] == 303

    assert standing(house, named) is AttestationState.WITHDRAWN
    assert standing(house, other) is AttestationState.WITHDRAWN
    assert "并非本公司作业" in provider.client.get(f"/stated/{named}").text
    assert say(company, named, "nonsense", "x")[0] == 400


def test_what_was_countersigned_both_sides_take_back(house: PortalHouse) -> None:
    """One side's word waits and says so; the other's ends it."""
    named = state(house.month, "HT-A", "i-reversed")
    company = house.visitor().sign_in("company-a")
    provider = house.visitor().sign_in("provider")
    assert say(company, named, "countersign", "对账单")[0] == 303

    assert say(company, named, "reverse", "重复")[0] == 303
    assert standing(house, named) is AttestationState.COUNTERSIGNED
    assert "待另一方同意" in provider.client.get(f"/stated/{named}").text
    assert 'value="reverse"' not in company.client.get(f"/stated/{named}").text
    assert say(provider, named, "reverse", "重复，同意")[0] == 303

    assert standing(house, named) is AttestationState.REVERSED


def test_one_login_is_not_both_sides(house: PortalHouse) -> None:
    """Whoever took the provider's statement in does not countersign it, under no role."""
    house.accounts.create("both", PASSWORD, Role.COMPANY, COMPANY_A)
    named = state(house.month, "HT-A", "i-both", by="both")
    both = house.visitor().sign_in("both")

    status, page = say(both, named, "countersign", "对账单")

    assert (status, "双方的意见须由不同账号录入" in page) == (409, True)
    assert standing(house, named) is AttestationState.STATED


@pytest.mark.parametrize("login", ["officer", "auditor"])
def test_the_office_reads_and_says_nothing(house: PortalHouse, login: str) -> None:
    """It sees every statement of usage; a form of its own reads like a page that is not there."""
    named = state(house.month, "HT-A", f"i-{login}")
    visitor = house.visitor().sign_in(login)

    page = visitor.client.get(f"/stated/{named}").text
    assert source("HT-A", f"i-{login}").sha256 in page
    assert 'action="/stated' not in page
    assert say(visitor, named, "countersign", "x")[0] == 404
    assert standing(house, named) is AttestationState.STATED


def test_a_form_without_the_pages_token_countersigns_nothing(house: PortalHouse) -> None:
    """Nor does one that another site sends."""
    named = state(house.month, "HT-A", "i-strange")
    company = house.visitor().sign_in("company-a")
    path, token = f"/stated/{named}/answer", company.form_token()

    bare = company.client.post(path, data={"answer": "countersign"}, headers=SENT)
    fields = {"answer": "countersign", "form_token": token}
    strange = company.client.post(path, data=fields, headers={"origin": "https://evil.example"})

    assert (bare.status_code, strange.status_code) == (403, 403)
    assert standing(house, named) is AttestationState.STATED


def test_a_list_is_paged_in_the_database_and_reads_no_record(house: PortalHouse) -> None:
    """What awaits the company first, then the latest, in every state; two pages hold what one
    holds, each by the same few queries, and none takes a row of records out of the database."""
    waits, refused = (state(house.month, "HT-A", f"i-page-{n}") for n in range(2))
    countersigned, reversed_one = (state(house.month, "HT-A", f"i-page-{n}") for n in (2, 3))
    company = house.visitor().sign_in("company-a")
    provider = house.visitor().sign_in("provider")
    say(company, refused, "refuse", "重复")
    for named in (countersigned, reversed_one):
        say(company, named, "countersign", "对账单")
    for visitor in (company, provider):
        say(visitor, reversed_one, "reverse", "重复")
    stands = {waits: "stated", refused: "withdrawn", countersigned: "countersigned"}
    reader = Reader(account_id=1, role=Role.COMPANY, party_id=COMPANY_A)
    asked: list[str] = []

    def listen(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    desk, engine = house.parts.stated, house.month.work.engine
    whole = desk.listed(reader, None, at=1, size=1000)
    by_id = {one.attestation_id: one for one in whole.rows}
    assert {named: str(by_id[named].state) for named in stands} == stands
    assert by_id[reversed_one].state is AttestationState.REVERSED
    assert (by_id[waits].records, by_id[waits].card_ms) == (2, 12 * 3_600_000)
    places = [one.state is AttestationState.STATED for one in whole.rows]
    assert places == sorted(places, reverse=True)
    assert sum(places) == awaiting(house)
    size = len(whole.rows) - 1
    pages = [desk.listed(reader, None, at=at, size=size) for at in (1, 2, 9)]
    assert [one.at for one in pages] == [1, 2, 2]
    assert pages[0].rows + pages[1].rows == whole.rows
    for one in AttestationState:
        cut = desk.listed(reader, one, at=1, size=1000)
        assert cut.found == len(cut.rows) == sum(row.state is one for row in whole.rows)
    event.listen(engine, "before_cursor_execute", listen)
    try:
        with house.month.work.begin(writes=False) as unit:
            unit.stated.heads(COMPANY_A, limit=1000)
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    assert len([one for one in asked if "attestations" in one]) == 1


def test_an_unknown_state_and_a_page_beyond_the_last_are_no_error(house: PortalHouse) -> None:
    """The list is shown as if they had not been asked for."""
    state(house.month, "HT-A", "i-beyond")
    client = house.signed_in("company-a")
    plain = client.get("/stated").text
    for query in ("?state=nonsense", "?at=99", "?at=-3"):
        assert client.get(f"/stated{query}").text.count("/stated/") == plain.count("/stated/")
