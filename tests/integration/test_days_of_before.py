"""Device-hours of before sums of days were kept: an upgraded server rates them all the same."""

from pathlib import Path

import pytest
from expense_cases import HOST_A, START
from kashi_server.domain.usage import QUANTITY_NAMES
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kashi.sqlite'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


def test_hours_of_before_are_in_the_sums_of_their_days(url: str) -> None:
    """The days of Asia/Shanghai hold their 24 hours each; as nobody noted how full the fullest
    minute was, the device is told to be read by its minutes."""
    engine = open_engine(url)
    first = START // 60
    names = ("host_id", "hardware_id", "hour", *QUANTITY_NAMES, "minutes")
    values = ", ".join(f":{name}" for name in names)
    rows = [
        dict.fromkeys(QUANTITY_NAMES, number)
        | {"host_id": HOST_A, "hardware_id": "GPU-1", "hour": first + number, "minutes": b"x"}
        for number in range(30)
    ]
    try:
        migrate(engine, "0012")
        with engine.begin() as connection:
            insert = f"INSERT INTO device_hours ({', '.join(names)}) VALUES ({values})"
            connection.execute(text(insert), rows)

        migrate(engine)

        with Work(engine).begin(writes=False) as unit:
            found = unit.facts.day_sums(START, START + 2 * 1440)
        days = found.of["GPU-1"]
        assert [list(column) for column in days.columns] == [
            [sum(range(24)), sum(range(24, 30))] for _name in QUANTITY_NAMES
        ]
        assert found.unsure == {"GPU-1"}
    finally:
        engine.dispose()
