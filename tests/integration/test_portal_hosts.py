"""The hosts page on both databases: how many reports of a host do not count, and since when."""

from dataclasses import dataclass, replace
from datetime import datetime

from fixtures_certificates import COMPANY_A
from fixtures_ingest import START_UTC_MS, ReportingHost, enrol
from fixtures_portal import PortalHouse
from kashi_server.domain.interval import MINUTE_MS, SHANGHAI
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission

HOST = "7c1d52aa-0000-4000-8000-0000000000a1"
SINCE_UTC_MS = START_UTC_MS + 30 * MINUTE_MS
AT = datetime.fromtimestamp(SINCE_UTC_MS / 1000, SHANGHAI).strftime("%Y-%m-%d %H:%M:%S")
ZH, EN = f"自 {AT} 起不计入", f"not counted since {AT}"


@dataclass(slots=True)
class _OwnHost(ReportingHost):
    """One more host that company A operates."""

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands."""
        return replace(ReportingHost.standing(self, state), operator_party_id=COMPANY_A)


def row_of(page: str) -> str:
    """The host's row of the page."""
    return next(one for one in page.split("<tr>") if HOST in one)


def test_the_page_tells_since_when_a_hosts_reports_do_not_count(either_portal: PortalHouse) -> None:
    """From the first such report on, however many follow; a host whose reports count has none."""
    house, month = either_portal, either_portal.month
    host = _OwnHost(HOST, ["GPU-held"], seed=9)
    enrol(month.work, host)
    ingestion = Ingestion(month.work, month.keyring.receipt_key, house.clock, demo=False)
    clerk = house.signed_in("company-a")
    for state, told in ((HostState.ACTIVE, None), (HostState.HELD, "1"), (HostState.HELD, "2")):
        answer = ingestion.ingest([Submission(host.standing(state), [host.report(30)])])[0]
        assert isinstance(answer, Answer)
        page, own = clerk.get("/hosts").text, clerk.get(f"/hosts/{HOST}").text
        api = clerk.get(f"/api/v1/hosts/{HOST}").json()
        for shown in (row_of(page), own):
            assert ("不计入" in shown, ZH in shown) == (bool(told), bool(told))
        assert api["quarantined_since_utc_ms"] == (SINCE_UTC_MS if told else None)
        assert f'<td class="n">{told or 0}' in row_of(page)
    assert page.count("起不计入") == 1
    clerk.cookies.set("kashi-look", "en.auto.normal", domain="portal.example")
    assert EN in clerk.get("/hosts").text
