"""`make bench`: every figure of docs/benchmarks.md, printed and in build/bench.json.

A figure whose tool is absent is left out and named; nothing here asserts a time.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bench import (
    agent_cost,
    agent_month,
    certificate_cost,
    close_cost,
    company_month_cost,
    ingest_cost,
    ledger_cost,
    outage_cost,
    rerate_cost,
    sampling_error,
    simulation_cost,
)

OUTPUT = Path("build/bench.json")

Figures = dict[str, int | float | str]

MEASURES: dict[str, Callable[[], Mapping[str, int | float | str]]] = {
    "ingest": ingest_cost.measure_all,
    "agent": agent_cost.measure,
    "month": agent_month.measure,
    "sampling": sampling_error.measure,
    "outage": outage_cost.measure,
    "close": close_cost.measure,
    "certificate": certificate_cost.measure,
    "ledger": ledger_cost.measure,
    "rerate": rerate_cost.measure,
    "simulation": simulation_cost.measure,
    "companies": company_month_cost.measure,
}


def main(names: list[str]) -> int:
    """Measure the named groups, or all."""
    figures: Figures = {"machine.processors": os.cpu_count() or 0}
    for name in names or list(MEASURES):
        print(f"== {name}", flush=True)
        for key, value in MEASURES[name]().items():
            figures[f"{name}.{key}"] = value
            print(f"  {name}.{key} = {value}", flush=True)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"written to {OUTPUT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
