"""Ingestion on SQLite and PostgreSQL: verdicts, exactly once, projections, sudden death."""

import itertools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fixtures_database import Database
from fixtures_identity import SteppedClock
from fixtures_ingest import (
    HOUR_MS,
    MINUTE_MS,
    START_UTC_MS,
    ReportingHost,
    enrol,
    stored_sums,
    sums_of,
)
from kashi import limits, signing
from kashi.errors import FormError
from kashi.v1 import metering_pb2, report_pb2
from kashi_server.domain.device import GapReason
from kashi_server.domain.sequence import QuarantineReason, Verdict
from kashi_server.services.authority import Keyring
from kashi_server.services.fsck import check_facts
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.hosts import HostState
from kashi_server.services.ingestion import Answer, Failure, Ingestion, Result, Submission
from kashi_server.services.receipts import read_receipt
from kashi_server.storage.engine import open_engine
from kashi_server.storage.tables import facts as tables
from kashi_server.storage.unit_of_work import Work
from released_hosts import release
from sqlalchemy import event, func, select
from sqlalchemy.engine import Connection

Block = report_pb2.DeviceBlock
HOST = "11111111-0000-4000-8000-000000000001"
OTHER = "22222222-0000-4000-8000-000000000002"
FIRST_MINUTE = START_UTC_MS // MINUTE_MS


@pytest.fixture
def host(work: Work) -> ReportingHost:
    """An enrolled host with two devices."""
    host = ReportingHost(HOST, ["GPU-a", "GPU-b"])
    enrol(work, host)
    return host


def send(
    ingestion: Ingestion, host: ReportingHost, *wires: bytes, state: HostState = HostState.ACTIVE
) -> list[Result]:
    """Submit reports of one host; what became of each."""
    (answer,) = ingestion.ingest([Submission(host.standing(state), wires)])
    assert isinstance(answer, Answer)
    return list(answer.results)


def rows(work: Work) -> dict[str, int]:
    """How many rows stand in each table of facts."""
    with work.begin(writes=False) as unit:
        return {
            table.name: unit.connection.execute(
                select(func.count()).select_from(table)
            ).scalar_one()
            for table in tables.reports.metadata.sorted_tables
        }


def test_receipt_says_what_became_of_exactly_these_bytes(
    work: Work, ingestion: Ingestion, keyring: Keyring, host: ReportingHost, clock: SteppedClock
) -> None:
    """The receipt names host, place, hash, verdict and the server's time, and verifies."""
    (result,) = send(ingestion, host, host.report())

    payload, judgement = read_receipt(result.receipt, keyring.receipt_key.public_key())

    assert (payload.host_id, payload.epoch, payload.sequence) == (HOST, 1, 1)
    assert payload.report_sha256 == host.previous
    assert payload.received_utc_ms == clock.now_ms
    assert judgement.verdict is Verdict.ACCEPTED
    with work.begin(writes=False) as unit:
        stored = unit.facts.stored(HOST, 1, 1)
    assert stored is not None
    assert stored.receipt == result.receipt


def test_a_receipt_with_a_reason_of_a_later_version_is_read(keyring: Keyring) -> None:
    """It is kept and told as unknown; an unknown verdict is none."""
    signed = metering_pb2.ReceiptPayload(host_id=HOST, verdict=5, quarantine_reason=4711)  # type: ignore[arg-type]  # a later version's

    payload, judgement = read_receipt(_receipt(keyring, signed), keyring.receipt_key.public_key())

    assert (payload.quarantine_reason, judgement.verdict) == (4711, Verdict.QUARANTINED)
    assert (judgement.reason, judgement.detail) == (None, "unknown reason 4711")
    with pytest.raises(FormError, match="verdict 99"):
        read_receipt(_receipt(keyring, metering_pb2.ReceiptPayload(verdict=99)))  # type: ignore[arg-type]  # no verdict


def _receipt(keyring: Keyring, payload: metering_pb2.ReceiptPayload) -> bytes:
    said = payload.SerializeToString()
    signature = signing.sign(keyring.receipt_key, signing.RECEIPT, said)
    return metering_pb2.Receipt(payload=said, signature=signature).SerializeToString()


def test_replay_changes_no_row_and_returns_the_same_receipt(
    work: Work, ingestion: Ingestion, host: ReportingHost, clock: SteppedClock
) -> None:
    """A report sent again, even by a restarted server a day later, is answered byte for byte."""
    wires = [host.report() for _ in range(5)]
    first = [result.receipt for result in send(ingestion, host, *wires)]
    before = rows(work)
    clock.advance(24 * HOUR_MS)

    again = send(ingestion, host, *reversed(wires), *wires)

    assert [result.receipt for result in again] == [*reversed(first), *first]
    assert {result.judgement.verdict for result in again} == {Verdict.DUPLICATE}
    assert rows(work) == before
    assert stored_sums(work) == sums_of(wires)


def test_cards_that_are_only_counted_stand_with_the_host(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """The newest report's count is kept, and nothing else of them: no device, no hour."""

    def counted(count: int) -> Callable[[report_pb2.ReportHeader, list[Block]], None]:
        return lambda header, _blocks: setattr(header, "devices_counted_only", count)

    said = []
    for count in (6, 4):
        send(ingestion, host, host.report(change=counted(count)))
        with work.begin(writes=False) as unit:
            (head,) = unit.facts.heads([HOST])
            said.append((head.devices_counted_only, len(unit.facts.devices())))

    assert said == [(6, 2), (4, 2)]


def test_report_ahead_names_the_head(work: Work, ingestion: Ingestion, host: ReportingHost) -> None:
    """A missing report is asked for: nothing is stored, the answer carries the head."""
    wires = [host.report() for _ in range(3)]
    send(ingestion, host, wires[0])
    before = rows(work)

    (answer,) = ingestion.ingest([Submission(host.standing(), [wires[2]])])

    assert isinstance(answer, Answer)
    assert answer.results[0].judgement.verdict is Verdict.GAP
    assert (answer.head.epoch, answer.head.sequence) == (1, 1)
    assert rows(work) == before


def test_fork_keeps_evidence_and_holds_the_host(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """Other bytes for a sequence that is taken: kept, the host held, what it sends on waits."""
    clone = ReportingHost(HOST, ["GPU-a", "GPU-b"], seed=1, key=host.key)
    send(ingestion, host, host.report())

    (fork,) = send(ingestion, host, clone.report())
    (later,) = send(ingestion, host, host.report(), state=HostState.HELD)

    assert fork.judgement.verdict is Verdict.FORK
    assert fork.receipt == b""
    assert later.judgement.reason is QuarantineReason.HOST_HELD
    with work.begin(writes=False) as unit:
        standing = unit.identity.standing(HOST)
    assert standing is not None
    assert standing.state is HostState.HELD
    assert rows(work)["forks"] == 1


def test_fork_holds_what_follows_in_the_same_call(
    ingestion: Ingestion, host: ReportingHost
) -> None:
    """The hold works at once, not when the standing is next looked up."""
    clone = ReportingHost(HOST, ["GPU-a", "GPU-b"], seed=1, key=host.key)
    wires = [host.report(), clone.report(), host.report()]

    results = send(ingestion, host, *wires)

    assert [result.judgement.verdict for result in results] == [
        Verdict.ACCEPTED,
        Verdict.FORK,
        Verdict.QUARANTINED,
    ]


def test_release_counts_what_a_held_host_sent(
    work: Work, ingestion: Ingestion, keyring: Keyring, host: ReportingHost, clock: SteppedClock
) -> None:
    """Held reports are stored and receipted; two officers release the host and they count."""
    wires = [host.report(), host.report(gaps=[(1000, 5000)]), host.report()]
    send(ingestion, host, wires[0])
    keeping = HostKeeping(work, clock)
    keeping.hold(HOST, "li", "looks odd")
    held = send(ingestion, host, wires[1], wires[2], state=HostState.HELD)
    assert stored_sums(work) == sums_of(wires[:1])

    restored = release(work, clock, HOST)

    assert restored.counted == [(1, 2), (1, 3)]
    assert stored_sums(work) == sums_of(wires)
    assert [result.receipt for result in send(ingestion, host, *wires[1:])] == [
        result.receipt for result in held
    ]
    wires.append(host.report())
    send(ingestion, host, wires[3])
    assert stored_sums(work) == sums_of(wires)
    assert check_facts(work, keyring.receipt_key.public_key()).differences == []


@pytest.mark.parametrize("demo", [False, True])
def test_replayed_workload_counts_on_a_demonstration_only(
    work: Work, keyring: Keyring, clock: SteppedClock, *, demo: bool
) -> None:
    """A replay meter is quarantined on an ordinary server."""
    host = ReportingHost(HOST, ["GPU-a"], meter=report_pb2.METER_KIND_REPLAY)
    enrol(work, host)
    ingestion = Ingestion(work, keyring.receipt_key, clock, demo=demo)

    (result,) = send(ingestion, host, host.report())

    expected = None if demo else QuarantineReason.REPLAY_METER
    assert result.judgement.reason is expected
    assert (stored_sums(work) != {}) is demo


@pytest.mark.parametrize("demo", [False, True])
def test_time_before_enrolment_counts_on_a_demonstration_only(
    work: Work, keyring: Keyring, clock: SteppedClock, *, demo: bool
) -> None:
    """What a host says of the time before it was enrolled waits for an officer."""
    host = ReportingHost(HOST, ["GPU-a"], utc_ms=START_UTC_MS - HOUR_MS)
    enrol(work, host)
    ingestion = Ingestion(work, keyring.receipt_key, clock, demo=demo)

    (result,) = send(ingestion, host, host.report())

    assert result.judgement.reason is (None if demo else QuarantineReason.BEFORE_ENROLMENT)


def test_future_is_quarantined(
    ingestion: Ingestion, host: ReportingHost, clock: SteppedClock
) -> None:
    """A label beyond the allowed skew waits for an officer; within it, it counts."""
    clock.now_ms = START_UTC_MS + 5 * MINUTE_MS - limits.FUTURE_SKEW_MS_MAX

    results = send(ingestion, host, host.report(), host.report(1))

    assert [result.judgement.reason for result in results] == [
        None,
        QuarantineReason.BEYOND_SKEW,
    ]


def test_counters_must_follow(ingestion: Ingestion, host: ReportingHost) -> None:
    """Running totals that do not follow from the report before betray what is missing."""

    def change(header: report_pb2.ReportHeader, _blocks: list[report_pb2.DeviceBlock]) -> None:
        header.counters[0].observed_ms += 1

    wires = [host.report(), host.report(change=change)]
    host.counters[0][0] += 1
    wires.append(host.report())

    results = send(ingestion, host, *wires)

    assert [result.judgement.reason for result in results] == [
        None,
        QuarantineReason.COUNTERS,
        None,
    ]


def test_slot_stays_with_its_device(
    work: Work, keyring: Keyring, clock: SteppedClock, host: ReportingHost
) -> None:
    """Another device behind a known slot is quarantined, also by a server that has restarted."""
    send(Ingestion(work, keyring.receipt_key, clock, demo=False), host, host.report())
    host.hardware_ids[1] = "GPU-z"

    restarted = Ingestion(work, keyring.receipt_key, clock, demo=False)
    (result,) = send(restarted, host, host.report())

    assert result.judgement.reason is QuarantineReason.COUNTERS
    assert "GPU-z" in result.judgement.detail


def test_epoch_opens_with_new_totals_and_is_kept(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """A host that lost its spool goes on in epoch 2, and the office can see why."""
    first = host.report()
    send(ingestion, host, first)
    host.counters = {}
    opening = host.open_epoch(2)

    results = send(ingestion, host, opening, host.report())

    assert [result.judgement.verdict for result in results] == [Verdict.ACCEPTED] * 2
    with work.begin(writes=False) as unit:
        (row,) = unit.connection.execute(select(tables.epochs)).all()
    assert (row.epoch, row.reason, row.last_epoch) == (2, report_pb2.EPOCH_REASON_SPOOL_LOST, 1)


def test_epochs_a_day_are_limited(ingestion: Ingestion, host: ReportingHost) -> None:
    """The ninth epoch within 24 hours is stored and does not count."""
    send(ingestion, host, host.report())
    reasons = [
        send(ingestion, host, host.open_epoch(epoch))[0].judgement.reason
        for epoch in range(2, limits.EPOCHS_PER_DAY_MAX + 3)
    ]

    assert reasons == [None] * limits.EPOCHS_PER_DAY_MAX + [QuarantineReason.EPOCH_LIMIT]


def test_time_told_twice_is_quarantined(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """A rolled-back host tells five minutes again: they wait; what follows it counts."""
    wires = [host.report(30) for _ in range(3)]
    send(ingestion, host, *wires)
    host.boot_ms -= 5 * MINUTE_MS
    again, after = host.open_epoch(2), host.report(60)

    results = send(ingestion, host, again, after)

    assert [result.judgement.reason for result in results] == [QuarantineReason.OVERLAP, None]
    assert stored_sums(work) == sums_of([*wires, after])


def test_report_must_begin_where_the_one_before_ended(
    ingestion: Ingestion, host: ReportingHost
) -> None:
    """Within a segment nothing is left out between two reports: a hole is rejected."""
    send(ingestion, host, host.report())
    host.boot_ms += 1

    (result,) = send(ingestion, host, host.report())

    assert result.judgement.verdict is Verdict.REJECTED
    assert "boottime" in result.judgement.detail


def test_segment_must_keep_its_anchor(ingestion: Ingestion, host: ReportingHost) -> None:
    """A shifted axis under the same segment number is rejected."""
    send(ingestion, host, host.report())
    host.anchor_utc_ms += 60_000

    (result,) = send(ingestion, host, host.report())

    assert result.judgement.verdict is Verdict.REJECTED
    assert "anchor" in result.judgement.detail


def test_reanchored_axis_counts_no_time_twice(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """A segment set back by 30 s overlaps in its first report only: that one waits."""
    first = host.report(60)
    host.segment, host.segment_start_ms = 2, host.boot_ms
    host.anchor_utc_ms -= 30_000
    second, third = host.report(1), host.report(60)

    results = send(ingestion, host, first, second, third)

    assert [result.judgement.reason for result in results] == [None, QuarantineReason.OVERLAP, None]
    assert stored_sums(work) == sums_of([first, third])


def test_order_grouping_and_repetition_do_not_matter(
    work: Work, ingestion: Ingestion, keyring: Keyring, clock: SteppedClock
) -> None:
    """The projection of many hosts is the same however their reports are mixed and repeated."""
    chance = random.Random(7)
    hosts = [ReportingHost(f"{n:08d}-0000-4000-8000-000000000000", [f"GPU-{n}"]) for n in range(4)]
    for one in hosts:
        enrol(work, one)
    queues = [[one.report(chance.randint(1, 70)) for _ in range(12)] for one in hosts]
    sent = [0] * len(hosts)
    while any(position < len(queue) for position, queue in zip(sent, queues, strict=True)):
        group = []
        for number, one in enumerate(hosts):
            start = max(0, sent[number] - chance.randint(0, 2))
            end = min(len(queues[number]), sent[number] + chance.randint(0, 4))
            group.append(Submission(one.standing(), queues[number][start:end]))
            sent[number] = max(sent[number], end)
        chance.shuffle(group)
        ingestion.ingest(group)
        if chance.random() < 0.3:
            ingestion = Ingestion(work, keyring.receipt_key, clock, demo=False)

    assert stored_sums(work) == sums_of(wire for queue in queues for wire in queue)
    assert check_facts(work, keyring.receipt_key.public_key()).differences == []


def test_one_bad_report_costs_the_others_of_its_group_nothing(
    work: Work, ingestion: Ingestion
) -> None:
    """Among 64 hosts one forges, one breaks the form, one breaks a constraint: 61 are stored."""
    hosts = [ReportingHost(f"{n:08d}-0000-4000-8000-000000000000", [f"GPU-{n}"]) for n in range(64)]
    for one in hosts:
        enrol(work, one)
    wires = [one.report() for one in hosts]
    wires[10] = wires[10][:-7] + bytes(7)
    wires[20] = b"\xff" * 1000
    _occupy_first_place(work, hosts[30].host_id)

    answers = ingestion.ingest(
        [Submission(one.standing(), [wire]) for one, wire in zip(hosts, wires, strict=True)]
    )

    assert isinstance(answers[30], Failure)
    verdicts = [
        answer.results[0].judgement.verdict for answer in answers if isinstance(answer, Answer)
    ]
    assert verdicts.count(Verdict.ACCEPTED) == 61
    assert verdicts.count(Verdict.REJECTED) == 2
    sound = [wire for number, wire in enumerate(wires) if number not in (10, 20, 30)]
    assert stored_sums(work) == sums_of(sound)


def _occupy_first_place(work: Work, host_id: str) -> None:
    """A row where the host's first report belongs, without a head: the key will refuse it."""
    with work.begin() as unit:
        unit.connection.execute(
            tables.reports.insert().values(
                host_id=host_id,
                epoch=1,
                sequence=1,
                sha256=b"",
                start_utc_ms=0,
                end_utc_ms=0,
                received_utc_ms=0,
                clock_offset_ms=0,
                verdict=5,
                reason=1,
                counted=0,
                content=b"",
            )
        )
        unit.commit()


def test_card_that_moved_is_no_conflict(work: Work, ingestion: Ingestion) -> None:
    """A card serves on host A until 10:20 and on B from 10:25: two windows, no conflict."""
    first = ReportingHost(HOST, ["GPU-a", "GPU-m"])
    second = ReportingHost(OTHER, ["GPU-m"], utc_ms=START_UTC_MS + 25 * MINUTE_MS)
    for one in (first, second):
        enrol(work, one)
    wires = [first.report(20), second.report(35)]

    # The later host's report arrives first: the order of arrival decides nothing.
    send(ingestion, second, wires[1])
    send(ingestion, first, wires[0])

    end = FIRST_MINUTE + 60
    with work.begin(writes=False) as unit:
        assert unit.facts.conflicts(None, FIRST_MINUTE, end) == []
        _other, moved = unit.facts.devices()
    assert [
        (window.host_id, window.interval.start, window.interval.end) for window in moved.windows
    ] == [
        (HOST, FIRST_MINUTE, FIRST_MINUTE + 25),
        (OTHER, FIRST_MINUTE + 25, None),
    ]


def test_minutes_of_two_hosts_are_a_conflict(work: Work, ingestion: Ingestion) -> None:
    """Two hosts that observe one card at once are told of, minute by minute, never added up."""
    first = ReportingHost(HOST, ["GPU-m"])
    second = ReportingHost(OTHER, ["GPU-m"], utc_ms=START_UTC_MS + 50 * MINUTE_MS)
    for one in (first, second):
        enrol(work, one)

    send(ingestion, first, first.report(70))
    send(ingestion, second, second.report(70))

    with work.begin(writes=False) as unit:
        (conflict,) = unit.facts.conflicts(["GPU-m"], FIRST_MINUTE, FIRST_MINUTE + 240)
        hours = list(unit.facts.device_hours(["GPU-m"], FIRST_MINUTE, FIRST_MINUTE + 240))
    assert conflict.host_ids == (HOST, OTHER)
    assert (conflict.interval.start, conflict.interval.end) == (
        FIRST_MINUTE + 50,
        FIRST_MINUTE + 70,
    )
    assert all(max(hour.columns[0]) <= MINUTE_MS for hour in hours)


def test_gaps_keep_reason_and_continuity(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """A reported gap is read back in UTC milliseconds with what is known of it."""
    send(ingestion, host, host.report(5, gaps=[(61_000, 4_000)]))

    with work.begin(writes=False) as unit:
        gaps = unit.facts.gaps(["GPU-a"], FIRST_MINUTE, FIRST_MINUTE + 5)
        none = unit.facts.gaps(["GPU-a"], FIRST_MINUTE + 2, FIRST_MINUTE + 5)

    (gap,) = gaps
    assert (gap.start_utc_ms, gap.end_utc_ms) == (START_UTC_MS + 61_000, START_UTC_MS + 65_000)
    assert gap.reason is GapReason.SAMPLES_MISSING
    assert (gap.same_driver, gap.same_holders, gap.energy_mj) == (True, None, None)
    assert none == []


def test_device_hours_are_cut_to_what_is_asked(
    work: Work, ingestion: Ingestion, host: ReportingHost
) -> None:
    """Only the hours and devices that are asked for come back, written or still waiting."""
    wires = [host.report(60) for _ in range(3)] + [host.report(20)]
    send(ingestion, host, *wires)

    with work.begin(writes=False) as unit:
        hours = list(unit.facts.device_hours(["GPU-b"], FIRST_MINUTE + 60, FIRST_MINUTE + 200))

    expected = sum(
        quantities.observed_ms
        for (_host, hardware_id, minute), quantities in sums_of(wires).items()
        if hardware_id == "GPU-b" and FIRST_MINUTE + 60 <= minute < FIRST_MINUTE + 200
    )
    assert [hour.hour * 60 - FIRST_MINUTE for hour in hours] == [60, 120, 180]
    total = sum(hour.total(FIRST_MINUTE + 60, FIRST_MINUTE + 200).observed_ms for hour in hours)
    assert total == expected


class Killed(Exception):
    """The process ends here."""


@contextmanager
def dying(url: str, at: int) -> Iterator[Work]:
    """Units of work of a process that ends before its n-th statement or commit."""
    engine = open_engine(url)
    left = at

    def step(*_arguments: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    def before(
        _connection: Connection,
        _cursor: object,
        _statement: str,
        _parameters: object,
        _context: object,
        _many: bool,
    ) -> None:
        step()

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "commit", step)
    try:
        yield Work(engine)
    finally:
        engine.dispose()


def test_death_between_statements_loses_nothing_acknowledged(
    database: Database, keyring: Keyring, clock: SteppedClock, host: ReportingHost
) -> None:
    """Killed before any statement or the commit: nothing half stored; sent again, once counted."""
    work = database.work
    acknowledged: list[bytes] = []
    killed = 0
    for at in itertools.count(1):
        wire = host.report(61, gaps=[(1000, 500)])
        with dying(database.url, at) as doomed:
            try:
                send(Ingestion(doomed, keyring.receipt_key, clock, demo=False), host, wire)
            except Killed:
                killed += 1
            else:
                acknowledged.append(wire)
                break
        assert stored_sums(work) == sums_of(acknowledged)
        send(Ingestion(work, keyring.receipt_key, clock, demo=False), host, wire)
        acknowledged.append(wire)

    assert killed > 8
    assert stored_sums(work) == sums_of(acknowledged)
    assert check_facts(work, keyring.receipt_key.public_key()).differences == []
