"""Claims about closing on the portal: the announced day, and usage that providers state."""

from dataclasses import replace

import pytest
from fixtures_certificates import COMPANY_A, MONTH, PROVIDER, CertifiedMonth
from fixtures_portal import PortalHouse, make_house, make_portal_month
from kashi_server.domain.attestation import AttestationState
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.services.evidence_port import AttestationChange
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from usage_samples import attestation, minutes_record

OFFICE_PAGES = ("/overview", f"/companies/{COMPANY_A}")
PARTY_PAGES = ("/usage", f"/companies/{COMPANY_A}")


@pytest.fixture
def house(portal: PortalHouse) -> PortalHouse:
    """The portal of the month."""
    return portal


def _pages(house: PortalHouse) -> dict[str, str]:
    """Every page that announces, by who reads it."""
    office, company = house.signed_in("officer"), house.signed_in("company-a")
    found = {f"office {path}": office.get(path).text for path in OFFICE_PAGES}
    return found | {f"company {path}": company.get(path).text for path in PARTY_PAGES}


def test_the_closing_day_is_announced(house: PortalHouse) -> None:
    """Of the month that closes next: the third working day after it, in Chinese and in English,
    to the office and to the company; from that day on the page says that it has come."""
    month, day = MONTH.next(), house.parts.calendar.day_of(MONTH.next())
    now_ms = house.clock()
    assert now_ms < house.parts.calendar.opens(month) * MINUTE_MS

    for name, page in _pages(house).items():
        assert f"{month} 于 {day}（北京时间）关账" in page, name
    visitor = house.visitor().sign_in("company-a")
    fields = {
        "form_token": visitor.form_token("/usage"),
        "language": "en",
        "theme": "auto",
        "size": "normal",
        "back": "/usage",
    }
    visitor.client.post("/look", data=fields, headers={"origin": "http://portal.example"})
    assert f"{month} closes on {day} (UTC+8)" in visitor.client.get("/usage").text


def test_a_demonstration_announces_no_day(tmp_path_factory: pytest.TempPathFactory) -> None:
    """It waits for none. Elsewhere, from the day on, the month may be closed and is not."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('demo') / 'kashi.sqlite'}")
    migrate(engine)
    month = make_portal_month(Work(engine), demo=True)
    demo = make_house(month, demo=True)
    assert all("关账：此前" not in page for page in _pages(demo).values())
    engine.dispose()


def _stated(month: CertifiedMonth) -> None:
    """Two hours of eight cards of the month's second day, for company A; one more is not signed."""
    start = MONTH.interval().start + 1440
    with month.work.begin() as unit:
        for sha256 in ("a" * 64, "b" * 64, "f" * 64):
            unit.stated.add_source(sha256, b"source", 0)
        for place, source in enumerate(("a", "b")):
            begins = start + 300 * place
            record = minutes_record(begins, begins + 120, cards=8, unit_id=f"cloud-a/{source}")
            made = replace(
                attestation(record, contract_id="HT-A", source=source),
                provider_id=PROVIDER,
                user_id=COMPANY_A,
            )
            unit.stated.add(made, 0)
            if source == "a":
                change = AttestationChange(
                    attestation_id=made.attestation_id,
                    state=AttestationState.COUNTERSIGNED,
                    party_id=COMPANY_A,
                    actor="company-a",
                    reason="已核对",
                    utc_ms=1,
                )
                unit.stated.change(change)
        unit.commit()


def test_stated_usage_has_a_column_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the company countersigned stands beside what was metered, by day and in all, and adds
    nothing to it; what waits is not there; a month without any, and others, have no such column."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('stated') / 'kashi.sqlite'}")
    migrate(engine)
    month = make_portal_month(Work(engine))
    house = make_house(month)
    usage = f"/usage?month={MONTH}"
    before = house.signed_in("company-a").get(usage).text
    assert "供给方声明（E1）" not in before

    _stated(month)

    after = house.signed_in("company-a").get(usage).text
    assert after.count("供给方声明（E1）") == 2
    assert after.count(">16.0000<") == 3
    office = house.signed_in("officer").get(f"/companies/{COMPANY_A}/months/{MONTH}").text
    assert "供给方声明（E1）" in office
    for other in ("company-b",):
        assert "供给方声明（E1）" not in house.signed_in(other).get(usage).text
    empty = house.signed_in("company-a").get(f"/usage?month={MONTH.next()}").text
    assert "供给方声明（E1）" not in empty
    engine.dispose()
