"""Claims about who sees what: every route, every reader, every id, and every minute.

The matrix names every route of the application. What is somebody else's must answer exactly like
what does not exist: same status, same headers, same bytes. A route without an entry fails.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import pytest
from claim_cases import BATCH_ID, invoice_number
from fastapi.routing import APIRoute, iter_route_contexts
from fixtures_certificates import (
    CARDS,
    COMPANY_A,
    COMPANY_B,
    HOST_1,
    HOST_2,
    PROVIDER,
    SPLIT_MINUTE,
    START_MINUTE,
    CertifiedMonth,
)
from fixtures_ingest import sums_of
from fixtures_portal import (
    LOGINS,
    ORIGIN,
    OWN_CARD,
    OWN_HOST,
    PortalHouse,
    Visitor,
)
from httpx2 import Response
from kashi_server.domain.assignment_draft import AssignmentDraft
from kashi_server.domain.evidence_file import Subject
from kashi_server.domain.interval import MINUTE_MS, Interval, Month
from kashi_server.domain.usage import QUANTITY_NAMES, Quantities
from kashi_server.services.accounts import Role
from kashi_server.services.assignment import Actor
from kashi_server.services.claims import Acting
from kashi_server.services.paper_desk import Uploaded
from kashi_server.services.sight import Reader
from kashi_server.storage.tables.identity import enrolment_tokens
from portal_money import draft, open_batch
from portal_stated import state
from sqlalchemy import func, select


@pytest.fixture(scope="module")
def portal(either_portal: PortalHouse) -> PortalHouse:
    """The portal on SQLite, and on PostgreSQL as the role that row-level security holds."""
    return with_proposals(either_portal)


def with_proposals(house: PortalHouse) -> PortalHouse:
    """The house with a proposal of the provider to each company that waits for its answer."""
    providing = Actor(login="provider", party_id=PROVIDER)
    house.parts.assigning.propose(
        providing,
        [
            AssignmentDraft(
                row=row,
                contract_id=contract_id,
                hardware_id=card,
                interval=Interval(OCTOBER_MINUTE, None),
                assignment_id=assignment_id,
            )
            for row, (contract_id, card, assignment_id) in enumerate(
                (("HT-A", CARDS[2], "AS-WAITS-A"), ("HT-B", CARDS[3], "AS-WAITS-B"))
            )
        ],
    )
    return with_money(house)


def with_money(house: PortalHouse) -> PortalHouse:
    """Papers of both companies, a claim of each, a file about each contract, and usage that the
    provider states of each."""
    claims = open_batch(house.month)
    for contract_id in ("HT-A", "HT-B"):
        state(house.month, contract_id)
    for login, contract_id in (("company-a", "HT-A"), ("company-b", "HT-B")):
        claim_id = draft(claims, login, contract_id)
        if login == "company-b":
            claims.submit(Acting(login=login), claim_id)
        reader = Reader(account_id=1, role=Role.COMPANY, party_id=LOGINS[login][1])
        file = Uploaded(name=f"{login}.txt", content=f"contract {contract_id}".encode())
        subject = Subject.parse(f"contract:{contract_id}")
        house.parts.papers.add_file(reader, login, file, subject)
    return house


OCTOBER_MINUTE = Month(2026, 10).interval().start
PARTIES = ("company-a", "company-b", "provider")
OFFICE = ("officer", "auditor")
MONTH_END_MINUTE = 2**31

# What each party may look at, said here once more and independently of the code under test.
HOSTS = {"company-a": {OWN_HOST}, "company-b": set[str](), "provider": {HOST_1, HOST_2}}
DEVICES = {
    "company-a": {CARDS[0], CARDS[1], OWN_CARD},
    "company-b": {CARDS[1], CARDS[3]},
    "provider": set(CARDS),
}
PARTY_IDS = {"company-a": {COMPANY_A}, "company-b": {COMPANY_B}, "provider": {PROVIDER}}


@dataclass(frozen=True, slots=True)
class Entry:
    """How a route is reached: which id it takes, what fills its other parameters, who may; and for
    a form, what its fields hold: something that is refused, so that trying changes nothing."""

    kind: str
    others: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] = ()


PUBLIC, SIGNED_IN, OF_OFFICE = Entry("public"), Entry("signed-in"), Entry("office")
OF_PARTY, OF_COMPANY = Entry("party"), Entry("company")
MONTH = (("month", "2026-09"),)
DAY = (("day", "2026-09-12"),)

MATRIX: dict[tuple[str, str], Entry] = {
    ("GET", "/healthz"): PUBLIC,
    ("GET", "/static/{digest}/{name}"): PUBLIC,
    ("GET", "/sign-in"): PUBLIC,
    ("POST", "/sign-in"): PUBLIC,
    ("POST", "/sign-out"): PUBLIC,
    ("POST", "/look"): PUBLIC,
    ("GET", "/verify"): PUBLIC,
    ("POST", "/verify"): PUBLIC,
    ("POST", "/verify/document"): PUBLIC,
    ("POST", "/verify/confirm"): OF_PARTY,
    ("GET", "/api"): PUBLIC,
    ("GET", "/api/v1/openapi.json"): PUBLIC,
    ("GET", "/"): SIGNED_IN,
    ("GET", "/usage"): SIGNED_IN,
    ("GET", "/statements"): SIGNED_IN,
    ("GET", "/certificates"): SIGNED_IN,
    ("GET", "/hosts"): SIGNED_IN,
    ("GET", "/holds"): SIGNED_IN,
    ("GET", "/enrolment"): SIGNED_IN,
    ("POST", "/enrolment"): SIGNED_IN,
    ("GET", "/assignments"): SIGNED_IN,
    ("GET", "/assignments/{assignment_id}"): Entry("assignment"),
    # Nothing waits of what is confirmed, and who proposed cannot answer: every own one is refused.
    ("POST", "/assignments/{assignment_id}/answer"): Entry("assignment", form=(("answer", "?"),)),
    ("POST", "/assignments/{assignment_id}/end"): Entry(
        "assignment", form=(("until", "2020-01-01T00:00"),)
    ),
    ("GET", "/proposals"): OF_PARTY,
    ("POST", "/proposals"): OF_PARTY,
    ("GET", "/proposals/template"): OF_PARTY,
    ("POST", "/proposals/preview"): OF_PARTY,
    ("POST", "/proposals/rows"): OF_PARTY,
    ("POST", "/proposals/answers"): OF_PARTY,
    ("GET", "/stated"): SIGNED_IN,
    ("GET", "/stated/{attestation_id}"): Entry("attestation"),
    # Without a reason nothing is withdrawn.
    ("POST", "/stated/{attestation_id}/answer"): Entry(
        "attestation", form=(("answer", "withdraw"),)
    ),
    ("GET", "/papers"): SIGNED_IN,
    ("POST", "/papers/invoices"): OF_PARTY,
    ("POST", "/papers/payments"): OF_PARTY,
    ("POST", "/papers/files"): OF_PARTY,
    ("GET", "/papers/invoices/{number}"): Entry("invoice"),
    ("POST", "/papers/invoices/{number}/parts"): Entry("invoice", form=(("line-1", "HT-A/no"),)),
    ("GET", "/papers/contested"): OF_OFFICE,
    ("GET", "/papers/files/{sha256}"): Entry("file"),
    ("GET", "/contracts/{contract_id}"): Entry("contract"),
    ("GET", "/claims"): SIGNED_IN,
    ("GET", "/claims/new"): OF_COMPANY,
    ("POST", "/claims/new"): OF_COMPANY,
    ("GET", "/claims/{claim_id}"): Entry("claim"),
    # Without a reason nothing is withdrawn.
    ("POST", "/claims/{claim_id}/steps"): Entry("claim", form=(("step", "withdraw"),)),
    ("GET", "/claims/{claim_id}/pack"): Entry("claim"),
    ("GET", "/vouchers"): SIGNED_IN,
    ("GET", "/batches"): SIGNED_IN,
    ("GET", "/explain"): OF_OFFICE,
    ("GET", "/ledger"): OF_OFFICE,
    ("GET", "/recoveries"): OF_OFFICE,
    ("GET", "/overview"): OF_OFFICE,
    ("GET", "/audit"): OF_OFFICE,
    ("GET", "/api/v1/audit"): OF_OFFICE,
    ("GET", "/companies/{party_id}"): Entry("party_id"),
    ("GET", "/companies/{party_id}/months/{month}"): Entry("party_id", MONTH),
    ("GET", "/devices/{hardware_id}"): Entry("hardware_id"),
    ("GET", "/devices/{hardware_id}/days/{day}"): Entry("hardware_id", DAY),
    ("GET", "/hosts/{host_id}"): Entry("host_id"),
    ("GET", "/statements/{number}"): Entry("statement"),
    ("GET", "/certificates/{number}"): Entry("certificate"),
    ("GET", "/certificates/{number}/{file}"): Entry("certificate", (("file", "certificate.pdf"),)),
    ("GET", "/api/v1/account"): SIGNED_IN,
    ("GET", "/api/v1/parties"): SIGNED_IN,
    ("GET", "/api/v1/company-months"): SIGNED_IN,
    ("GET", "/api/v1/companies/{party_id}/months/{month}"): Entry("party_id", MONTH),
    ("GET", "/api/v1/companies/{party_id}/months/{month}/gaps"): Entry("party_id", MONTH),
    ("GET", "/api/v1/devices/{hardware_id}/months/{month}"): Entry("hardware_id", MONTH),
    ("GET", "/api/v1/devices/{hardware_id}/days/{day}"): Entry("hardware_id", DAY),
    ("GET", "/api/v1/hosts"): SIGNED_IN,
    ("GET", "/api/v1/hosts/{host_id}"): Entry("host_id"),
    ("GET", "/api/v1/holds"): SIGNED_IN,
    ("GET", "/api/v1/statements"): SIGNED_IN,
    ("GET", "/api/v1/statements/{number}"): Entry("statement"),
    ("GET", "/api/v1/statements/{number}/revisions/{revision}"): Entry(
        "statement", (("revision", "1"),)
    ),
    ("GET", "/api/v1/certificates"): SIGNED_IN,
    ("GET", "/api/v1/certificates/{number}"): Entry("certificate"),
    ("GET", "/api/v1/certificates/{number}/{file}"): Entry(
        "certificate", (("file", "bundle.zip"),)
    ),
}
MISSING = {
    "party_id": "91440300MA5FXTJ26E",
    "hardware_id": "GPU-99999999-1111-4000-8000-000000000000",
    "host_id": "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a9999",
    "statement": "KS-2026-09-HT-NONE",
    "certificate": "KC-202609-000099-21",
    "assignment": "AS-NONE",
    "invoice": "26442000999999999999",
    "contract": "HT-NONE",
    "file": "ab" * 32,
    "claim": f"{BATCH_ID}-0099",
    "attestation": "ab" * 8,
}
INVOICES = {
    "company-a": {invoice_number(0)},
    "company-b": {invoice_number(1)},
    "provider": {invoice_number(0), invoice_number(1)},
}
CONTRACTS = {"company-a": {"HT-A"}, "company-b": {"HT-B"}, "provider": {"HT-A", "HT-B"}}
FILES = {
    "company-a": {sha256(b"contract HT-A").hexdigest()},
    "company-b": {sha256(b"contract HT-B").hexdigest()},
    "provider": set[str](),
}
CLAIMS = {
    "company-a": {f"{BATCH_ID}-0001"},
    "company-b": {f"{BATCH_ID}-0002"},
    "provider": set[str](),
}
ASSIGNMENTS = {
    "company-a": {"AS-0", "AS-1", "AS-WAITS-A"},
    "company-b": {"AS-2", "AS-3", "AS-WAITS-B"},
    "provider": {"AS-0", "AS-1", "AS-2", "AS-3", "AS-WAITS-A", "AS-WAITS-B"},
}


def routes(portal: PortalHouse) -> set[tuple[str, str]]:
    """Every method and path that the application answers."""
    found = set[tuple[str, str]]()
    for route in iter_route_contexts(portal.app.routes):
        assert isinstance(route.original_route, APIRoute), f"{route}: a kind the matrix lacks"
        assert route.path is not None
        found |= {(method, route.path) for method in (route.methods or set()) - {"HEAD"}}
    return found


def ids_of(month: CertifiedMonth) -> dict[str, dict[str, set[str]]]:
    """Ids by kind and by the party that may look at them."""
    users = {"company-a": COMPANY_A, "company-b": COMPANY_B, "provider": PROVIDER}
    with month.work.begin(writes=False) as unit:
        statements = unit.expense.statements()
    certificates = month.keeping.certificates()
    return {
        "party_id": PARTY_IDS,
        "hardware_id": DEVICES,
        "host_id": HOSTS,
        "statement": {
            login: {s.number for s in statements if s.user_id == users[login]} for login in PARTIES
        },
        "certificate": {
            login: {c.number for c in certificates if c.user_id == users[login]}
            for login in PARTIES
        },
        "assignment": ASSIGNMENTS,
        "invoice": INVOICES,
        "contract": CONTRACTS,
        "file": FILES,
        "claim": CLAIMS,
        "attestation": attestations_of(month),
    }


def attestations_of(month: CertifiedMonth) -> dict[str, set[str]]:
    """What was stated of whose contract."""
    with month.work.begin(writes=False) as unit:
        found = {
            one.attestation.contract_id: one.attestation.attestation_id
            for one in unit.stated.attestations()
        }
    return {
        "company-a": {found["HT-A"]},
        "company-b": {found["HT-B"]},
        "provider": set(found.values()),
    }


def address(path: str, entry: Entry, identifier: str) -> str:
    """A route's path with its parameters filled."""
    filled = dict(entry.others)
    return re.sub(r"\{(\w+)\}", lambda match: filled.get(match[1], identifier), path)


def test_the_matrix_names_every_route(portal: PortalHouse) -> None:
    """A route that nobody put into the matrix fails here, and so does one that is gone."""
    assert routes(portal) == set(MATRIX)


def test_no_route_changes_how_a_certificate_stands(portal: PortalHouse) -> None:
    """Withdrawing a certificate and issuing it again take two officers at the console: no page and
    no JSON address does either, with one officer or with none; the JSON interface only reads."""
    changing = {path for method, path in routes(portal) if method != "GET"}
    assert not [path for path in changing if "certificate" in path or "/api/" in path]
    assert "/verify/confirm" in changing


@pytest.mark.parametrize("login", PARTIES)
def test_what_is_foreign_answers_exactly_like_what_is_missing(
    portal: PortalHouse, login: str
) -> None:
    """For every route and id: one's own opens, another's gives the bytes of a missing one."""
    visitor = portal.visitor().sign_in(login)
    ids = ids_of(portal.month)
    opened = refused = 0
    for (method, path), entry in MATRIX.items():
        if entry.kind not in ids:
            continue
        own = ids[entry.kind][login]
        every = set[str]().union(*ids[entry.kind].values())
        assert every - own or login == "provider", f"{path}: nothing foreign to try"
        missing = _try(visitor, login, method, address(path, entry, MISSING[entry.kind]), entry)
        assert missing.status_code == 404, path
        for identifier in sorted(every):
            answer = _try(visitor, login, method, address(path, entry, identifier), entry)
            if identifier in own:
                opens = 200 if method == "GET" else 409
                assert answer.status_code == opens, f"{login} {path} {identifier}"
                opened += 1
            else:
                assert answer.status_code == 404, f"{login} {path} {identifier}"
                assert answer.content == missing.content, f"{login} {path} {identifier}"
                assert answer.headers == missing.headers, f"{login} {path} {identifier}"
                refused += 1
    assert opened > 10
    assert refused > 20


def _try(visitor: Visitor, login: str, method: str, path: str, entry: Entry) -> Response:
    """Open an address, or send its form with fields that nobody of the right party can mean."""
    if method == "GET":
        return visitor.client.get(path)
    meant = "confirm" if login == "provider" else "withdraw"
    fields = {name: meant if text == "?" else text for name, text in entry.form}
    fields["form_token"] = visitor.form_token()
    return visitor.client.post(path, data=fields, headers={"origin": ORIGIN})


@pytest.mark.parametrize("login", PARTIES)
def test_a_list_with_one_foreign_name_reads_like_one_with_a_missing_name(
    portal: PortalHouse, login: str
) -> None:
    """Nobody answers for others, nor learns from the refusal whether there was something to."""
    visitor = portal.visitor().sign_in(login)
    own = sorted(ASSIGNMENTS[login])[0]
    foreign = sorted(ASSIGNMENTS["provider"] - ASSIGNMENTS[login])
    token = visitor.form_token()
    answers = []
    for name in (MISSING["assignment"], *foreign):
        fields = {"form_token": token, "answer": "confirm", "chosen": [own, name]}
        sent = visitor.client.post("/proposals/answers", data=fields, headers={"origin": ORIGIN})
        answers.append((sent.status_code, sent.content))
    assert {status for status, _content in answers} == {404}
    assert len(set(answers)) == 1
    with portal.month.work.begin(writes=False) as unit:
        waiting = [one for one in unit.expense.assignments() if not one.confirmed]
    assert {one.assignment_id for one in waiting} == {"AS-WAITS-A", "AS-WAITS-B"}


@pytest.mark.parametrize("login", OFFICE)
def test_the_office_opens_everything(portal: PortalHouse, login: str) -> None:
    """Officers and auditors read every id of every party."""
    client = portal.signed_in(login)
    ids = ids_of(portal.month)
    for (method, path), entry in MATRIX.items():
        if method != "GET":
            continue
        for identifier in sorted(set[str]().union(*ids.get(entry.kind, {}).values())):
            answer = client.get(address(path, entry, identifier))
            assert answer.status_code == 200, f"{login} {path} {identifier}"


@pytest.mark.parametrize("login", PARTIES)
def test_the_offices_pages_do_not_exist_for_parties(portal: PortalHouse, login: str) -> None:
    """The overview and the audit trail answer like a page that was never there."""
    client = portal.signed_in(login)
    for (_method, path), entry in MATRIX.items():
        if entry is OF_OFFICE:
            missing = client.get("/api/nowhere" if path.startswith("/api") else "/nowhere")
            answer = client.get(path)
            assert (answer.status_code, answer.content) == (404, missing.content), path


@pytest.mark.parametrize("login", OFFICE)
def test_the_pages_of_a_side_do_not_exist_for_the_office(portal: PortalHouse, login: str) -> None:
    """The office is no side of a contract: it proposes nothing and answers nothing."""
    visitor = portal.visitor().sign_in(login)
    missing = visitor.client.get("/nowhere")
    for (method, path), entry in MATRIX.items():
        if entry in (OF_PARTY, OF_COMPANY) and method == "GET":
            answer = visitor.client.get(path)
        elif entry is OF_PARTY or (entry.kind == "assignment" and method == "POST"):
            filled = address(path, entry, "AS-WAITS-A")
            fields = {"form_token": visitor.form_token(), "answer": "confirm"}
            answer = visitor.client.post(filled, data=fields, headers={"origin": ORIGIN})
        else:
            continue
        assert (answer.status_code, answer.content) == (404, missing.content), path


def test_nobody_sees_anything_without_signing_in(portal: PortalHouse) -> None:
    """Every page that is not public leads to the sign-in, every JSON address says 401."""
    client = portal.visitor().client
    ids = ids_of(portal.month)
    for (method, path), entry in MATRIX.items():
        if entry is PUBLIC or method != "GET":
            continue
        own = sorted(set[str]().union(*ids.get(entry.kind, {}).values()))
        answer = client.get(address(path, entry, own[0] if own else ""))
        if path.startswith("/api/"):
            assert (answer.status_code, answer.json()) == (401, {"error": "sign_in_needed"}), path
        else:
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/sign-in?next="), path


def test_an_auditor_changes_nothing(portal: PortalHouse) -> None:
    """Whatever is not a matter of one's own session is no form of the auditor's."""
    visitor = portal.visitor().sign_in("auditor")
    own = {"/sign-in", "/sign-out", "/look", "/verify", "/verify/document"}
    for method, path in MATRIX:
        if method == "POST" and path not in own:
            fields = {"form_token": visitor.form_token(), "party_id": PROVIDER, "hours": "1"}
            answer = visitor.client.post(path, data=fields, headers={"origin": ORIGIN})
            assert answer.status_code == 404, path


def test_a_partys_token_enrols_for_that_party_alone(portal: PortalHouse) -> None:
    """A form that names another party is answered as if that party did not exist."""
    visitor = portal.visitor().sign_in("company-a")
    answer = _ask_for_token(visitor, COMPANY_B)
    assert answer == 404
    assert _tokens(portal, COMPANY_B) == 0
    assert _ask_for_token(visitor, COMPANY_A) == 200
    assert _tokens(portal, COMPANY_A) == 1


def _ask_for_token(visitor: Visitor, party_id: str) -> int:
    fields = {"form_token": visitor.form_token(), "party_id": party_id, "hours": "8"}
    return visitor.client.post("/enrolment", data=fields, headers={"origin": ORIGIN}).status_code


def _tokens(portal: PortalHouse, party_id: str) -> int:
    query = select(func.count()).where(enrolment_tokens.c.operator_party_id == party_id)
    with portal.month.work.begin(writes=False) as unit:
        return int(unit.connection.execute(query).scalar_one())


def truth(
    month: CertifiedMonth, hardware_ids: Iterable[str], start: int, end: int
) -> dict[str, int]:
    """What hosts observed of devices in [start, end), by plain addition over their reports."""
    wanted = set(hardware_ids)
    total = Quantities()
    for (_host, hardware_id, minute), quantities in sums_of(month.wires).items():
        if hardware_id in wanted and start <= minute < end:
            total += quantities
    return {name: getattr(total, name) for name in QUANTITY_NAMES}


def seen_of_card(portal: PortalHouse, login: str, hardware_id: str) -> dict[str, int]:
    """A card's month as an account sees it."""
    client = portal.signed_in(login)
    answer = client.get(f"/api/v1/devices/{hardware_id}/months/2026-09")
    assert answer.status_code == 200
    total = answer.json()["total"]
    assert total["elapsed_ms"] == total["gap_ms"] + total["quantities"]["observed_ms"]
    return {name: total["quantities"][name] for name in QUANTITY_NAMES}


def test_one_device_its_provider_and_two_tenants_each_see_exactly_their_minutes(
    portal: PortalHouse,
) -> None:
    """Card 2 changes hands at a minute inside an hour: the tenants' sums are cut right there."""
    assert SPLIT_MINUTE % 60, "the card must change hands inside an hour"
    month, card = portal.month, CARDS[1]
    first = truth(month, [card], START_MINUTE, SPLIT_MINUTE)
    second = truth(month, [card], SPLIT_MINUTE, MONTH_END_MINUTE)
    whole = truth(month, [card], 0, MONTH_END_MINUTE)
    assert first["observed_ms"] > 0
    assert second["observed_ms"] > 0
    assert seen_of_card(portal, "company-a", card) == first
    assert seen_of_card(portal, "company-b", card) == second
    assert seen_of_card(portal, "provider", card) == whole
    assert seen_of_card(portal, "officer", card) == whole
    assert {name: first[name] + second[name] for name in whole} == whole


def test_a_lease_with_two_ends_is_cut_at_both(portal: PortalHouse) -> None:
    """Company B has card 4 from minute 31 to minute 200: nothing before, nothing after."""
    inside = truth(portal.month, [CARDS[3]], START_MINUTE + 31, START_MINUTE + 200)
    assert seen_of_card(portal, "company-b", CARDS[3]) == inside
    whole = truth(portal.month, [CARDS[3]], 0, MONTH_END_MINUTE)
    assert seen_of_card(portal, "provider", CARDS[3]) == whole
    assert inside["observed_ms"] < whole["observed_ms"]


def test_hours_are_cut_like_months(portal: PortalHouse) -> None:
    """Hour by hour, both tenants together see the hour in which the card changed hands once."""
    sums = {}
    for login in ("company-a", "company-b", "provider"):
        client = portal.signed_in(login)
        hours: dict[int, int] = {}
        for day in ("2026-09-11", "2026-09-12"):
            for hour in client.get(f"/api/v1/devices/{CARDS[1]}/days/{day}").json():
                observed = hour["usage"]["quantities"]["observed_ms"]
                hours[hour["start_minute"]] = observed
        sums[login] = hours
    shared = SPLIT_MINUTE // 60 * 60
    assert sums["company-a"][shared] > 0
    assert sums["company-b"][shared] > 0
    for start, observed in sums["provider"].items():
        assert sums["company-a"][start] + sums["company-b"][start] == observed


def test_a_partys_month_is_its_own_devices_minutes(portal: PortalHouse) -> None:
    """Company A's usage page: its two leased cards for their minutes, and its own host whole."""
    body = portal.signed_in("company-a").get(f"/api/v1/companies/{COMPANY_A}/months/2026-09").json()
    card_1 = truth(portal.month, [CARDS[0]], START_MINUTE, MONTH_END_MINUTE)
    card_2 = truth(portal.month, [CARDS[1]], START_MINUTE, SPLIT_MINUTE)
    own = truth(portal.month, [OWN_CARD], 0, MONTH_END_MINUTE)
    for name in QUANTITY_NAMES:
        assert body["total"]["quantities"][name] == card_1[name] + card_2[name] + own[name]
    assert body["total"]["leased_ms"] == card_1["observed_ms"] + card_2["observed_ms"]


def test_gaps_are_cut_at_the_lease(portal: PortalHouse) -> None:
    """Nobody is shown a gap of a minute that is not theirs."""
    for login, party_id in (("company-a", COMPANY_A), ("company-b", COMPANY_B)):
        gaps = (
            portal.signed_in(login).get(f"/api/v1/companies/{party_id}/months/2026-09/gaps").json()
        )
        mine = [gap for gap in gaps if gap["hardware_id"] == CARDS[1]]
        assert mine, login
        for gap in mine:
            before = gap["end_utc_ms"] <= SPLIT_MINUTE * MINUTE_MS
            assert before == (login == "company-a")


@pytest.mark.parametrize("login", PARTIES)
def test_no_page_that_a_party_can_walk_to_names_a_stranger(portal: PortalHouse, login: str) -> None:
    """Following every link from the first page on, nothing of the others' is read anywhere."""
    foreign = {
        "company-a": {COMPANY_B, "深圳乙智能", "HT-B", CARDS[3], HOST_2, "AS-WAITS-B"}
        | INVOICES["company-b"]
        | CLAIMS["company-b"]
        | FILES["company-b"],
        "company-b": {COMPANY_A, "HT-A", CARDS[0], CARDS[2], OWN_CARD, OWN_HOST, "AS-WAITS-A"}
        | INVOICES["company-a"]
        | CLAIMS["company-a"]
        | FILES["company-a"],
        "provider": {OWN_CARD, OWN_HOST},
    }[login]
    client = portal.signed_in(login)
    waiting, seen = ["/usage?month=2026-09"], set[str]()
    while waiting:
        path = waiting.pop()
        if path in seen or len(seen) > 400:
            continue
        seen.add(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if not answer.headers["content-type"].startswith(("text/html", "application/json")):
            continue
        for name in foreign:
            assert name not in answer.text, f"{path} names {name}"
        links = re.findall(r'href="(/[^"#]*)', answer.text)
        waiting += [_plain(link) for link in links if not _leads_away(link)]
    assert len(seen) > 12


def _plain(link: str) -> str:
    return link.replace("&amp;", "&")


def _leads_away(link: str) -> bool:
    # Months before the first and after the last are endless; the front door redirects.
    months = re.findall(r"\d{4}-\d{2}(?!-)", link)
    beyond = any(month not in {"2026-09", "2026-10"} for month in months if "KS-" not in link)
    return link in {"/", "/sign-in"} or link.startswith("/verify") or beyond


def test_audit_knows_who_was_refused_what(portal: PortalHouse) -> None:
    """A denied look is a line of the audit trail with login and address."""
    portal.signed_in("company-b").get(f"/hosts/{OWN_HOST}")
    entries = json.loads(portal.signed_in("auditor").get("/api/v1/audit").text)
    denied = [e for e in entries if e["act"] == "denied" and e["subject"] == f"/hosts/{OWN_HOST}"]
    assert denied
    assert denied[0]["login"] == "company-b"
    assert set(LOGINS) >= {e["login"] for e in entries if e["act"] == "denied"}


@pytest.mark.parametrize("login", ["provider", *OFFICE])
def test_only_companies_file_claims(portal: PortalHouse, login: str) -> None:
    """For everybody else the form for a new claim is a page that was never there."""
    visitor = portal.visitor().sign_in(login)
    missing = visitor.client.get("/nowhere").content
    fields = {"form_token": visitor.form_token(), "batch": BATCH_ID, "contract": "HT-A"}
    answer = visitor.client.post("/claims/new", data=fields, headers={"origin": ORIGIN})
    assert (answer.status_code, answer.content) == (404, missing)
    assert visitor.client.get("/claims/new").content == missing


def test_a_claim_on_anothers_contract_reads_like_one_on_a_missing_contract(
    portal: PortalHouse,
) -> None:
    """Company A learns nothing of company B's contract, and nothing is begun."""
    visitor = portal.visitor().sign_in("company-a")
    answers = []
    for contract_id in ("HT-B", "HT-NONE"):
        fields = {
            "form_token": visitor.form_token(),
            "batch": BATCH_ID,
            "contract": contract_id,
            "first": "2026-09-01",
            "last": "2026-12-31",
        }
        sent = visitor.client.post("/claims/new", data=fields, headers={"origin": ORIGIN})
        answers.append((sent.status_code, sent.content))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert CLAIMS["company-a"] == set(
        re.findall(r'href="/claims/(SQ[^"]+)"', visitor.client.get("/claims").text)
    )


def test_no_evidence_is_added_to_what_is_anothers(portal: PortalHouse) -> None:
    """A file about another's contract, invoice or claim is refused like one about nothing."""
    visitor = portal.visitor().sign_in("company-a")
    for kind, foreign, missing in (
        ("contract", "HT-B", "HT-NONE"),
        ("invoice", invoice_number(1), MISSING["invoice"]),
        ("claim", f"{BATCH_ID}-0002", MISSING["claim"]),
    ):
        answers = []
        for subject in (foreign, missing):
            sent = visitor.client.post(
                "/papers/files",
                data={"form_token": visitor.form_token(), "kind": kind, "subject": subject},
                files={"file": ("a.txt", b"text", "text/plain")},
                headers={"origin": ORIGIN},
            )
            answers.append((sent.status_code, sent.content))
        assert answers[0] == answers[1], kind
        assert answers[0][0] == 404, kind
