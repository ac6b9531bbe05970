"""A partition whose UUID comes with its share, without, and with another: counted once, on both
databases, and found by whoever it is assigned to."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    HOST_A,
    HOST_B,
    OCTOBER,
    OTHER_TENANT,
    PROVIDER,
    START,
    TENANT,
    assignment,
    at,
    contract,
    observe,
    price,
)
from expense_facts import described, sequencer, store
from fixtures_database import Database
from fixtures_ingest import MINUTE_MS, START_UTC_MS, ReportingHost, enrol
from kashi.v1 import report_pb2
from kashi_server.domain.interval import Interval
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.report import DeviceDescription
from kashi_server.domain.same_hardware import hardware_key
from kashi_server.domain.sequence import QuarantineReason, Verdict
from kashi_server.domain.statement import Statement
from kashi_server.domain.tariff import Basis, PriceUnit
from kashi_server.domain.usage import Quantities
from kashi_server.errors import Refused
from kashi_server.services.as_of_facts import FactsAsOf
from kashi_server.services.closing import MonthClosing
from kashi_server.services.facts_port import Place
from kashi_server.services.gap_explaining import _sees
from kashi_server.services.hosts import HostState
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.ingestion import Answer, Ingestion, Result, Submission
from kashi_server.services.log_port import Entry
from kashi_server.services.providing import ProvidersHosts
from kashi_server.services.restoration import Decision, Restoration
from kashi_server.services.trail_then import CutOff
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.tables.facts import devices
from kashi_server.storage.unit_of_work import Work
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.standing import check_standing
from sqlalchemy import select

HOST = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
FIRST = START_UTC_MS // MINUTE_MS
UUID = "6f3c1111-2222-3333-4444-55556666abcd"
CARD = f"GPU-{UUID[:-1]}0"
BARE = f"MIG-{UUID}"
FOUR, THREE = f"{BARE}.4of7-4g.40gb", f"{BARE}.3of7-3g.40gb"
SEVENTHS = {BARE: 4, FOUR: 4, THREE: 3}
PARTS = {
    name: replace(
        described(name),
        parent_hardware_id=CARD,
        share_numerator=sevenths,
        share_denominator=7,
    )
    for name, sevenths in SEVENTHS.items()
}
CHANGE = at("10-16 08:30")
Minutes = Mapping[tuple[str, str, int], Quantities]


def cut(_header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
    """What is named as a part is described as one; who writes in capitals writes all so."""
    named = {name.lower(): sevenths for name, sevenths in SEVENTHS.items()}
    for block in blocks:
        hardware_id = block.device.hardware_id
        sevenths = named.get(hardware_id.lower())
        if sevenths is not None:
            block.device.parent_hardware_id = CARD.upper() if hardware_id.isupper() else CARD
            block.device.share_numerator, block.device.share_denominator = sevenths, 7


def send(ingestion: Ingestion, host: ReportingHost, *wires: bytes) -> list[Result]:
    """Submit reports of one host; what became of each."""
    (answer,) = ingestion.ingest([Submission(host.standing(), wires)])
    assert isinstance(answer, Answer)
    return list(answer.results)


def verdicts(results: list[Result]) -> list[Verdict]:
    """What became of reports."""
    return [result.judgement.verdict for result in results]


def a_host(work: Work, host_id: str, *names: str, minute: int = 0) -> ReportingHost:
    """An enrolled host that will tell of a device by these ids."""
    host = ReportingHost(host_id, list(names), utc_ms=START_UTC_MS + minute * MINUTE_MS)
    enrol(work, host)
    return host


class _WholeLog:
    """A log that has everything, and in it no decision."""

    def reached(self, host_id: str, size: int) -> Place:
        """Beyond all."""
        del host_id, size
        return (9, 9)

    def entries(self, start: int, end: int) -> list[Entry]:
        """None."""
        del start, end
        return []

    def index_of(self, kind: str, reference: str) -> int | None:
        """Nowhere."""
        del kind, reference
        return None

    def references(self, kind: str, size: int) -> list[str]:
        """None."""
        del kind, size
        return []


def served(work: Work) -> dict[str, list[tuple[str, int, int | None]]]:
    """Where each id served, in minutes from the first; built again from the reports it is the
    same."""
    span = (FIRST, FIRST + 240)
    with work.begin(writes=False) as unit:
        found, seen_twice = unit.facts.devices(), unit.facts.conflicts(None, *span)
        again = FactsAsOf(unit.facts, _WholeLog(), 1, *span)
        assert again.devices() == found
        assert again.conflicts(None, *span) == seen_twice
        assert [one.hardware_id for one in unit.facts.devices([FOUR])] in ([], [FOUR])
    return {
        device.hardware_id: [
            (one.host_id, one.interval.start - FIRST, one.interval.end and one.interval.end - FIRST)
            for one in device.windows
        ]
        for device in found
    }


def conflicts(work: Work, *hardware_ids: str) -> set[tuple[str, int, int | None, tuple[str, ...]]]:
    """What two hosts observed, of some ids or of all."""
    with work.begin(writes=False) as unit:
        found = unit.facts.conflicts(hardware_ids or None, FIRST, FIRST + 240)
    return {
        (one.hardware_id, one.interval.start - FIRST, (one.interval.end or 0) - FIRST, one.host_ids)
        for one in found
    }


def test_an_upgraded_agents_partition_goes_on_under_its_new_id(
    work: Work, ingestion: Ingestion
) -> None:
    """The id without a share is not missed from then on, and nothing is seen twice."""
    host = a_host(work, HOST, BARE, FOUR)
    wires = [host.report(change=cut, only=[BARE]) for _ in range(2)]
    wires += [host.report(change=cut, only=[FOUR]) for _ in range(2)]

    results = send(ingestion, host, *wires)

    assert set(verdicts(results)) == {Verdict.ACCEPTED}
    assert served(work) == {BARE: [(HOST, 0, 10)], FOUR: [(HOST, 10, None)]}
    assert conflicts(work) == set()


def test_a_partition_that_comes_back_serves_again(work: Work, ingestion: Ingestion) -> None:
    """A card cut by day and by night has the same UUIDs in turns: none is in conflict, and each
    serves while it is there."""
    host = a_host(work, HOST, THREE, FOUR)
    wires = [host.report(70, change=cut, only=[name]) for name in (THREE, FOUR, THREE)]

    results = send(ingestion, host, *wires)

    assert set(verdicts(results)) == {Verdict.ACCEPTED}
    assert served(work) == {THREE: [(HOST, 0, 70), (HOST, 140, None)], FOUR: [(HOST, 70, 140)]}
    assert conflicts(work) == set()


@pytest.mark.parametrize(
    ("here", "there"), [(BARE, FOUR), (FOUR, THREE), (CARD, CARD.upper()), (FOUR, FOUR)]
)
def test_one_hardware_told_by_two_hosts_is_a_conflict(
    work: Work, ingestion: Ingestion, here: str, there: str
) -> None:
    """Whatever its share says and however its id is spelt, asked for by either id."""
    first = a_host(work, HOST, here)
    second = a_host(work, OTHER, there, minute=3)
    send(ingestion, first, first.report(10, change=cut))
    send(ingestion, second, second.report(10, change=cut))

    expected = {(name, 3, 10, (HOST, OTHER)) for name in (here, there)}
    assert conflicts(work) == expected
    assert conflicts(work, there) == {one for one in expected if one[0] == there}
    windows = served(work)
    assert windows[here][0] == (HOST, 0, 10)
    assert windows[there][-1] == (OTHER, 10, None)


def test_two_ids_of_one_partition_at_once_do_not_count(work: Work, ingestion: Ingestion) -> None:
    """One host that tells of one UUID twice for one time, in one report or in two, is not believed;
    it is not held, and what it tells next counts."""
    host = a_host(work, HOST, BARE, FOUR)
    (at_once,) = send(ingestion, host, host.report(change=cut))
    (next_one,) = send(ingestion, host, host.report(change=cut, only=[BARE]))
    host.boot_id, host.boot_ms = bytes(16), host.boot_ms - 5 * MINUTE_MS
    (again, after) = send(
        ingestion, host, *[host.report(change=cut, only=[FOUR]) for _ in range(2)]
    )

    overlap = (Verdict.QUARANTINED, QuarantineReason.OVERLAP)
    assert (at_once.judgement.verdict, at_once.judgement.reason) == overlap
    assert (again.judgement.verdict, again.judgement.reason) == overlap
    assert verdicts([next_one, after]) == [Verdict.ACCEPTED] * 2
    with work.begin(writes=False) as unit:
        known = unit.identity.host(HOST)
    assert known is not None
    assert known.state is HostState.ACTIVE


def dearer(_header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
    """The same partition, described as one of a dearer card."""
    cut(_header, blocks)
    for block in blocks:
        block.device.model = "NVIDIA B300"


@pytest.mark.parametrize("by", [HOST, OTHER])
@pytest.mark.parametrize(
    ("stands", "told"), [(BARE, FOUR), (FOUR, BARE), (CARD, CARD.upper()), (FOUR, FOUR.upper())]
)
def test_another_id_of_a_device_makes_it_no_dearer(
    work: Work, ingestion: Ingestion, stands: str, told: str, by: str
) -> None:
    """What counts of it settles model and share for all of its ids, on its host and elsewhere, when
    it comes in and when a hold is released; told as it stands it counts."""
    first = a_host(work, HOST, stands, *({told} - {stands}))
    second = first if by == HOST else a_host(work, OTHER, told, minute=30)
    send(ingestion, first, first.report(change=cut, only=[stands]))

    (spoilt,) = send(ingestion, second, second.report(change=dearer, only=[told]))
    (held,) = ingestion.ingest(
        [Submission(second.standing(HostState.HELD), [second.report(change=dearer, only=[told])])]
    )
    assert isinstance(held, Answer)
    restored = Restoration(work, lambda: second.utc_ms).restore_host(
        second.host_id, Decision(officer="officer-1", why="looked at")
    )
    (sound,) = send(ingestion, second, second.report(change=cut, only=[told]))

    assert spoilt.judgement.reason is QuarantineReason.DESCRIPTION
    assert restored.counted == []
    assert [one.reason for _place, one in restored.refused] == [QuarantineReason.DESCRIPTION]
    assert sound.judgement.verdict is Verdict.ACCEPTED


@pytest.mark.parametrize(("stands", "told"), [(FOUR, THREE), (THREE, BARE), (BARE, THREE)])
def test_a_partition_that_is_cut_otherwise_is_described_anew(
    work: Work, ingestion: Ingestion, stands: str, told: str
) -> None:
    """Another share under the same UUID is another device, and the driver names its model by it."""
    first, second = a_host(work, HOST, stands), a_host(work, OTHER, told, minute=30)
    send(ingestion, first, first.report(change=cut))

    (result,) = send(ingestion, second, second.report(change=dearer))

    assert result.judgement.verdict is Verdict.ACCEPTED


def test_an_officer_does_not_let_a_partition_count_twice(
    work: Work, ingestion: Ingestion, clock: Callable[[], int]
) -> None:
    """What was told under two ids at once stays out when its quarantine is looked at again."""
    host = a_host(work, HOST, BARE, FOUR)
    send(ingestion, host, host.report(change=cut))
    decision = Decision(officer="officer-1", why="looked at")

    with pytest.raises(Refused, match="is already counted"):
        Restoration(work, clock).restore_report(HOST, (1, 1), decision)


def test_an_old_report_with_one_id_and_two_shares_holds_nobody(
    work: Work, ingestion: Ingestion
) -> None:
    """Two shares under one UUID in one report of an old agent: refused by its form, with nothing
    stored and its number free; another share in a later one: quarantined. The host goes on either
    way, and its upgraded agent's report counts."""
    host = a_host(work, HOST, BARE, "GPU-2", FOUR)

    def twice(header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
        cut(header, blocks)
        blocks[1].device.CopyFrom(blocks[0].device)
        blocks[1].device.share_numerator = 3

    def otherwise(header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
        cut(header, blocks)
        blocks[0].device.share_numerator = 3

    kept = (host.sequence, host.previous, {slot: list(c) for slot, c in host.counters.items()})
    (refused,) = send(ingestion, host, host.report(change=twice, only=[BARE, "GPU-2"]))
    host.sequence, host.previous, host.counters = kept
    first, other, upgraded = send(
        ingestion,
        host,
        host.report(change=cut, only=[BARE]),
        host.report(change=otherwise, only=[BARE]),
        host.report(change=cut, only=[FOUR]),
    )

    assert (refused.judgement.verdict, refused.receipt) == (Verdict.REJECTED, b"")
    assert "two blocks speak of one device" in refused.judgement.detail
    assert other.judgement.reason is QuarantineReason.DESCRIPTION
    assert verdicts([first, upgraded]) == [Verdict.ACCEPTED] * 2
    with work.begin(writes=False) as unit:
        known = unit.identity.host(HOST)
    assert known is not None
    assert known.state is HostState.ACTIVE


# Money


def closed(work: Work) -> dict[str, Statement]:
    """October's statements, each held against the verifier's own arithmetic."""
    now = (END + 4320) * MINUTE_MS
    made = MonthClosing(work, sequencer(work, now), lambda: now, demo=False).close(OCTOBER)
    for statement in made.statements:
        check_arithmetic(statement.to_data())
        check_standing(statement.to_data())
    return {one.number: one for one in made.statements}


def upgraded(start: int = START) -> Minutes:
    """Told without its share until the change, and with it from then on."""
    return observe(start, CHANGE, hardware_id=BARE) | observe(CHANGE, END, hardware_id=FOUR)


@pytest.mark.parametrize("named", [BARE, FOUR, FOUR.upper()])
def test_an_assignment_outlives_the_upgrade_of_the_agent(work: Work, named: str) -> None:
    """By the id of before or the one of after, the whole month is the contract's, once."""
    store(work, upgraded(), assignments=[assignment(hardware_id=named)], parts=PARTS)

    statement = closed(work)["KS-2026-10-HT-1"]

    assert [(one.hardware_id, one.start, one.end) for one in statement.lines] == [
        (BARE, START, CHANGE),
        (FOUR, CHANGE, END),
    ]
    assert statement.card_hours == Fraction(744 * 4, 7)
    assert sum(one.billed_ms for one in statement.lines) == 744 * 3_600_000
    assert not [flag for flag in statement.flags if str(flag.code) == "never_observed"]


def test_a_flat_rent_is_due_once_on_the_day_of_the_upgrade(work: Work) -> None:
    """The id of before is not rented on beside the one of after."""
    rent = replace(price("7440.00"), basis=Basis.FLAT_RENT, unit=PriceUnit.DEVICE_MONTH)
    leases = [assignment(hardware_id=BARE)]
    store(work, upgraded(), assignments=leases, prices=[rent], parts=PARTS)

    statement = closed(work)["KS-2026-10-HT-1"]

    assert sum(one.billed_ms for one in statement.lines) == 744 * 3_600_000
    assert 744_000 * 4 // 7 - 1 <= statement.amount_fen <= 744_000 * 4 // 7


def test_each_cut_counts_as_the_share_that_was_reported(work: Work) -> None:
    """The UUID alone is assigned, and the card is cut anew: each part of the month at its share;
    whoever has the one cut assigned has no minute of the other."""
    minutes = observe(START, CHANGE, hardware_id=FOUR) | observe(CHANGE, END, hardware_id=THREE)
    store(work, minutes, assignments=[assignment(hardware_id=BARE)], parts=PARTS)

    statement = closed(work)["KS-2026-10-HT-1"]

    hours = Fraction(CHANGE - START, 60) * Fraction(4, 7) + Fraction(END - CHANGE, 60) * Fraction(
        3, 7
    )
    assert statement.card_hours == hours


def test_another_cut_is_not_what_was_assigned(work: Work) -> None:
    """Assigned with its share and profile, a partition that is cut otherwise is unleased."""
    minutes = observe(START, CHANGE, hardware_id=FOUR) | observe(CHANGE, END, hardware_id=THREE)
    store(work, minutes, assignments=[assignment(hardware_id=FOUR)], parts=PARTS)

    made = closed(work)

    assert [one.hardware_id for one in made["KS-2026-10-HT-1"].lines] == [FOUR]
    (rest,) = made[f"KS-2026-10-{PROVIDER}"].lines
    assert (rest.hardware_id, [str(one) for one in rest.reasons]) == (THREE, ["unleased"])


def test_a_partition_told_by_two_hosts_is_held_under_both_ids(work: Work) -> None:
    """An old agent's and a new one's word for one partition: what both observed is billed to
    nobody, the rest once."""
    minutes = observe(START, CHANGE + 60, hardware_id=BARE)
    minutes |= observe(CHANGE, END, hardware_id=FOUR, host_id=HOST_B)
    store(work, minutes, assignments=[assignment(hardware_id=BARE)], parts=PARTS)

    statement = closed(work)["KS-2026-10-HT-1"]

    held = [one for one in statement.lines if "conflict" in map(str, one.reasons)]
    assert [(one.start, one.end, one.amount_fen) for one in held] == [(CHANGE, CHANGE + 60, 0)]
    assert sum(one.billed_ms for one in statement.lines) == 743 * 3_600_000


# Agreements


def taken(work: Work, *texts: str) -> None:
    """Import agreements."""
    files = [ImportFile(f"{place}.toml", text) for place, text in enumerate(texts)]
    Importing(work, lambda: START * MINUTE_MS).take(files, "officer")


def wanted(hardware_id: str, contract_id: str = "HT-2", since: str = "2026-10-01") -> str:
    """An assignment as it is imported."""
    return f"""\
[[assignment]]
assignment_id = "A-9"
contract = "{contract_id}"
hardware_id = "{hardware_id}"
from = {since}T00:00:00+08:00
proposed_by = "{PROVIDER}"
"""


@pytest.mark.parametrize(
    ("stands", "asked"),
    [(BARE, FOUR), (FOUR, BARE), (FOUR, THREE), (CARD, CARD.upper()), (BARE, BARE.upper())],
)
def test_one_hardware_is_assigned_once_at_a_time(work: Work, stands: str, asked: str) -> None:
    """Two contracts cannot hold one UUID in one minute by two ids; the refusal names both. After
    the end of the first, the second may."""
    first = assignment(end=at("10-20 00:00"), hardware_id=stands)
    store(work, upgraded(), assignments=[first], parts=PARTS)
    with work.begin() as unit:
        unit.expense.put_contract(contract("HT-2"))
        unit.commit()

    with pytest.raises(MistakesFound) as refused:
        taken(work, wanted(asked))

    told = str(refused.value)
    assert f"device {asked} cannot serve HT-2" in told
    assert f"assignment A-1 of contract HT-1 names {stands} then (both are one UUID" in told
    taken(work, wanted(asked, since="2026-10-20"))


@pytest.mark.parametrize("part", [BARE, FOUR, BARE.upper()])
def test_a_card_and_any_id_of_its_part_are_not_both_assigned(work: Work, part: str) -> None:
    """The part need not be reported by the id that is assigned."""
    store(work, upgraded(), assignments=[assignment(hardware_id=part)], parts=PARTS)
    with work.begin() as unit:
        unit.expense.put_contract(contract("HT-2"))
        unit.commit()

    with pytest.raises(MistakesFound, match="assignment A-1 of contract HT-1 names"):
        taken(work, wanted(CARD))


# Sight


@pytest.fixture(params=["sqlite", "postgresql role"])
def reading(request: pytest.FixtureRequest) -> Iterator[tuple[Work, Callable[[], Work]]]:
    """A database, and how it is read for pages: on PostgreSQL as the portal's role."""
    if request.param == "sqlite":
        work = request.getfixturevalue("sqlite_database").work
        yield work, lambda: work
        return
    database: Database = request.getfixturevalue("postgresql_database")
    urls = role_urls(database.url, "ingest-secret", "portal-secret")
    install_roles(database.engine, urls)
    portal = Work(open_engine(urls.portal))
    yield database.work, lambda: portal
    portal.engine.dispose()


@pytest.mark.parametrize(
    ("named", "seen"),
    [
        (BARE, {BARE, FOUR, THREE}),
        (FOUR, {BARE, FOUR}),
        (THREE, {THREE}),
        (CARD.upper(), {BARE, FOUR, THREE}),
    ],
)
def test_who_has_it_assigned_sees_every_id_that_is_covered(
    reading: tuple[Work, Callable[[], Work]], named: str, seen: set[str]
) -> None:
    """And no other cut of the same UUID: pages, and the database alone, show the same."""
    work, portal = reading
    told = {**upgraded(CHANGE - 60), **observe(END, END + 60, hardware_id=THREE)}
    store(work, told, assignments=[assignment(hardware_id=named)], parts=PARTS)

    with portal().begin(writes=False, party=TENANT) as unit:
        sight = unit.views.sight(TENANT)
        found = {device.hardware_id for device in unit.views.devices(sight)}
        hours = {hour.hardware_id for hour in unit.views.hours(found, OCTOBER.interval())}

    assert found == seen
    assert hours == seen - {THREE}
    assert all(sight.leased[name] == (Interval(START, None),) for name in seen)


def test_a_provider_may_propose_by_an_id_that_is_reported_otherwise(work: Work) -> None:
    """The partition is on the provider's host by whatever id the host reports it."""
    store(work, upgraded(), parts=PARTS)
    span = Interval(START, END)

    with work.begin(writes=False) as unit:
        hosts = ProvidersHosts(unit)
        served_by = {name: hosts.serve(contract(), name, span) for name in (BARE, FOUR, THREE)}

    assert served_by == {BARE: True, FOUR: True, THREE: False}


@pytest.mark.parametrize(
    "name",
    [
        BARE,
        FOUR,
        FOUR.upper(),
        CARD,
        CARD.upper(),
        f"MIG-{CARD}/1/0.1of7-1g.5gb",
        "0A-0B.vnpu1-1of2",
    ],
)
def test_the_databases_compare_hardware_as_the_server_does(work: Work, name: str) -> None:
    """One rule, said in Python and in SQL."""
    told: DeviceDescription = replace(described(name), serial="")
    store(work, observe(START, START + 1, hardware_id=name), parts={name: told})

    with work.begin(writes=False) as unit:
        (found,) = unit.connection.execute(select(devices.c.hardware_key)).scalars()

    assert found == hardware_key(name)


def test_the_assignment_behind_a_line_is_told_whatever_id_it_names(work: Work) -> None:
    """Explaining a line of one id names the assignment by another id that covers it, and none of
    another cut."""
    leases = [
        assignment(end=CHANGE, hardware_id=BARE),
        assignment(CHANGE, hardware_id=THREE, assignment_id="A-2"),
    ]
    store(work, upgraded(), assignments=leases, parts=PARTS)
    share, span = Fraction(4, 7), Interval(START, END)

    with work.begin(writes=False) as unit:
        told = list(CutOff(unit, 0).assignments("HT-1", {FOUR: share}, span))

    assert [one.then.assignment_id for one in told] == ["A-1"]


def test_who_leases_a_partition_explains_gaps_of_every_id_of_it(work: Work) -> None:
    """Its minutes are the tenant's while the assignment covers the id that missed them."""
    lease = assignment(hardware_id=BARE)
    store(work, upgraded(), assignments=[lease], parts=PARTS)
    gap = Interval(CHANGE + 5, CHANGE + 10)

    with work.begin(writes=False) as unit:
        assert _sees(unit, FOUR, HOST_A, gap, TENANT)
        assert not _sees(unit, FOUR, HOST_A, gap, OTHER_TENANT)
