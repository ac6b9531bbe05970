"""What closing and certifying a month of many companies costs: seconds, and the slowest percentile.

Each company has a contract, a price and a leased card on a host of the provider, every hour of the
month observed; PostgreSQL. `KASHI_BENCH_COMPANIES` sets the number: 2200 for the city.
"""

import os
import time
from array import array
from dataclasses import replace
from typing import Final

from bench.close_cost import MINUTE
from bench.own_database import create_database, own_postgresql, sum_days
from expense_cases import END, OCTOBER, PROVIDER, START, assignment, contract, price, tenure
from expense_facts import add_host, described
from fixtures_certificates import _keeping
from fixtures_database import postgresql_binaries
from fixtures_identity import SteppedClock
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES
from kashi_server.log.sequencer import sequence
from kashi_server.services.authority import found
from kashi_server.services.closing import MonthClosing
from kashi_server.services.facts_port import DeviceRow, FactBatch
from kashi_server.services.importing import store
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.packing import pack_minutes
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from statement_samples import credit_code

COMPANIES: Final = int(os.environ.get("KASHI_BENCH_COMPANIES", "40"))
CARDS_A_HOST: Final = 8
AFTER_MS: Final = (END + 5 * 1440) * MINUTE_MS


def measure() -> dict[str, int | float]:
    """Seconds of the close, of all certificates, and of the slowest one in a hundred."""
    binaries = postgresql_binaries()
    if binaries is None:
        print("  PostgreSQL is not installed: apt-get install postgresql")
        return {}
    with own_postgresql(binaries) as (url, _pid):
        create_database(url.format("postgres"), "companies")
        engine = open_engine(url.format("companies"))
        try:
            migrate(engine)
            return _measure(Work(engine))
        finally:
            engine.dispose()


def _fill(work: Work) -> None:
    columns = tuple(array("Q", [value] * MINUTES_PER_HOUR) for value in MINUTE)
    with work.begin() as unit:
        for number in range(-(-COMPANIES // CARDS_A_HOST)):
            add_host(unit, _host(number))
        store(unit, Party(party_id=PROVIDER, kind=PartyKind.PROVIDER, name_zh="示例算力服务"), 0)
        for number in range(-(-COMPANIES // CARDS_A_HOST)):
            store(unit, tenure(_host(number)), 0)
        for number in range(COMPANIES):
            user, name = credit_code(1000 + number), f"HT-{number}"
            store(unit, Party(party_id=user, kind=PartyKind.COMPANY, name_zh=f"企业{number}"), 0)
            store(unit, contract(name, user), 0)
            lease = assignment(assignment_id=f"A-{number}", hardware_id=_card(number))
            store(unit, replace(lease, contract_id=name, confirmed_by=user), 0)
            store(unit, price(contract_id=name, price_id=f"P-{number}"), 0)
        rows = [
            DeviceRow(
                _host(number // CARDS_A_HOST),
                number % CARDS_A_HOST,
                described(_card(number)),
                START * MINUTE_MS,
                END * MINUTE_MS,
            )
            for number in range(COMPANIES)
        ]
        unit.facts.write(FactBatch(devices=rows))
        names = ("host_id", "hardware_id", "hour", *QUANTITY_NAMES, "minutes", "observed_peak_ms")
        sums = ", ".join(str(value * MINUTES_PER_HOUR) for value in MINUTE)
        unit.connection.execute(
            text(
                f"INSERT INTO device_hours ({', '.join(names)}) SELECT d.host_id, d.hardware_id, h,"
                f" {sums}, :minutes, :peak FROM devices d,"
                " generate_series(CAST(:low AS int), CAST(:high AS int) - 1) h"
            ),
            {
                "minutes": pack_minutes(columns),
                "peak": MINUTE[0],
                "low": START // MINUTES_PER_HOUR,
                "high": END // MINUTES_PER_HOUR,
            },
        )
        sum_days(unit.connection)
        unit.commit()
    Rulebook(work, lambda: AFTER_MS).register(shipped_rules())


def _host(number: int) -> str:
    return f"0b8f6a52-6d0e-4a0e-9d7e-{number:012d}"


def _card(number: int) -> str:
    return f"GPU-{number:08d}"


def _measure(work: Work) -> dict[str, int | float]:
    _fill(work)
    clock = SteppedClock(AFTER_MS)
    keyring = found(
        "深圳市算力服务中心", ("kashi.example",), b"n" * 32, START * MINUTE_MS, demo=False
    ).keyring
    closing = MonthClosing(work, lambda: sequence(work, keyring, clock), clock, demo=False)
    start = time.perf_counter()
    closed = closing.close(OCTOBER)
    close_s = time.perf_counter() - start
    keeping = _keeping(work, keyring, clock)
    each: list[float] = []
    for statement in closed.statements:
        began = time.perf_counter()
        keeping.issue(statement.number, "officer")
        each.append(time.perf_counter() - began)
    each.sort()
    return {
        "companies": COMPANIES,
        "statements": len(closed.statements),
        "close_s": round(close_s, 2),
        "certify_s": round(sum(each), 2),
        "certify_median_s": round(each[len(each) // 2], 3),
        "certify_slowest_percentile_s": round(each[-max(1, len(each) // 100)], 3),
    }
