"""What the metering port counts, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class IngestMetrics:
    """Counters of one server process, on its registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reports = Counter(
            "kashi_reports", "Reports by what became of them.", ["verdict"], registry=registry
        )
        self.readings = Counter(
            "kashi_readings", "Readings stored, counted or quarantined.", registry=registry
        )
        self.refusals = Counter(
            "kashi_refusals", "Calls and reports refused, by why.", ["why"], registry=registry
        )
        self.faults = Counter(
            "kashi_ingest_faults",
            "Groups that failed for a reason nobody foresaw; see the log.",
            registry=registry,
        )
        self.calls = Gauge("kashi_calls_in_flight", "Calls being answered.", registry=registry)
        self.group_reports = Histogram(
            "kashi_group_reports",
            "Reports that shared a unit of work.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128),
            registry=registry,
        )
        self.group_seconds = Histogram(
            "kashi_group_seconds",
            "From taking a group up to its durable commit.",
            buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
            registry=registry,
        )
