"""From the clock in signed reports to what a statement says of it: unknown is not zero."""

import json
from collections.abc import Sequence

import pytest
from fixtures_certificates import COMPANY_A, COMPANY_B, MONTH, CertifiedMonth, make_month
from fixtures_ingest import START_UTC_MS, ReportingHost, enrol
from fixtures_portal import OWN_CARD, OWN_HOST, _OwnHost
from kashi.v1 import report_pb2
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.services.as_of_facts import FactsAsOf
from kashi_server.services.facts_port import Place
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.log_port import Entry
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work

HOST = "11111111-0000-4000-8000-000000000001"
DAY_MS = 86_400_000
Header = report_pb2.ReportHeader
Blocks = list[report_pb2.DeviceBlock]


def free_running(header: Header, _blocks: Blocks) -> None:
    """The kernel calls the clock not synchronised; it stands where it stood at boot."""
    header.clock.sync = report_pb2.CLOCK_SYNC_UNSYNCHRONISED
    header.clock.offset_ms = 0


def given_way(header: Header, _blocks: Blocks) -> None:
    """The last report of an axis that was a day behind, sealed by the clock as it was put right:
    when it was sealed is no fact of what was used."""
    kind, end = report_pb2.HOST_EVENT_KIND_REANCHORED, header.end_boottime_ms
    header.events.add(boottime_ms=end, kind=kind, value=DAY_MS)
    header.clock.offset_ms = 0
    header.sealed_utc_ms += DAY_MS + 1_000


def ingest(ingestion: Ingestion, host: ReportingHost, wires: Sequence[bytes]) -> None:
    """Store them; all count."""
    (answer,) = ingestion.ingest([Submission(host.standing(), wires)])
    assert isinstance(answer, Answer)
    assert all(result.judgement.reason is None for result in answer.results)


class _WholeLog:
    """A log that has everything, and in it no decision."""

    def reached(self, host_id: str, size: int) -> Place:
        """Beyond all."""
        del host_id, size
        return (9, 9)

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """None."""
        del start, end
        return ()

    def index_of(self, kind: str, reference: str) -> int | None:
        """Nowhere."""
        del kind, reference
        return None

    def references(self, kind: str, size: int) -> Sequence[str]:
        """None."""
        del kind, size
        return ()


def test_what_is_stored_of_clocks_is_what_the_signed_reports_say(
    work: Work, ingestion: Ingestion
) -> None:
    """On either database, and the same when it is built again from the reports' bytes, so that a
    month told again has the same bytes."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    wires = [host.report(), host.report(change=free_running), host.report(change=given_way)]
    ingest(ingestion, host, wires)
    minute = START_UTC_MS // MINUTE_MS

    with work.begin(writes=False) as unit:
        stored = unit.facts.clocks(minute, minute + 60)
        again = FactsAsOf(unit.facts, _WholeLog(), 1, minute, minute + 60).clocks(
            minute, minute + 60
        )
        before = unit.facts.clocks(minute - 60, minute)

    expected = HostClock(
        labelled_ms=15 * MINUTE_MS,
        unvouched_ms=5 * MINUTE_MS,
        known_ms_max=DAY_MS,
    )
    assert stored == again == {HOST: expected}
    assert before == {}


def test_a_report_across_the_edge_of_a_month_counts_within_it(
    work: Work, ingestion: Ingestion
) -> None:
    """As much of its time as lies inside, as if it had been cut there."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    ingest(ingestion, host, [host.report(change=free_running), host.report()])
    minute = START_UTC_MS // MINUTE_MS

    with work.begin(writes=False) as unit:
        for start, end, expected in ((-60, 2, (2, 2)), (2, 7, (5, 3)), (7, 60, (3, 0))):
            span = (minute + start, minute + end)
            stored = unit.facts.clocks(*span)
            assert stored == FactsAsOf(unit.facts, _WholeLog(), 1, *span).clocks(*span)
            told = (stored[HOST].labelled_ms, stored[HOST].unvouched_ms)
            assert told == (expected[0] * MINUTE_MS, expected[1] * MINUTE_MS)


def test_the_axis_that_gave_way_was_as_far_off_on_both_sides_of_a_months_edge(
    work: Work, ingestion: Ingestion
) -> None:
    """All labels of a report stand on one axis, which does not move within it: what it gave way by
    at the end is what each of them is off by, in the month before the edge too. What another report
    stands on after it is not."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    ingest(ingestion, host, [host.report(change=given_way), host.report()])
    minute = START_UTC_MS // MINUTE_MS

    with work.begin(writes=False) as unit:
        offsets = []
        for start, end in ((-60, 2), (2, 60), (5, 60)):
            span = (minute + start, minute + end)
            stored = unit.facts.clocks(*span)
            assert stored == FactsAsOf(unit.facts, _WholeLog(), 1, *span).clocks(*span)
            offsets.append(stored[HOST].known_ms_max)

    assert offsets == [DAY_MS, DAY_MS, 3]


def test_no_stated_time_of_sealing_stops_a_month(work: Work, ingestion: Ingestion) -> None:
    """The least and the greatest that a database holds are read and summed up like any other."""
    host = ReportingHost(HOST, ["GPU-a"])
    enrol(work, host)
    wires = []
    for extreme in (1 - 2**63, 2**63 - 1):

        def change(header: Header, _blocks: Blocks, at: int = extreme) -> None:
            header.sealed_utc_ms = header.clock.offset_ms = at

        wires.append(host.report(change=change))
    ingest(ingestion, host, wires)
    minute = START_UTC_MS // MINUTE_MS

    with work.begin(writes=False) as unit:
        clock = unit.facts.clocks(minute, minute + 60)[HOST]

    assert (clock.unvouched_ms, clock.known_ms_max) == (0, 2**63 - 1)


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> CertifiedMonth:
    """A closed month in which company A's own host ran free for a while."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('clocks') / 'kashi.sqlite'}")
    migrate(engine)
    work = Work(engine)

    def report(ingestion: Ingestion) -> None:
        host = _OwnHost(OWN_HOST, [OWN_CARD], seed=3)
        enrol(work, host)
        changes = (None, free_running, free_running, given_way)
        ingest(ingestion, host, [host.report(change=change) for change in changes])

    made = make_month(work, before_close=report)
    engine.dispose()
    return made


def _statements(month: CertifiedMonth, user_id: str) -> list[dict[str, object]]:
    with month.work.begin(writes=False) as unit:
        stored = unit.expense.statements(party_id=user_id)
    return [json.loads(one.content) for one in stored if one.month == MONTH]


def _told(month: CertifiedMonth, user_id: str, card: str | None) -> tuple[object, dict[str, str]]:
    """The clock's largest offset and the clock's flags of the statement with a card, or without."""
    for one in _statements(month, user_id):
        cards = [device["hardware_id"] for device in one["devices"]]  # type: ignore[attr-defined]  # plain JSON
        if card is None or card in cards:
            flags = {flag["code"]: flag["detail"] for flag in one["flags"]}  # type: ignore[attr-defined]  # plain JSON
            told = {code: said for code, said in flags.items() if code == "clock_unknown"}
            return one["quality"]["max_clock_offset_ms"], told  # type: ignore[index]  # plain JSON
    raise AssertionError(f"no statement of {user_id} has {card}")


def test_a_statement_does_not_print_an_unknown_clock_as_zero(month: CertifiedMonth) -> None:
    """Its largest offset is null; a flag says for how long, and what is known of the other time;
    that a report was sealed a day after its labels changes no byte."""
    assert _told(month, COMPANY_A, OWN_CARD) == (
        None,
        {
            "clock_unknown": "600000 / 1200000 ms，其余最大 the others at most 86400000 ms",
        },
    )


def test_a_statement_of_vouched_clocks_states_them_and_bears_no_flag(
    month: CertifiedMonth,
) -> None:
    """Another party's host says nothing about this one's."""
    assert _told(month, COMPANY_B, None) == (3, {})
