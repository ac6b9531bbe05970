"""What the ledger takes: reservations of 32 officers at once on PostgreSQL, each four accounts."""

import threading
import time
from typing import Final

from bench.own_database import create_database, own_postgresql
from fixtures_database import postgresql_binaries
from kashi_server.domain.budget import Act, Budget, ClaimMoney
from kashi_server.services.ledger import Ledger
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work

WRITERS: Final = 32
POSTINGS_EACH: Final = 40
COMPANIES: Final = 16


def measure() -> dict[str, int | float]:
    """Movements and postings a second, every one durable on its own."""
    binaries = postgresql_binaries()
    if binaries is None:
        print("  PostgreSQL is not installed: apt-get install postgresql")
        return {}
    with own_postgresql(binaries) as (url, _pid):
        create_database(url.format("postgres"), "ledger")
        engine = open_engine(url.format("ledger"))
        try:
            migrate(engine)
            return _measure(Ledger(Work(engine), lambda: 1_795_000_000_000))
        finally:
            engine.dispose()


def _measure(ledger: Ledger) -> dict[str, int | float]:
    budget = Budget(programme_id="p", year=2026)
    ledger.post(budget.appropriate(_act("appropriation"), 10**12))
    for number in range(COMPANIES):
        ledger.post(budget.allow_company(_act(f"cap/{number}"), f"company-{number}", 10**10))

    def officer(number: int) -> None:
        for turn in range(POSTINGS_EACH):
            claim = ClaimMoney(
                claim_id=f"{number}-{turn}", company_id=f"company-{(number + turn) % COMPANIES}"
            )
            ledger.post(budget.reserve(_act(f"r/{claim.claim_id}"), claim, 1_000))

    threads = [threading.Thread(target=officer, args=(number,)) for number in range(WRITERS)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - start
    assert ledger.check() == []
    movements = WRITERS * POSTINGS_EACH
    return {
        "writers": WRITERS,
        "movements_per_s": round(movements / seconds),
        "postings_per_s": round(4 * movements / seconds),
    }


def _act(key: str) -> Act:
    return Act(key=key, officer="officer", reason="measurement")
