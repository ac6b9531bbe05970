"""Alert rules of the operations page are over metrics that the server exports."""

import re
from pathlib import Path

from kashi_server.domain.sequence import Verdict
from kashi_server.ingest.metrics import IngestMetrics
from prometheus_client import CollectorRegistry

PAGE = Path(__file__).parents[2] / "docs" / "operations.md"


def test_alerts_are_over_metrics_and_verdicts_that_there_are() -> None:
    """A rule over a name or a label that nothing exports would never tell anybody."""
    registry = CollectorRegistry()
    IngestMetrics(registry)
    exported = {
        f"{one.name}_total" if one.type == "counter" else one.name for one in registry.collect()
    }
    verdicts = {verdict.name.lower() for verdict in Verdict}
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line.strip().startswith("expr:")]
    named = {name for line in rules for name in re.findall(r"kashi_\w+", line)}
    told = {
        verdict
        for line in rules
        for said in re.findall(r'verdict=~?"([^"]+)"', line)
        for verdict in said.split("|")
    }

    assert len(named) >= 2
    assert named <= exported
    assert {"quarantined", "rejected"} <= told <= verdicts
