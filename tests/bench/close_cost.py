"""What closing a month costs: 28 leased cards, one price change, every minute observed."""

import tempfile
import time
from array import array
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from expense_cases import END, HOST_A, OCTOBER, START, assignment, at, price
from expense_facts import described, store
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.usage import MINUTES_PER_HOUR, DeviceHour
from kashi_server.log.sequencer import sequence
from kashi_server.services.closing import MonthClosing
from kashi_server.services.facts_port import DeviceRow, FactBatch
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work

CARDS: Final = 28
MINUTE: Final = (60_000, 60_000, 60_000, 60_000, 50_000, 30_000_000_000, 0)
"""Every minute's quantities, in the order of a device-hour's columns."""


class _Keys:
    def __init__(self) -> None:
        self.checkpoint_key = ec.generate_private_key(ec.SECP256R1())


def measure() -> dict[str, int | float]:
    """Seconds to close the month, and how many device-hours and lines it has."""
    with tempfile.TemporaryDirectory(prefix="kashi-") as folder:
        engine = open_engine(f"sqlite:///{Path(folder) / 'kashi.sqlite'}")
        try:
            migrate(engine)
            return _close(Work(engine))
        finally:
            engine.dispose()


def _close(work: Work) -> dict[str, int | float]:
    hours = _fill(work)
    keys, now_ms = _Keys(), END * MINUTE_MS
    closing = MonthClosing(
        work, lambda: sequence(work, keys, lambda: now_ms), lambda: now_ms, demo=False
    )
    start = time.perf_counter()
    closed = closing.close(OCTOBER)
    return {
        "seconds": round(time.perf_counter() - start, 3),
        "device_hours": hours,
        "lines": sum(len(statement.lines) for statement in closed.statements),
    }


def _fill(work: Work) -> int:
    change = at("10-16 00:37")
    cards = [f"GPU-{number}" for number in range(CARDS)]
    store(
        work,
        {},
        assignments=[assignment(assignment_id=f"A-{card}", hardware_id=card) for card in cards],
        prices=[price("12.50", end=change), price("11.80", change)],
    )
    hours = [
        DeviceHour(
            hardware_id=card,
            host_id=HOST_A,
            hour=hour,
            columns=tuple(array("Q", [value] * MINUTES_PER_HOUR) for value in MINUTE),
        )
        for card in cards
        for hour in range(START // MINUTES_PER_HOUR, END // MINUTES_PER_HOUR)
    ]
    devices = [
        DeviceRow(HOST_A, slot, described(card), START * MINUTE_MS, END * MINUTE_MS)
        for slot, card in enumerate(cards)
    ]
    with work.begin() as unit:
        unit.facts.write(FactBatch(hours=hours, devices=devices))
        unit.commit()
    return len(hours)
