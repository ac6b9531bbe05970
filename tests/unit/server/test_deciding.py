"""Two officers settle what no text says; nobody settles what a text does say."""

import json
from datetime import date

import pytest
from kashi_server.domain.deciding import check_days, decide, load_decisions
from kashi_server.domain.interval import Interval
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.rules import ParameterState, RulesVersion, version_at, version_over
from kashi_server.domain.rules_data import rules_of_data
from kashi_server.domain.rules_difference import differences
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.rulebook import shipped_rules

RECORD = """\
programme_id = "shenzhen-compute-voucher"
base_version = "2024-12-18"
version = "2024-12-18+1"
in_force_from = 2026-11-25T00:00:00+08:00

[[decision]]
name = "tax_basis"
value = "incl"
officers = ["first.officer", "second.officer"]
decided_on = 2026-11-20
reason = "合同与发票均以含税金额审查"
document = "会议纪要〔2026〕12号"
"""


def base() -> RulesVersion:
    """The shipped compute voucher."""
    (rules,) = [one for one in shipped_rules() if one.programme_id == "shenzhen-compute-voucher"]
    return rules


def test_a_decision_makes_a_new_version_and_leaves_the_old_one() -> None:
    """The parameter is decided with everything that was said; all else stays."""
    old = base()
    new = decide(old, load_decisions(RECORD, "record.toml"))

    settled = new.parameter("tax_basis")
    assert (settled.state, settled.value) == (ParameterState.DECIDED, "incl")
    assert settled.decision is not None
    assert settled.decision.officers == ("first.officer", "second.officer")
    assert [one.name for one in differences(old, new)] == ["version", "in_force", "tax_basis"]
    assert old.parameter("tax_basis").state is ParameterState.UNKNOWN


def test_a_later_version_ends_the_one_before() -> None:
    """At every minute one version holds, and after both none does."""
    old = base()
    new = decide(old, load_decisions(RECORD, "record.toml"))
    begins = new.in_force.start
    _start, end = old.in_force.bounded()

    at = [version_at([new, old], minute) for minute in (begins - 1, begins, end - 1, end)]
    assert at == [old, new, new, None]


ENDING = """\
programme_id = "shenzhen-compute-voucher"
base_version = "2024-12-18"
version = "2024-12-18-ended"
in_force_from = 2026-11-25T00:00:00+08:00

[ending]
in_force_until = 2026-12-01T00:00:00+08:00
officers = ["first.officer", "second.officer"]
decided_on = 2026-11-20
reason = "措施提前废止，尚无后续办法"
document = "废止通知〔2026〕3号"
"""


def test_rules_are_ended_early_and_do_not_come_back() -> None:
    """Two officers end what has begun; after that none are in force, though the first version's own
    date is still to come."""
    old = base()
    new = decide(old, load_decisions(ENDING, "record.toml"))
    begins, end = new.in_force.bounded()
    _start, own_end = old.in_force.bounded()
    assert end < own_end

    held = [version_at([new, old], minute) for minute in (begins - 1, end - 1, end, own_end - 1)]
    assert held == [old, new, None, None]
    assert version_over([old, new], Interval(end, own_end)) is None
    assert version_over([old, new], Interval(begins - 1, own_end)) == new
    assert [one.name for one in differences(old, new)] == ["version", "in_force", "ended"]
    assert new.ended is not None
    assert new.ended.officers == ("first.officer", "second.officer")
    assert rules_of_data(json.loads(new.to_bytes())) == new


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("2026-12-01", "2026-12-18", "never prolonged"),
        ("2026-12-01", "2026-11-25", "must lie after"),
    ],
)
def test_rules_are_only_ended_never_prolonged(old: str, new: str, told: str) -> None:
    """An end after the version's own, or before the record's beginning, is refused."""
    with pytest.raises(InvalidValue, match=told):
        decide(base(), load_decisions(ENDING.replace(old, new, 1), "record.toml"))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("in_force_until = 2026-12-01T00:00:00+08:00\n", "", "with in_force_until"),
        ("2026-12-01T00:00:00+08:00", "2026-12-01T00:00:00", "with its offset"),
        ('"second.officer"', '"first.officer"', "two different officers"),
        ('document = "废止通知〔2026〕3号"\n', "", "names two officers"),
        ("reason =", "why =", "no field 'why'"),
    ],
)
def test_every_mistake_of_an_ending_is_told_with_its_line(old: str, new: str, told: str) -> None:
    """An ending says by whom, when, why and on what paper."""
    with pytest.raises(MistakesFound, match=told) as caught:
        load_decisions(ENDING.replace(old, new, 1), "record.toml")

    assert {mistake.line for mistake in caught.value.mistakes} == {6}


def test_an_ending_is_not_of_a_day_that_has_not_come() -> None:
    """As any decision."""
    with pytest.raises(Refused, match="in_force_until is said to be decided on 2026-11-20"):
        check_days(load_decisions(ENDING, "record.toml"), date(2026, 11, 19))


@pytest.mark.parametrize(
    ("old", "new", "line", "told"),
    [
        ('version = "2024-12-18+1"\n', "", 1, "version: 缺少此字段。is missing"),
        ("+08:00", "", 4, "with its offset"),
        ('"second.officer"', '"first.officer"', 6, "two different officers"),
        ('"tax_basis"', '"tax_bases"', 6, "no parameter"),
        ('"incl"', '"sometimes"', 6, "one of incl, excl"),
        ('reason = "合同与发票均以含税金额审查"\n', "", 6, "reason"),
        ("decided_on", "decided_at", 6, "decided_at"),
        ("base_version", "base", 1, "base"),
    ],
)
def test_every_mistake_of_a_record_is_told_with_its_line(
    old: str, new: str, line: int, told: str
) -> None:
    """Line, field and reason."""
    with pytest.raises(MistakesFound, match=told) as caught:
        load_decisions(RECORD.replace(old, new, 1), "record.toml")

    assert line in {mistake.line for mistake in caught.value.mistakes}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"tax_basis"\nvalue = "incl"', '"ratio.general"\nvalue = "0.60"', "is published"),
        ('"2024-12-18"', '"2023"', "builds on"),
        ("2026-11-25", "2027-11-25", "lies outside"),
    ],
)
def test_a_record_that_does_not_fit_is_refused(old: str, new: str, told: str) -> None:
    """What is published, another version, another time."""
    with pytest.raises(InvalidValue, match=told):
        decide(base(), load_decisions(RECORD.replace(old, new, 1), "record.toml"))


def test_nothing_is_decided_on_a_day_that_has_not_come() -> None:
    """The day of the decision may be today, not tomorrow; the message names both days."""
    record = load_decisions(RECORD, "record.toml")

    check_days(record, date(2026, 11, 20))
    with pytest.raises(Refused, match="tax_basis is said to be decided on 2026-11-20, and today"):
        check_days(record, date(2026, 11, 19))


@pytest.mark.parametrize("day", ['"soon"', '"2026-02-30"', '"20261120"', "20261120"])
def test_a_decision_names_a_day_of_the_calendar(day: str) -> None:
    """Anything else is a mistake with its line."""
    with pytest.raises(MistakesFound, match="decided_on"):
        load_decisions(RECORD.replace("2026-11-20", day), "record.toml")
