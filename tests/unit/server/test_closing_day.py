"""The closing day: working days after the month, with published holidays and worked weekends."""

from datetime import date
from pathlib import Path

import pytest
from kashi_server.closing_settings import read_calendar
from kashi_server.domain.closing_day import ClosingCalendar
from kashi_server.domain.interval import Month, minute_of_day
from kashi_server.errors import ConfigurationError, InvalidValue


@pytest.mark.parametrize(
    ("month", "carried", "closes_on"),
    [
        # 1 November 2026 is a Sunday; Monday, Tuesday, Wednesday.
        (Month(2026, 10), False, date(2026, 11, 4)),
        (Month(2026, 10), True, date(2026, 11, 20)),
        # Into another year.
        (Month(2026, 12), False, date(2027, 1, 5)),
    ],
)
def test_working_days_are_counted(month: Month, carried: bool, closes_on: date) -> None:
    """The third one after the month, or the fifteenth where files are carried."""
    calendar = ClosingCalendar(waits_for_carried=carried)

    assert calendar.day_of(month) == closes_on
    assert calendar.opens(month) == minute_of_day(closes_on)


def test_holidays_are_not_worked_and_some_weekends_are() -> None:
    """September 2026 closes after the October holidays, the Saturday worked instead counted."""
    holidays = frozenset(date(2026, 10, day) for day in range(1, 8))
    calendar = ClosingCalendar(holidays=holidays, worked_weekends=frozenset({date(2026, 10, 10)}))

    assert calendar.day_of(Month(2026, 9)) == date(2026, 10, 10)
    assert ClosingCalendar().day_of(Month(2026, 9)) == date(2026, 10, 5)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"online_working_days": 0}, "give 1 to 60"),
        ({"carried_working_days": 2}, "not faster"),
        ({"worked_weekends": frozenset({date(2026, 10, 8)})}, "is no weekend"),
        (
            {
                "holidays": frozenset({date(2026, 10, 10)}),
                "worked_weekends": frozenset({date(2026, 10, 10)}),
            },
            "a holiday and worked",
        ),
    ],
)
def test_days_that_cannot_be_counted_are_refused(values: dict[str, object], told: str) -> None:
    """Each with what is wrong."""
    with pytest.raises(InvalidValue, match=told):
        ClosingCalendar(**values)  # type: ignore[arg-type]  # any value of any field


def test_the_settings_are_read_strictly(tmp_path: Path) -> None:
    """Absent: three days. Mistakes are named with file, line and field."""
    assert read_calendar(tmp_path) == ClosingCalendar()
    file = tmp_path / "closing.toml"
    file.write_text(
        "waits_for_carried = true\nholidays = [2026-10-01, 2026-10-02]\n", encoding="utf-8"
    )
    assert read_calendar(tmp_path) == ClosingCalendar(
        waits_for_carried=True, holidays=frozenset({date(2026, 10, 1), date(2026, 10, 2)})
    )
    file.write_text('online_working_days = "3"\nholiday = []\nholidays = [1]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        read_calendar(tmp_path)
    said = str(refused.value)
    assert f"{file}:1: online_working_days: 须为整数个工作日" in said
    assert f"{file}:2: holiday: 没有此字段" in said
    assert f"{file}:3: holidays: 须为日期列表" in said
