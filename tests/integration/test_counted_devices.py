"""Cards that a host keeps out of its reports, as people see them: a number and nothing else."""

from collections.abc import Iterator

import pytest
from fixtures_certificates import HOST_1, CertifiedMonth, make_month
from fixtures_ingest import enrol
from fixtures_portal import OWN_CARD, OWN_HOST, PortalHouse, _OwnHost, make_house
from kashi.v1 import report_pb2
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work

WORDS = "只计数、不上报的卡"


def counted(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
    """Seven more cards stand in that host."""
    header.devices_counted_only = 7


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PortalHouse]:
    """The portal over a month in which one host reports one of its eight cards."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('counted') / 'kashi.sqlite'}")
    migrate(engine)
    work = Work(engine)

    def reported(ingestion: Ingestion) -> None:
        host = _OwnHost(OWN_HOST, [OWN_CARD], seed=3)
        enrol(work, host)
        ingestion.ingest([Submission(host.standing(), [host.report(5, change=counted)])])

    month: CertifiedMonth = make_month(work, before_close=reported)
    yield make_house(month)
    engine.dispose()


def test_the_hosts_page_and_the_interface_tell_the_count(house: PortalHouse) -> None:
    """Its operator and the office see how many there are; a host without any says nothing of it."""
    for login in ("company-a", "officer"):
        visitor = house.signed_in(login)
        page = visitor.get(f"/hosts/{OWN_HOST}").text
        assert f"<dt>{WORDS}</dt><dd>7</dd>" in page, login
        (host,) = (
            host for host in visitor.get("/api/v1/hosts").json() if host["host_id"] == OWN_HOST
        )
        assert (host["devices"], host["devices_counted_only"]) == (1, 7)
    assert WORDS not in house.signed_in("officer").get(f"/hosts/{HOST_1}").text
