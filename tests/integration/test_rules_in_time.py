"""Rules in time, on both databases: what has begun never changes, it ends; and none may hold."""

from dataclasses import replace

import pytest
from expense_cases import RULES, assignment, observe, price
from expense_facts import sequencer, store
from kashi_server.domain.interval import MINUTE_MS, Interval, Month
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion, version_at
from kashi_server.errors import Refused
from kashi_server.services.closing import MonthClosing
from kashi_server.services.rulebook import Rulebook
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

DECEMBER, JANUARY = Month(2026, 12), Month(2027, 1)


def tax(version: str, start: int, end: int | None = None) -> RulesVersion:
    """The compute voucher with its tax basis settled, in force from a minute."""
    kept = tuple(one for one in RULES[0].parameters if one.name != "tax_basis")
    said = Parameter(
        name="tax_basis", state=ParameterState.PUBLISHED, value="incl", source="a text"
    )
    return replace(
        RULES[0],
        version=version,
        in_force=Interval(start, end),
        parameters=(*kept, said),
    )


def register(work: Work, *versions: RulesVersion) -> int:
    """As a close and a decision do."""
    return Rulebook(work, lambda: 0).register(versions)


def registered(work: Work) -> list[RulesVersion]:
    """What is registered."""
    with work.begin(writes=False) as unit:
        return list(unit.expense.rules(RULES[0].programme_id))


def test_a_version_that_is_registered_never_changes(work: Work) -> None:
    """Other content under its name is refused, and so is rewriting or deleting its row."""
    register(work, RULES[0])
    with pytest.raises(Refused, match="never changes"):
        register(work, replace(tax("x", 1), version=RULES[0].version))
    for statement in (
        "UPDATE rules_versions SET content = content",
        "UPDATE rules_versions SET end_minute = 1",
        "DELETE FROM rules_versions",
    ):
        with pytest.raises(DatabaseError), work.begin() as unit:
            unit.connection.execute(text(statement))

    assert registered(work) == [RULES[0]]


def test_what_has_begun_ends_where_a_later_version_begins(work: Work) -> None:
    """The earlier one keeps its bytes; it holds up to the minute before, and only there."""
    begins = DECEMBER.interval().start
    later = tax("later", begins, RULES[0].in_force.end)
    assert register(work, RULES[0], later) == 2
    assert register(work, RULES[0], later) == 0

    found = registered(work)
    assert [one.sha256 for one in found] == [RULES[0].sha256, later.sha256]
    _start, end = RULES[0].in_force.bounded()
    held = [version_at(found, minute) for minute in (begins - 1, begins, end - 1, end)]
    assert held == [RULES[0], later, later, None]
    with pytest.raises(Refused, match="begins later"):
        register(work, tax("between", begins - 1440, begins + 1440))


def test_rules_that_were_ended_early_pay_nothing_after(work: Work) -> None:
    """A version that ends before the one it follows would have: the lines after it earn nothing,
    and the statement of a month after it says that there are no rules."""
    start, _end = DECEMBER.interval().bounded()
    ended = tax("ended", start, start + 5 * 1440)
    assert register(work, RULES[0], ended) == 2
    around = observe(start + 4 * 1440, start + 6 * 1440)
    store(work, around, assignments=[assignment(start)], prices=[price("100.00")])
    now_ms = DECEMBER.next().interval().start * MINUTE_MS

    closing = MonthClosing(work, sequencer(work, now_ms), lambda: now_ms, demo=False)
    (statement,) = (one for one in closing.close(DECEMBER).statements if one.contract is not None)

    told = [(line.start, line.eligible, line.rules_sha256) for line in statement.lines]
    assert [one for one in told if one[0] >= start + 4 * 1440][:2] == [
        (start + 4 * 1440, True, ended.sha256),
        (start + 5 * 1440, False, None),
    ]
    assert {one[2] for one in told if one[0] >= start + 5 * 1440} == {None}


def test_no_rules_in_force_is_a_state(work: Work) -> None:
    """The measures lapse on 17 December 2026: lines are cut there, and what lies beyond earns
    nothing for want of rules; the January statement says that there are none."""
    lapse = RULES[0].in_force.bounded()[1]
    around = observe(lapse - 1440, lapse + 1440)
    january = JANUARY.interval().start
    store(
        work,
        around | observe(january, january + 1440),
        assignments=[assignment(lapse - 1440)],
        prices=[price("100.00")],
    )
    now_ms = JANUARY.next().interval().start * MINUTE_MS
    closing = MonthClosing(work, sequencer(work, now_ms), lambda: now_ms, demo=False)
    closed = {month: closing.close(month).statements for month in (DECEMBER, JANUARY)}

    (december,) = (one for one in closed[DECEMBER] if one.contract is not None)
    (after,) = (one for one in closed[JANUARY] if one.contract is not None)
    told = [
        (line.start, line.amount_fen, line.eligible, tuple(map(str, line.reasons)))
        for line in december.lines
        if line.amount_fen
    ]
    assert told == [
        (lapse - 1440, 240_000, True, ()),
        (lapse, 240_000, False, ("no_active_rules",)),
    ]
    assert december.programme is not None
    assert (december.eligible_fen, december.subsidy.status) == (240_000, "estimate")
    assert (after.programme, after.eligible_fen, after.amount_fen) == (None, 0, 240_000)
    assert (after.subsidy.status, after.subsidy.estimate_fen) == ("no_rules", None)
    assert "no_active_rules" in {str(flag.code) for flag in after.flags}
