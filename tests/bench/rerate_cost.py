"""What rating a year again costs on PostgreSQL, beside one SQL aggregation over the same rows.

A thousand devices, every hour of a year observed; two price changes inside a day. The device-hours
are made by the database itself; and so are their sums of days, which closing and correcting
rate from. The aggregation is the sum of every quantity by device over
those device-hours. Both run with the server's defaults, and three times: the middle one counts.
`KASHI_BENCH_DEVICES` sets another number of devices.
"""

import os
import resource
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from typing import Final, TypeVar

from bench.close_cost import MINUTE
from bench.ingest_cost import _cpu_s_with_children
from bench.own_database import create_database, own_postgresql, sum_days
from expense_cases import PARTIES, assignment, contract, price, tenure
from expense_facts import add_host, described, sequencer
from fixtures_database import postgresql_binaries
from kashi_server.domain.interval import MINUTE_MS, Interval, Month
from kashi_server.domain.statement import CutOff
from kashi_server.domain.usage import MINUTES_PER_HOUR, QUANTITY_NAMES
from kashi_server.services.closing import MonthClosing, read_inputs
from kashi_server.services.correcting import Correcting
from kashi_server.services.facts_port import DeviceRow, FactBatch
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.packing import pack_minutes
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from sqlalchemy import text

T = TypeVar("T")

DEVICES: Final = int(os.environ.get("KASHI_BENCH_DEVICES", "1000"))
CARDS_A_HOST: Final = 8
YEAR: Final = 2026
START: Final = Month(YEAR, 1).interval().start
END: Final = Month(YEAR + 1, 1).interval().start
MONTHS: Final = [Month(YEAR, number) for number in range(1, 13)]
CHANGES: Final = (START + 100 * 1440 + 37, START + 250 * 1440 + 613)
"""Minutes at which the price changes: inside an hour of a day."""

_AGGREGATE: Final = (
    "SELECT hardware_id, "
    + ", ".join(f"sum({name})" for name in QUANTITY_NAMES)
    + " FROM device_hours WHERE hour >= :low AND hour < :high GROUP BY hardware_id"
)


def measure() -> dict[str, int | float]:
    """Seconds of both, their ratio, and how far the process's memory grew."""
    binaries = postgresql_binaries()
    if binaries is None:
        print("  PostgreSQL is not installed: apt-get install postgresql")
        return {}
    with own_postgresql(binaries) as (url, pid):
        create_database(url.format("postgres"), "rerate")
        engine = open_engine(url.format("rerate"))
        try:
            migrate(engine)
            work = Work(engine)
            _fill(work)
            return _measure(work, pid)
        finally:
            engine.dispose()


def _fill(work: Work) -> None:
    packed = pack_minutes(_columns())
    hours = [value * MINUTES_PER_HOUR for value in MINUTE]
    with work.begin() as unit:
        for host in range(-(-DEVICES // CARDS_A_HOST)):
            add_host(unit, _host(host))
        _agree(unit)
        rows = [
            DeviceRow(
                _host(number // CARDS_A_HOST),
                number % CARDS_A_HOST,
                described(_card(number)),
                START * MINUTE_MS,
                END * MINUTE_MS,
            )
            for number in range(DEVICES)
        ]
        unit.facts.write(FactBatch(devices=rows))
        names = ("host_id", "hardware_id", "hour", *QUANTITY_NAMES, "minutes", "observed_peak_ms")
        unit.connection.execute(
            text(
                f"INSERT INTO device_hours ({', '.join(names)})"
                " SELECT d.host_id, d.hardware_id, h, "
                + ", ".join(f"{value}" for value in hours)
                + ", :minutes, :peak FROM devices d, generate_series("
                "CAST(:low AS int), CAST(:high AS int) - 1) h ORDER BY d.host_id, d.hardware_id, h"
            ),
            {"minutes": packed, "peak": MINUTE[0], **_span()},
        )
        sum_days(unit.connection)
        unit.commit()
    Rulebook(work, lambda: END * MINUTE_MS).register(shipped_rules())
    with work.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM (ANALYZE)"))


def _columns() -> "tuple[array[int], ...]":
    return tuple(array("Q", [value] * MINUTES_PER_HOUR) for value in MINUTE)


def _span() -> dict[str, int]:
    return {"low": START // MINUTES_PER_HOUR, "high": END // MINUTES_PER_HOUR}


def _host(number: int) -> str:
    return f"0b8f6a52-6d0e-4a0e-9d7e-{number:012d}"


def _card(number: int) -> str:
    return f"GPU-{number:08d}"


def _agree(unit: UnitOfWork) -> None:
    """One contract of all devices, at a price that changes twice inside a day."""
    for party in PARTIES:
        unit.expense.put_party(party)
    term = Interval(START - 1440, None)
    unit.expense.put_contract(replace(contract(), signed_on=date(YEAR - 1, 12, 1), term=term))
    edges = (START - 1440, *CHANGES)
    ends: Sequence[int | None] = (*CHANGES, None)
    for place, (low, high) in enumerate(zip(edges, ends, strict=True)):
        yuan = f"{12 - place}.35"
        unit.expense.put_price(price(yuan, low, high, price_id=f"P-{place}"))
    for host in range(-(-DEVICES // CARDS_A_HOST)):
        unit.expense.put_tenure(replace(tenure(_host(host)), interval=term))
    for number in range(DEVICES):
        lease = assignment(START, None, assignment_id=f"A-{number}", hardware_id=_card(number))
        unit.expense.put_assignment(lease, START * MINUTE_MS)


def _measure(work: Work, pid: int) -> dict[str, int | float]:
    _rate(work)  # the first run reads modules and prepares statements
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    aggregates = _three(lambda: _aggregate(work), pid)
    ratings = _three(lambda: _rate(work), pid)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    aggregate_s, aggregate_cpu_s, _rows = aggregates
    seconds, cpu_s, (billed_ms, line_count, read_s) = ratings
    assert billed_ms == DEVICES * (END - START) * MINUTE_MS
    return {
        "devices": DEVICES,
        "device_hours": DEVICES * (END - START) // MINUTES_PER_HOUR,
        "lines": line_count,
        "aggregate_s": round(aggregate_s, 3),
        "seconds": round(seconds, 3),
        "of_it_reading_s": round(read_s, 3),
        "ratio": round(seconds / aggregate_s, 2),
        "aggregate_cpu_s": round(aggregate_cpu_s, 2),
        "cpu_s": round(cpu_s, 2),
        "cpu_ratio": round(cpu_s / aggregate_cpu_s, 2),
        "memory_grown_mb": round(grown_kb / 1024, 1),
        **_corrected(work),
    }


def _three(run: Callable[[], T], pid: int) -> tuple[float, float, T]:
    """Seconds, processor seconds of this process and the database's, and what came out: of the
    middle one of three runs by seconds."""
    found = []
    for _turn in range(3):
        start, spent_s = time.perf_counter(), time.process_time() + _cpu_s_with_children(pid)
        out = run()
        cpu_s = time.process_time() + _cpu_s_with_children(pid) - spent_s
        found.append((time.perf_counter() - start, cpu_s, out))
    return sorted(found, key=lambda one: one[0])[1]


def _aggregate(work: Work) -> int:
    with work.begin(writes=False) as unit:
        rows = unit.connection.execute(text(_AGGREGATE), _span()).all()
    assert len(rows) == DEVICES
    return len(rows)


def _rate(work: Work) -> tuple[int, int, float]:
    """Read and rate month by month, as a correction does before it lays statements out."""
    billed_ms, line_count, read_s = 0, 0, 0.0
    with work.begin(writes=False) as unit:
        for month in MONTHS:
            start = time.perf_counter()
            cut_off = CutOff(
                event_end=month.interval().bounded()[1], checkpoint_size=0, checkpoint_root=b""
            )
            inputs = read_inputs(unit, month, cut_off, demo=False)
            read_s += time.perf_counter() - start
            rating = inputs.rating()
            billed_ms += sum(line.billed_ms for line in rating.lines)
            line_count += len(rating.lines)
    return billed_ms, line_count, read_s


def _corrected(work: Work) -> dict[str, float]:
    """The whole way of both: the year is closed, and every month of it looked through again."""
    after_ms = (END + 20 * 1440) * MINUTE_MS
    head = sequencer(work, after_ms)
    closing = MonthClosing(work, head, lambda: after_ms, demo=False)
    correcting = Correcting(work, head, lambda: after_ms, demo=False)
    start = time.perf_counter()
    for month in MONTHS:
        closing.close(month)
    closed = time.perf_counter()
    assert all(correcting.preview(month) is None for month in MONTHS)
    return {
        "close_s": round(closed - start, 2),
        "preview_s": round(time.perf_counter() - closed, 2),
    }
