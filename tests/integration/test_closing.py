"""Closing a month on both databases: facts in their tables, statements out, once and for all."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    FULL,
    HOST_A,
    HOST_B,
    OCTOBER,
    OWNER,
    PARTIES,
    PROVIDER,
    START,
    TENANT,
    assignment,
    at,
    observe,
    price,
    tenure,
)
from expense_facts import add_host, sequencer, store
from insider import alter
from kashi_server.domain.device import GapReason
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.evidence_level import KeyCustody
from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.tenure import TenureKind
from kashi_server.domain.usage import Quantities
from kashi_server.domain.year_to_date import Sort
from kashi_server.errors import Refused
from kashi_server.services.closing import (
    ClosedMonth,
    LogHead,
    MonthClosing,
    cut_off_at,
    read_inputs,
)
from kashi_server.services.expense_port import Close
from kashi_server.services.facts_port import GapRow
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

CLOSED_UTC_MS = (END + 3 * 1440) * MINUTE_MS
NOVEMBER_MS = END * MINUTE_MS
Minutes = Mapping[tuple[str, str, int], Quantities]


@dataclass(frozen=True, kw_only=True)
class Head:
    """A head of the log."""

    size: int = 7
    root: bytes = bytes(range(32))


def _closing(
    work: Work,
    *,
    sequencing: Callable[[], LogHead] | None = None,
    now: int = CLOSED_UTC_MS,
    demo: bool = False,
) -> MonthClosing:
    return MonthClosing(work, sequencing or sequencer(work, now), lambda: now, demo=demo)


def _close(work: Work, *, demo: bool = False) -> ClosedMonth:
    return _closing(work, demo=demo).close(OCTOBER)


def _by_number(closed: ClosedMonth) -> dict[str, Statement]:
    return {statement.number: statement for statement in closed.statements}


def test_a_leased_card_and_an_owned_one_make_two_statements(work: Work) -> None:
    """The tenant's statement earns; the owner's says why it does not; both are stored as bytes."""
    minutes = observe(START, END)
    minutes |= observe(START, END, hardware_id="GPU-2", host_id=HOST_B)
    owned = tenure(HOST_B, OWNER, TenureKind.SELF_OWNED)
    store(work, minutes, assignments=[assignment()], tenures=[tenure(), owned])

    made = _by_number(_close(work))

    rented, own = made["KS-2026-10-HT-1"], made[f"KS-2026-10-{OWNER}"]
    assert (rented.user.party_id, rented.amount_fen) == (TENANT, 930_000)
    assert rented.card_hours == own.card_hours == Fraction(744)
    assert rented.subsidy.estimate_fen == 0  # 9 300 yuan stay below the year's 500 000
    assert own.amount_fen == 0
    assert {reason for line in own.lines for reason in line.reasons} == {"self_owned"}
    with work.begin(writes=False) as unit:
        stored = unit.expense.statement("KS-2026-10-HT-1")
    assert stored is not None
    assert (stored.content, stored.sha256) == (rented.to_bytes(), rented.sha256())


def test_a_closed_month_stays_closed(work: Work) -> None:
    """A second close is refused and leaves what was made."""
    store(work, observe(START, END), assignments=[assignment()])
    first = _close(work)

    with pytest.raises(Refused, match="2026-10 is closed"):
        _close(work)

    with work.begin(writes=False) as unit:
        assert len(unit.expense.statements()) == len(first.statements)


def test_the_same_inputs_give_the_same_bytes(work: Work) -> None:
    """Read again after the close, in any order, they make byte for byte the same statements."""
    moved = at("10-20 10:20")
    minutes = observe(START, moved) | observe(moved + 5, END, host_id=HOST_B)
    store(work, minutes, assignments=[assignment()])
    closed = _close(work)

    with work.begin(writes=False) as unit:
        inputs = read_inputs(unit, OCTOBER, closed.close.cut_off, demo=False)
    turned = replace(
        inputs,
        devices=inputs.devices[::-1],
        gaps=inputs.gaps[::-1],
        parties=inputs.parties[::-1],
        terms=replace(
            inputs.terms,
            prices=inputs.terms.prices[::-1],
            tenures=inputs.terms.tenures[::-1],
            contracts=dict(list(inputs.terms.contracts.items())[::-1]),
        ),
    )

    expected = [statement.to_bytes() for statement in closed.statements]
    assert [statement.to_bytes() for statement in inputs.statements()] == expected
    assert [statement.to_bytes() for statement in turned.statements()] == expected


def test_move_and_price_change_split_at_their_minutes(work: Work) -> None:
    """Price at 00:37 of the 16th, card on another host at 10:20 of the 20th: three lines."""
    change, moved = at("10-16 00:37"), at("10-20 10:20")
    store(
        work,
        observe(START, moved) | observe(moved, END, host_id=HOST_B),
        assignments=[assignment()],
        prices=[price("12.50", end=change), price("11.80", change)],
    )

    lines = _by_number(_close(work))["KS-2026-10-HT-1"].lines

    assert [(line.start, line.end, line.host_id) for line in lines] == [
        (START, change, HOST_A),
        (change, moved, HOST_A),
        (moved, END, HOST_B),
    ]
    assert [line.amount_fen for line in lines] == [
        (change - START) * 1250 // 60,
        (moved - change) * 1180 // 60,
        (END - moved) * 1180 // 60,
    ]


def test_a_host_sold_inside_the_month_goes_to_two_owners(work: Work) -> None:
    """Up to the minute of the sale its idle hours are the seller's, from then on the buyer's."""
    sold = at("10-11 09:07")
    tenures = [tenure(end=sold), tenure(owner_id=OWNER, kind=TenureKind.SELF_OWNED, start=sold)]
    store(work, observe(START, END), tenures=tenures)

    made = _by_number(_close(work))

    seller, buyer = made[f"KS-2026-10-{PROVIDER}"], made[f"KS-2026-10-{OWNER}"]
    assert [(line.start, line.end) for line in seller.lines] == [(START, sold)]
    assert [(line.start, line.end) for line in buyer.lines] == [(sold, END)]
    assert seller.lines[0].reasons == ("unleased",)


def test_silence_is_written_as_gaps(work: Work) -> None:
    """Two reported hours keep their reason; the three that nobody reported become silence."""
    silent, down = at("10-03 12:30"), at("10-08 00:00")
    minutes = {
        key: value
        for key, value in observe(START, END).items()
        if not silent <= key[2] < silent + 180 and not down <= key[2] < down + 120
    }
    gap = GapRow(
        HOST_A,
        (1, 1),
        0,
        "GPU-1",
        down * MINUTE_MS,
        (down + 120) * MINUTE_MS,
        GapReason.AGENT_DOWN,
        None,
        None,
        None,
    )
    store(work, minutes, gaps=[gap], assignments=[assignment()])

    closed = _close(work)

    assert [(s.start, s.end, s.span_ms) for s in closed.silences] == [
        (silent, silent + 180, 3 * 3_600_000)
    ]
    with work.begin(writes=False) as unit:
        assert unit.expense.silences(OCTOBER) == list(closed.silences)
    quality = _by_number(closed)["KS-2026-10-HT-1"].quality
    assert {gap.reason: gap.span_ms for gap in quality.gaps} == {
        "agent_down": 2 * 3_600_000,
        "silent": 3 * 3_600_000,
    }
    assert quality.coverage == "0.993279"


def test_a_host_that_never_came_back_is_silent_to_the_end(work: Work) -> None:
    """A leased card of a host that fell silent on the 2nd: leased, not billed, all of it told."""
    fell = at("10-02 00:00")
    store(work, observe(START, fell), assignments=[assignment()])

    closed = _close(work)

    (line,) = _by_number(closed)["KS-2026-10-HT-1"].lines
    assert line.quantities.leased_ms == (END - START) * MINUTE_MS
    assert line.billed_ms == (fell - START) * MINUTE_MS
    assert sum(silence.span_ms for silence in closed.silences) == (END - fell) * MINUTE_MS


def test_a_month_that_is_not_over_is_refused(work: Work) -> None:
    """One millisecond before November, October cannot be closed."""
    with pytest.raises(Refused, match=r"is not over: .* clock says 2026-10-31 23:59"):
        _closing(work, now=NOVEMBER_MS - 1).close(OCTOBER)


def test_a_month_whose_reports_all_wait_is_not_closed_in_silence(work: Work) -> None:
    """Only quarantined reports, no contract: the refusal points at them, and nothing is closed."""
    with work.begin() as unit:
        add_host(unit, HOST_A)
        unit.connection.execute(
            text(
                "INSERT INTO reports (host_id, epoch, sequence, sha256, start_utc_ms, end_utc_ms,"
                " received_utc_ms, clock_offset_ms, verdict, reason, counted, content)"
                " VALUES (:host, 1, 1, :sha, :start, :end, :end, 0, 5, 1, 0, :sha)"
            ),
            {
                "host": HOST_A,
                "sha": bytes(32),
                "start": START * MINUTE_MS,
                "end": (START + 5) * MINUTE_MS,
            },
        )
        unit.commit()

    with pytest.raises(Refused, match=r"none of its reports counts .* quarantined reports"):
        _close(work)
    with work.begin(writes=False) as unit:
        assert unit.expense.close_of(OCTOBER) is None
    assert _closing(work).close(OCTOBER, empty=True).statements == ()


def test_months_are_closed_in_order(work: Work) -> None:
    """November waits for October, and December for November."""
    store(work, observe(START, START + 60))
    later = _closing(work, now=CLOSED_UTC_MS + 90 * 86_400_000)

    with pytest.raises(Refused, match="close 2026-10 first"):
        later.close(Month(2026, 11))
    later.close(OCTOBER)
    with pytest.raises(Refused, match="close 2026-11 first"):
        later.close(Month(2026, 12))


def test_a_month_before_the_first_use_has_nothing_to_close(work: Work) -> None:
    """Nobody is sent to close a later month first; nor once the first month is closed."""
    store(work, observe(START, START + 60))
    with pytest.raises(
        Refused, match=r"无可关账.* nothing to close in 2026-09: .* next month to close is 2026-10"
    ):
        _closing(work).close(Month(2026, 9))
    _closing(work).close(OCTOBER)
    with pytest.raises(Refused, match=r"nothing to close in 2026-09: .* to close is 2026-11"):
        _closing(work).close(Month(2026, 9))


def test_a_party_nobody_registered_stops_the_close_and_nothing_is_left(work: Work) -> None:
    """The refusal names the party; the month is open and no statement exists."""
    store(work, observe(START, END), assignments=[assignment()])
    with work.begin() as unit:
        unit.connection.execute(text("DELETE FROM tenures"))
        unit.connection.execute(text("UPDATE hosts SET operator_party_id = '91440300MA5999999X'"))
        unit.connection.execute(text("DELETE FROM assignments"))
        unit.commit()

    with pytest.raises(Refused, match="91440300MA5999999X is not known"):
        _close(work)

    with work.begin(writes=False) as unit:
        assert unit.expense.close_of(OCTOBER) is None
        assert unit.expense.statements() == []


def test_a_report_beyond_the_checkpoint_is_sequenced_first(work: Work) -> None:
    """A close whose log lacks a counted report sequences again; if it never comes, it refuses."""
    store(work, observe(START, END), assignments=[assignment()])
    with work.begin() as unit:
        unit.connection.execute(
            text(
                "INSERT INTO reports (host_id, epoch, sequence, sha256, start_utc_ms, end_utc_ms,"
                " received_utc_ms, clock_offset_ms, verdict, reason, counted, content)"
                " VALUES (:host, 1, 1, :sha, :start, :end, :end, 0, 1, 0, 1, :sha)"
            ),
            {
                "host": HOST_A,
                "sha": bytes(32),
                "start": START * MINUTE_MS,
                "end": (START + 5) * MINUTE_MS,
            },
        )
        unit.connection.execute(
            text(
                "INSERT INTO heads (host_id, epoch, sequence, sha256, received_utc_ms,"
                " reported_until_utc_ms, counted_until_utc_ms, projected_epoch, projected_sequence,"
                " agent_version, clock_sync, clock_offset_ms)"
                " VALUES (:host, 1, 1, :sha, 0, 0, 0, 1, 1, '', 2, 0)"
            ),
            {"host": HOST_A, "sha": bytes(32)},
        )
        # What was agreed counts as sequenced: here it is the report that is not.
        unit.connection.execute(text("DELETE FROM log_pending"))
        unit.commit()
    tries: list[int] = []

    def stuck() -> Head:
        tries.append(1)
        return Head(size=0)

    def sequencing() -> Head:
        tries.append(1)
        if len(tries) == 2:
            with work.begin() as unit:
                for statement in (
                    "INSERT INTO log_runs VALUES (0, :host, 1, 1, 1)",
                    "INSERT INTO log_positions VALUES (:host, 1, 1)",
                ):
                    unit.connection.execute(text(statement), {"host": HOST_A})
                unit.commit()
        return Head(size=len(tries) - 1)

    with pytest.raises(Refused, match="close it again"):
        _closing(work, sequencing=stuck).close(OCTOBER)
    tries.clear()
    closed = _closing(work, sequencing=sequencing).close(OCTOBER)

    assert closed.close.cut_off.checkpoint_size == 1


def test_statements_go_to_the_log(work: Work) -> None:
    """Each leaves its name and hash with the sequencer."""
    store(work, observe(START, END), assignments=[assignment()])
    closed = _close(work)

    with work.begin(writes=False) as unit:
        entries = unit.log.entries(0, unit.log.head().size)
        logged = {one.reference: one for one in entries if one.kind == "statement"}

    for statement in closed.statements:
        entry = json.loads(logged[f"{statement.number}/1"].entry)
        assert entry["sha256"] == statement.sha256().hex()


@pytest.mark.parametrize("table", ["statements", "rated_lines", "rules_versions", "silences"])
@pytest.mark.parametrize("verb", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}"])
def test_what_a_close_wrote_cannot_be_changed(work: Work, table: str, verb: str) -> None:
    """The database refuses UPDATE and DELETE, whoever asks."""
    store(work, observe(START, START + 60), assignments=[assignment()])
    _close(work)
    column = {"silences": "span_ms", "rules_versions": "version"}.get(table, "revision")

    with pytest.raises(DatabaseError, match="only ever added"), work.begin() as unit:
        unit.connection.execute(text(verb.format(table, column)))


def test_a_demonstration_says_so(work: Work) -> None:
    """The mark stands in the data, in the notices and in the row."""
    store(work, observe(START, END), assignments=[assignment()])

    statement = _by_number(_close(work, demo=True))["KS-2026-10-HT-1"]

    assert statement.demo
    assert any("演示" in notice for notice in statement.notices_zh)
    with work.begin(writes=False) as unit:
        assert [stored.demo for stored in unit.expense.statements()] == [True]


def test_estimates_of_a_year_add_up(work: Work) -> None:
    """October stays below 500 000 yuan; November passes it and catches up the year at 50 %."""
    november = Month(2026, 11)
    start, end = november.interval().bounded()
    # 744 h x 600 yuan = 446 400; 720 h x 600 yuan = 432 000; together 878 400.
    store(
        work,
        observe(START, END) | observe(start, end),
        assignments=[assignment()],
        prices=[price("600.00")],
    )
    later = _closing(work, now=end * MINUTE_MS)

    first = _by_number(later.close(OCTOBER))["KS-2026-10-HT-1"]
    second = _by_number(later.close(november))["KS-2026-11-HT-1"]

    assert (first.eligible_fen, first.subsidy.estimate_fen) == (44_640_000, 0)
    assert [step["bound"] for step in first.subsidy.steps][-1] == "threshold.year_yuan"
    assert (second.eligible_fen, second.subsidy.estimate_fen) == (43_200_000, 43_920_000)
    assert (second.subsidy.year_fen, second.subsidy.status) == (43_920_000, "estimate")
    assert {"contract", "invoice", "payment", "claimant.established_on"} <= {
        *second.subsidy.missing
    }


def test_the_year_to_date_keeps_levels_apart(work: Work) -> None:
    """A key in hardware makes October's lines E3: November's case has what October was, by the
    level its lines have; a line of before levels were noted counts as an agent's."""
    store(work, observe(START, END), assignments=[assignment()])
    with work.begin() as unit:
        cut_off = cut_off_at(OCTOBER, Head())
        inputs = read_inputs(unit, OCTOBER, cut_off, demo=False)
        custody = EvidenceInputs(custody={HOST_A: KeyCustody.HARDWARE})
        made = replace(inputs, evidence=custody).statements()
        unit.expense.add_close(Close(month=OCTOBER, cut_off=cut_off, closed_utc_ms=0), made)
        unit.commit()

    def sorts() -> dict[Sort, int]:
        with work.begin(writes=False) as unit:
            return dict(unit.expense.earlier_in_year(Month(2026, 11))[TENANT].eligible)

    assert sorts() == {Sort("E3", domestic=False): 744 * 1250}
    alter(work, "rated_lines", "UPDATE rated_lines SET evidence_level = NULL")
    assert sorts() == {Sort("E2", domestic=False): 744 * 1250}


def test_names_and_models_of_later_never_reach_a_closed_month(work: Work) -> None:
    """A party renamed, a price ended, a device described anew: the stored bytes stay."""
    store(work, observe(START, END), assignments=[assignment()])
    statement = _by_number(_close(work))["KS-2026-10-HT-1"]

    with work.begin() as unit:
        for party in PARTIES:
            unit.expense.put_party(replace(party, name_zh="改名以后"))
        unit.connection.execute(text("UPDATE devices SET model = 'another'"))
        unit.commit()

    with work.begin(writes=False) as unit:
        stored = unit.expense.statement("KS-2026-10-HT-1")
    assert stored is not None
    assert stored.content == statement.to_bytes()


def test_a_late_close_books_to_the_month_of_use(work: Work) -> None:
    """Closed a year later, October's minutes are October's."""
    store(work, observe(END - 600, END + 600), assignments=[assignment()])

    closed = _closing(work, now=CLOSED_UTC_MS + 365 * 86_400_000).close(OCTOBER)

    assert _by_number(closed)["KS-2026-10-HT-1"].totals.observed_ms == 600 * MINUTE_MS


def test_full_minutes_are_what_the_examples_assume() -> None:
    """The examples' minute is whole, and the cut-off is the month's end."""
    FULL.check()
    cut_off = CutOff(event_end=END, checkpoint_size=0, checkpoint_root=b"")
    assert cut_off.to_data()["event_end"] == "2026-11-01T00:00:00+08:00"
