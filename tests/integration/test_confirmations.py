"""Both parties confirm a certificate: once each, dated, in the log, and seen by who verifies it."""

import json
from hashlib import sha256

import pytest
from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER, CertifiedMonth, make_month
from fixtures_portal import PortalHouse, make_house
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.confirmation import Confirmation, Side
from kashi_server.errors import NotFound, Refused
from kashi_server.services.confirming import LOG_CONFIRMED, Confirming
from kashi_server.storage.tables.certificates import certificate_confirmations
from kashi_server.storage.tables.expense import statements
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DatabaseError


@pytest.fixture
def month(work: Work) -> CertifiedMonth:
    """A certified month."""
    month = make_month(work)
    month.issue()
    return month


def test_each_side_confirms_once(month: CertifiedMonth) -> None:
    """User and provider, each with its own date; again gives the same; the PDF does not change."""
    issued = month.issue()[COMPANY_A]
    pdf = month.keeping.file(issued.number, "pdf")
    confirming = Confirming(month.work, month.clock)
    user = confirming.confirm(issued.number.lower(), issued.code.lower(), COMPANY_A, "company-a")
    month.clock.advance(86_400_000)
    provider = confirming.confirm(issued.number, issued.code, PROVIDER, "provider")

    assert (user.side, provider.side) == (Side.USER, Side.PROVIDER)
    assert provider.utc_ms - user.utc_ms == 86_400_000
    assert user.pdf_sha256 == issued.pdf_sha256
    assert confirming.confirm(issued.number, issued.code, COMPANY_A, "someone") == user
    assert month.keeping.file(issued.number, "pdf") == pdf
    month.sequence()
    with month.work.begin(writes=False) as unit:
        assert [*unit.certificates.confirmations(issued.number)] == [user, provider]
        logged = [one for one in unit.log.entries(0, 10_000) if one.kind == LOG_CONFIRMED]
    assert [json.loads(one.entry) for one in logged] == [user.to_data(), provider.to_data()]


def test_strangers_and_fallen_certificates_are_refused(month: CertifiedMonth) -> None:
    """A third party and a wrong code find nothing; what was withdrawn cannot be confirmed."""
    issued = month.issue()[COMPANY_A]
    confirming = Confirming(month.work, month.clock)
    for number, code, party in (
        (issued.number, issued.code, COMPANY_B),
        (issued.number, month.issue()[COMPANY_B].code, COMPANY_A),
        ("KC-1", issued.code, COMPANY_A),
    ):
        with pytest.raises(NotFound, match="no certificate of this party"):
            confirming.confirm(number, code, party, "someone")
    month.keeping.withdraw(issued.number, "错误 wrong", "officer")
    with pytest.raises(Refused, match="withdrawn"):
        confirming.confirm(issued.number, issued.code, COMPANY_A, "company-a")


def test_the_database_keeps_confirmations(month: CertifiedMonth) -> None:
    """Nobody takes one back or dates it otherwise."""
    issued = month.issue()[COMPANY_A]
    Confirming(month.work, month.clock).confirm(issued.number, issued.code, COMPANY_A, "company-a")
    for statement in (
        update(certificate_confirmations).values(utc_ms=1),
        delete(certificate_confirmations),
    ):
        with month.work.begin() as unit, pytest.raises(DatabaseError):
            unit.connection.execute(statement)
    with pytest.raises(ValueError, match="by its hash"):
        Confirmation(
            number=issued.number,
            side=Side.USER,
            party_id=COMPANY_A,
            actor="x",
            pdf_sha256="",
            utc_ms=1,
        )


@pytest.fixture
def house(month: CertifiedMonth) -> PortalHouse:
    """The portal over it."""
    return make_house(month)


@pytest.mark.parametrize(("login", "side"), [("company-a", "user"), ("provider", "provider")])
def test_a_side_confirms_on_the_verification_page(
    house: PortalHouse, login: str, side: str
) -> None:
    """Who holds number and code, and is a side of it, is offered the button; others are not."""
    issued = house.month.issue()[COMPANY_A]
    where = f"/verify?number={issued.number}&code={issued.code}"
    client = house.signed_in(login)
    page = client.get(where)
    assert page.text.count('action="/verify/confirm') == 1
    token = page.text.split('name="form_token" value="', 1)[1].split('"', 1)[0]
    done = client.post(
        "/verify/confirm",
        data={"form_token": token, "number": issued.number, "code": issued.code},
    )

    assert done.status_code == 200
    assert 'action="/verify/confirm' not in done.text
    with house.month.work.begin(writes=False) as unit:
        (given,) = unit.certificates.confirmations(issued.number)
    assert (str(given.side), given.actor) == (side, login)
    for other in (house.signed_in("company-b"), house.signed_in("officer")):
        seen = other.get(where).text
        assert 'action="/verify/confirm' not in seen
        assert seen.count("尚未确认") == 1


def test_what_no_longer_stands_says_so_where_it_is_saved(house: PortalHouse) -> None:
    """A download of a withdrawn certificate carries its status in name and head; bytes stay."""
    issued = house.month.issue()[COMPANY_A]
    house.month.keeping.withdraw(issued.number, "错误 wrong", "officer")
    answer = house.signed_in("company-a").get(f"/certificates/{issued.number}/certificate.pdf")

    assert answer.headers["x-certificate-status"] == "withdrawn"
    assert f"{issued.number}-WITHDRAWN-certificate.pdf" in answer.headers["content-disposition"]
    assert answer.content == house.month.keeping.file(issued.number, "pdf")
    lines = house.signed_in("company-a").get(f"/certificates/{issued.number}/lines.csv")
    assert lines.content == house.month.keeping.file(issued.number, "lines")


def test_a_later_revision_is_told_before_it_is_certified(house: PortalHouse) -> None:
    """Once a statement was corrected, its certificate still stands, and who asks is told."""
    month = house.month
    issued = month.issue()[COMPANY_A]
    where = f"/verify?number={issued.number}&code={issued.code}"
    before = house.visitor().client.get(where).text
    with month.work.begin() as unit:
        row = unit.connection.execute(
            select(statements).where(statements.c.number == issued.statement_number)
        ).one()
        data = json.loads(row.content)
        data["statement"]["revision"] = 2
        content = canonical_bytes(data)
        corrected = {"revision": 2, "content": content, "sha256": sha256(content).digest()}
        unit.connection.execute(insert(statements).values(row._asdict() | corrected))
        unit.commit()
    between = house.visitor().client.get(where).text
    after = month.keeping.issue(issued.statement_number, "officer")
    replaced = house.visitor().client.get(where).text

    assert "第 2 次修订" not in before
    assert "第 2 次修订" in between
    assert after.supersedes == issued.number
    assert after.number in replaced
    assert "已被替代" in replaced
