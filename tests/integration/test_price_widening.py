"""Prices of before: a server that is upgraded keeps them, and the guards over them."""

from pathlib import Path

import pytest
from expense_cases import PROVIDER, TENANT
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

BEFORE = (
    "INSERT INTO parties VALUES ('{party}', '{kind}', 'x', '', '', NULL)",
    (
        "INSERT INTO contracts (contract_id, provider_id, user_id, signed_on, start_minute)"
        f" VALUES ('HT-1', '{PROVIDER}', '{TENANT}', '2026-08-20', 0)"
    ),
    "INSERT INTO prices VALUES ('P-1', 'HT-1', 'H100', '12.50', 'held', 0, 100)",
)
AFTER = (
    "INSERT INTO prices (price_id, contract_id, model, yuan, basis, start_minute{more})"
    " VALUES ('{name}', 'HT-1', 'H100', '1', '{basis}', {start}{values})"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'kashi.sqlite'}"
    return str(request.getfixturevalue("empty_postgresql_url"))


def _run(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_a_price_of_before_stands_and_is_guarded(url: str) -> None:
    """It is per card-hour, has no profile, and nothing of its key overlaps it."""
    engine = open_engine(url)
    try:
        migrate(engine, "0009")
        for party, kind in ((PROVIDER, "provider"), (TENANT, "company")):
            _run(engine, BEFORE[0].format(party=party, kind=kind))
        for statement in BEFORE[1:]:
            _run(engine, statement)

        migrate(engine, "0010")

        with engine.connect() as connection:
            (row,) = connection.execute(text("SELECT * FROM prices")).mappings()
        assert (row["price_id"], row["yuan"], row["basis"], row["end_minute"]) == (
            "P-1",
            "12.50",
            "held",
            100,
        )
        assert (row["unit"], row["profile"], row["devices"]) == ("card_hour", "", None)
        plain = {"more": "", "values": ""}
        with pytest.raises(DatabaseError, match="overlap"):
            _run(engine, AFTER.format(name="P-2", basis="held", start=50, **plain))
        with pytest.raises(DatabaseError, match="ck_prices_basis"):
            _run(engine, AFTER.format(name="P-2", basis="wished", start=200, **plain))
        profile = {"more": ", profile, unit", "values": ", '1g', 'partition_hour'"}
        _run(engine, AFTER.format(name="P-2", basis="held", start=50, **profile))
        _run(engine, AFTER.format(name="P-3", basis="flat_rent", start=100, **plain))
    finally:
        engine.dispose()
