"""Real workloads of others, read from the data beside the project, with their truth by arithmetic.

Two traces of the Alibaba Cluster Trace Program. Nothing here imports Kashi: what it computes is the
oracle that certified figures are compared with.
"""

import csv
import io
import itertools
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

TRACES = Path(__file__).parent.parent.parent / "shared" / "data" / "traces"
PODS = TRACES / "openb_pod_list_default.csv"
DUTY_CYCLE = TRACES / "pod_gpu_duty_cycle_anon.tar.gz"

DAYS = 14
HOSTS = 8
DEVICES_PER_HOST = 8
COMPANIES = 3


@dataclass(frozen=True, slots=True)
class Holding:
    """One device held by one pod over [start_s, end_s), seconds of the trace."""

    device: int
    pod: str
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod that asked for whole GPUs, cut to the window that is played."""

    name: str
    devices: int
    start_s: int
    end_s: int


def company_of(device: int) -> int:
    """Which company rents a device: devices go round the companies by number."""
    return device % COMPANIES


def window_s() -> tuple[int, int]:
    """The last days of the trace, in its own seconds."""
    with PODS.open(encoding="utf-8", newline="") as lines:
        ends = [row["deletion_time"] for row in csv.DictReader(lines) if row["deletion_time"]]
    end = max(int(Decimal(value)) for value in ends)
    return end - DAYS * 86_400, end


def whole_gpu_pods() -> list[Pod]:
    """Pods that ran with whole GPUs inside the window, by start and name."""
    first, last = window_s()
    pods = []
    with PODS.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            wants = int(row["num_gpu"])
            if not row["scheduled_time"] or wants < 1 or row["gpu_milli"] != "1000":
                continue
            start = max(int(Decimal(row["scheduled_time"])), first)
            end = min(int(Decimal(row["deletion_time"])), last)
            if start < end:
                pods.append(Pod(row["name"], wants, start, end))
    return sorted(pods, key=lambda pod: (pod.start_s, pod.name))


def place_first_fit(pods: Sequence[Pod]) -> list[Holding]:
    """Give each pod the first devices that are free from its start on."""
    free_from_s = [0] * (HOSTS * DEVICES_PER_HOST)
    holdings = []
    for pod in pods:
        free = [device for device, at in enumerate(free_from_s) if at <= pod.start_s]
        assert len(free) >= pod.devices, f"no room for {pod.name}"
        for device in free[: pod.devices]:
            free_from_s[device] = pod.end_s
            holdings.append(Holding(device, pod.name, pod.start_s, pod.end_s))
    return holdings


def held_ms_by_company(holdings: Sequence[Holding]) -> dict[int, int]:
    """The truth: held card-milliseconds of each company."""
    held: dict[int, int] = defaultdict(int)
    for holding in holdings:
        held[company_of(holding.device)] += (holding.end_s - holding.start_s) * 1000
    return dict(held)


@dataclass(frozen=True, slots=True)
class DutySample:
    """Utilisation of one serving pod's device at one instant."""

    device: str
    at_s: int
    utilisation_ppm: int


def to_ppm(percent: str) -> int:
    """Percent as written to parts per million, rounded half to even once."""
    return int((Decimal(percent) * 10_000).to_integral_value(ROUND_HALF_EVEN))


def duty_samples() -> dict[str, list[DutySample]]:
    """Samples of every device in order of time."""
    samples: dict[str, list[DutySample]] = defaultdict(list)
    for row in _duty_rows():
        at = Decimal(row["timestamp_anon"])
        assert at == int(at), "the trace's instants are whole seconds"
        device = row["container_ip"]
        samples[device].append(DutySample(device, int(at), to_ppm(row["value"])))
    return {device: sorted(rows, key=lambda row: row.at_s) for device, rows in samples.items()}


def _duty_rows() -> Iterator[dict[str, str]]:
    with tarfile.open(DUTY_CYCLE) as archive:
        (member,) = [m for m in archive.getmembers() if m.name.endswith(".csv")]
        content = archive.extractfile(member)
        assert content is not None
        yield from csv.DictReader(io.TextIOWrapper(content, encoding="utf-8", newline=""))


@dataclass(frozen=True, slots=True)
class DutyTruth:
    """Sums over a trace of samples: between two no further apart than the limit, the earlier one
    holds; the rest nobody observed."""

    observed_ms: int
    gap_ms: int
    utilised_ns: int
    active_ms: int


def duty_truth(samples: Sequence[DutySample], gap_limit_ms: int) -> DutyTruth:
    """The truth of one device between its first and last sample."""
    observed = gap = utilised = active = 0
    for one, after in itertools.pairwise(samples):
        span_ms = (after.at_s - one.at_s) * 1000
        if span_ms > gap_limit_ms:
            gap += span_ms
            continue
        observed += span_ms
        utilised += span_ms * one.utilisation_ppm
        active += span_ms if one.utilisation_ppm > 0 else 0
    return DutyTruth(observed, gap, utilised, active)
