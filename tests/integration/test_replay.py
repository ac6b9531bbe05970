"""Replay: from stored report bytes and the log's entries to the very bytes of every statement."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from corrected_months import OFFICERS
from expense_cases import PROVIDER, TENANT, assignment, contract, price, tenure
from insider import alter, unguard
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.interval import Interval
from kashi_server.domain.tenure import TenureKind
from kashi_server.domain.voiding import Voiding
from kashi_server.errors import NotFound
from kashi_server.services.authority import Keyring
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.hosts import HostState
from kashi_server.services.importing import store as agree
from kashi_server.services.ingestion import Ingestion
from kashi_server.services.restoration import Decision, Restoration
from kashi_server.storage.unit_of_work import Work
from replayed_months import AFTER_MS, HOST, MONTH, START, Way
from sqlalchemy import text


@pytest.fixture
def way(work: Work, keyring: Keyring, ingestion: Ingestion, clock: Callable[[], int]) -> Way:
    """A fresh one, on each database."""
    return Way(work, keyring, ingestion, clock)


def test_every_revision_is_made_again_to_the_byte(way: Way) -> None:
    """A close, late reports of a host nobody had heard of, a new price, a restored report: three
    corrections, and each revision follows from what the log held at its own cut-off."""
    way.send(way.host, 4)
    way.send(way.host, 2, HostState.HELD)
    way.close()
    assert way.differing() == []
    way.send(way.late, 3)
    way.correct()
    cheaper = replace(price("12.50", (START // 1440 - 40) * 1440), yuan=price("9.90").yuan)
    with way.work.begin() as unit:
        agree(unit, cheaper, AFTER_MS)
        unit.commit()
    way.correct()
    decision = Decision(officer=OFFICERS[0], why="looked at")
    Restoration(way.work, way.clock).restore_report(HOST, (1, 5), decision)
    way.correct()

    with way.work.begin(writes=False) as unit:
        revisions = [one.revision for one in unit.expense.statements(month=MONTH)]
        amounts = [one.amount_fen for one in unit.expense.statements(month=MONTH)]
    assert revisions == [1, 2, 3, 4]
    assert len(set(amounts)) == 4
    assert way.differing() == []
    for revision in revisions:
        assert way.differing(revision) == []


def test_months_that_only_carry_for_a_contract_that_ended_are_made_again(way: Way) -> None:
    """The contract ends with its only month, which is corrected to nothing: what is owed back
    stands in the statement of every later month, also where such a month is itself corrected and
    where the ended month is corrected once more; each revision of each month, with the same
    cut-offs, is the same bytes."""
    start, second, third = (START // 1440 - 40) * 1440, MONTH.next(), MONTH.next().next()
    ended = contract(start=start, end=MONTH.interval().end)
    lease = replace(assignment(start), interval=ended.term)
    other = replace(lease, assignment_id="A-2", hardware_id="GPU-2")
    way.agree(lease, other, ended)
    way.send(way.host, 4)
    way.close()
    free = replace(price("12.50", start), yuan=price("0").yuan)
    way.agree(free)
    way.correct()
    way.close(second)
    way.agree(replace(free, yuan=price("1.00").yuan))
    way.correct()
    way.close(third)
    way.close(third.next())
    sold = second.interval().start
    own = tenure(HOST, TENANT, TenureKind.SELF_OWNED, sold)
    way.agree(replace(tenure(HOST, start=start), interval=Interval(start, sold)), own)
    way.correct(second)
    way.correct(third)

    for month in (MONTH, second, third, third.next()):
        assert way.differing(month=month) == []
    with way.work.begin(writes=False) as unit:
        carried = [
            json.loads(one.content)["settlement"]["carried_out_fen"]
            for month in (second, third, third.next())
            for one in unit.expense.statements(month=month)
            if one.contract_id == "HT-1"
        ]
        sold_months = [
            {one.user_id for one in unit.expense.statements(month=month) if not one.contract_id}
            for month in (second, third)
        ]
    assert sold_months == [{PROVIDER, TENANT}] * 2
    assert len(carried) == 3
    assert carried[0] < carried[1] == carried[2] < 0


def test_a_void_assignment_stands_for_the_revisions_before_it(way: Way) -> None:
    """Two officers take it out of the book after the close: revision 1 is made again with it,
    revision 2 without."""
    way.send(way.host, 3)
    way.close()
    way.agree(Voiding(assignment_id="A-1"))

    way.correct()

    assert way.differing() == []


def test_what_was_put_into_a_statement_shows(way: Way) -> None:
    """A fen more in the stored bytes, the guard taken off for it: the replay names it."""
    way.send(way.host, 3)
    way.close()
    with way.work.begin() as unit:
        (stored,) = unit.expense.statements(month=MONTH)
        unguard(unit, "statements")
        said = stored.content.replace(
            b'"amount_fen":%d' % stored.amount_fen, b'"amount_fen":%d' % (stored.amount_fen + 1)
        )
        unit.connection.execute(text("UPDATE statements SET content = :said"), {"said": said})
        unit.commit()

    (number, revision), *others = way.differing()
    assert (number, revision, others) == (stored.number, 1, [])


def test_a_row_of_an_agreement_may_change_and_the_replay_stays(way: Way) -> None:
    """Agreements are read from the log: what their rows say today does not reach the past."""
    way.send(way.host, 3)
    way.close()
    with way.work.begin() as unit:
        unit.connection.execute(text("UPDATE prices SET yuan = '99.00'"))
        unit.connection.execute(text("UPDATE device_hours SET observed_ms = 1"))
        unit.commit()

    assert way.differing() == []


def test_an_open_month_and_a_revision_that_is_not_there_are_refused(way: Way) -> None:
    """There is nothing to make again."""
    way.send(way.host, 3)
    with pytest.raises(NotFound, match="is not closed"):
        way.differing()
    way.close()
    with pytest.raises(NotFound, match="has a revision 2"):
        way.differing(2)


@pytest.mark.parametrize(
    ("table", "change", "column"),
    [
        ("corrected_statements", "amount_fen = amount_fen * 10 + 1", "amount_fen"),
        ("corrected_statements", "eligible_fen = 7", "eligible_fen"),
        ("correction_lines", "amount_fen = amount_fen + 1", "amount_fen"),
        ("correction_lines", "eligible_fen = eligible_fen + 1", "eligible_fen"),
        ("correction_lines", "billed_ms = 1", "billed_ms"),
    ],
)
def test_fsck_names_a_column_that_is_not_what_its_bytes_say(
    way: Way, table: str, change: str, column: str
) -> None:
    """Settlements and years are added up from columns: one that an insider alters is named."""
    way.send(way.host, 3)
    way.close()
    way.send(way.late, 3)
    way.correct()
    assert check_logged(way.work) == []
    alter(way.work, table, f"UPDATE {table} SET {change}")

    found = check_logged(way.work)

    assert any(one.startswith(table) and f"column {column} is not" in one for one in found), found


def test_fsck_holds_corrections_against_the_log(way: Way) -> None:
    """A correction as it was made is sound; a booked fen more, a reason altered: each is named."""
    way.send(way.host, 3)
    way.close()
    way.send(way.late, 3)
    way.correct()
    sound = check_logged(way.work)
    with way.work.begin() as unit:
        unguard(unit, "correction_lines", "correction_runs")
        (line,) = unit.corrections.lines(unit.corrections.runs(MONTH)[0].run_id)
        said = canonical_bytes({**line.content, "amount_fen": line.amount_fen + 1})
        unit.connection.execute(text("UPDATE correction_lines SET content = :said"), {"said": said})
        unit.connection.execute(text("UPDATE correction_runs SET reason = 'another'"))
        unit.commit()

    found = " | ".join(check_logged(way.work))
    assert sound == []
    assert "its booked lines are not those it was made with" in found
    assert "its lines are not those before it with what was booked" in found
    assert "is not what the log has of it" in found
