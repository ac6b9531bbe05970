"""From facts in signed reports to what people see: the host page, the commands, the statement."""

import json
from collections.abc import Iterator

import pytest
from fixtures_certificates import COMPANY_A, HOST_1, CertifiedMonth, make_month
from fixtures_ingest import START_UTC_MS, enrol
from fixtures_portal import OWN_CARD, OWN_HOST, PortalHouse, _OwnHost, make_house
from fixtures_server import KashiServer
from kashi.v1 import report_pb2
from kashi_server.bootstrap import opened
from kashi_server.domain.reason import Reason
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work

OTHER_CARD = "GPU-00000008-1111-4000-8000-000000000000"
DAY_MS = 86_400_000
NOW_MS = START_UTC_MS + DAY_MS


def stating(header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
    """A loader that was pointed elsewhere, and one card of two that draws nothing while busy."""
    at = header.start_boottime_ms
    for detail in ("ld_preload=/opt/<b>x.so", "library_owner=root-only", "driver_proc?not_found"):
        header.events.add(boottime_ms=at, kind=report_pb2.HOST_EVENT_KIND_FACT, detail=detail)
    blocks[0].events.add(
        boottime_ms=at,
        kind=report_pb2.DEVICE_EVENT_KIND_FACT,
        detail="energy=span_ms:1000 counted_mj:50 utilised_ppm:990000 limit_mw:700",
    )


def reported(work: Work, ingestion: Ingestion) -> None:
    """A host of company A with two cards; its first report states facts."""
    host = _OwnHost(OWN_HOST, [OWN_CARD, OTHER_CARD], seed=3)
    enrol(work, host)
    wires = [host.report(5, change=stating), *(host.report(5) for _ in range(11))]
    (answer,) = ingestion.ingest([Submission(host.standing(), wires)])
    assert isinstance(answer, Answer)
    assert all(result.judgement.stores for result in answer.results)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertifiedMonth]:
    """A closed month with that host in it."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('doubts') / 'kashi.sqlite'}")
    migrate(engine)
    work = Work(engine)
    yield make_month(work, before_close=lambda ingestion: reported(work, ingestion))
    engine.dispose()


@pytest.fixture(scope="module")
def house(month: CertifiedMonth) -> PortalHouse:
    """The portal a day after the facts were stated."""
    month.clock.now_ms = NOW_MS
    return make_house(month)


def flags_of(month: CertifiedMonth, user_id: str) -> dict[str, str]:
    """Subject and detail of the doubts among a party's flags."""
    with month.work.begin(writes=False) as unit:
        stored = unit.expense.statements(party_id=user_id)
        flags = [flag for one in stored for flag in json.loads(one.content)["flags"]]
    return {f["subject"]: f["detail"] for f in flags if f["code"] == Reason.METER_DOUBTFUL}


def test_a_statement_flags_the_devices_of_a_doubtful_host(month: CertifiedMonth) -> None:
    """By device, with codes and without paths; other devices bear none, and no amount moved."""
    assert flags_of(month, COMPANY_A) == {
        OWN_CARD: "busy_without_power, library_redirected",
        OTHER_CARD: "library_redirected",
    }


def test_the_hosts_people_see_what_speaks_against_it(house: PortalHouse) -> None:
    """Its operator, the office and the auditor: doubts in Chinese first, and the facts; whatever a
    host writes is text."""
    for login in ("company-a", "officer", "auditor"):
        visitor = house.signed_in(login)
        page = visitor.get(f"/hosts/{OWN_HOST}").text
        assert "计量进程的库加载被改道" in page, login
        assert "利用率很高而功率接近空闲" in page
        assert "ld_preload=/opt/&lt;b&gt;x.so" in page
        assert "driver_proc" in page
        assert "2 项疑点" in visitor.get("/hosts").text


def test_strangers_see_nothing_of_it(house: PortalHouse) -> None:
    """Neither a tenant of other cards nor another provider's people."""
    for login in ("company-b", "provider"):
        visitor = house.signed_in(login)
        assert visitor.get(f"/hosts/{OWN_HOST}").status_code == 404
        assert "项疑点" not in visitor.get("/hosts").text


def test_a_host_that_states_nothing_is_not_said_to_be_sound(house: PortalHouse) -> None:
    """No facts is told apart from no doubt."""
    assert "主机没有报告这些事实" in house.signed_in("officer").get(f"/hosts/{HOST_1}").text


def test_commands_tell_doubts_and_facts(server_home: KashiServer) -> None:
    """`hosts doubts` in words and as JSON, of all hosts or of one with every fact; `hosts list`
    counts them."""
    server_home.init("--organisation", "Test", "--address", "localhost")
    with opened(server_home.directory) as server:
        reported(
            server.work,
            Ingestion(server.work, server.keyring.receipt_key, lambda: NOW_MS, demo=True),
        )

    said = json.loads(server_home.command("hosts", "doubts", "--days", "400", "--json"))
    one = json.loads(server_home.command("hosts", "doubts", OWN_HOST, "--days", "400", "--json"))
    text = server_home.command("hosts", "doubts", OWN_HOST, "--days", "400")

    assert [(d["hardware_id"], d["code"]) for d in said[OWN_HOST]["doubts"]] == [
        ("", "library_redirected"),
        (OWN_CARD, "busy_without_power"),
    ]
    assert said == one
    assert {(f["hardware_id"], f["name"], f["value"]) for f in one[OWN_HOST]["facts"]} >= {
        ("", "ld_preload", "/opt/<b>x.so"),
        ("", "driver_proc", None),
    }
    assert "库加载" in text
    assert "no host" in server_home.command("hosts", "doubts", "nobody", expect=3)
    (listed,) = json.loads(server_home.command("hosts", "list", "--json"))
    assert listed["doubts"] == []
