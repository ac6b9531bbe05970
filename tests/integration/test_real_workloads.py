"""Real workloads of others through agent, wire, ingestion, closing and certificate, exactly."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import traces
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    Holder,
    HolderKind,
    MeterKind,
    Observation,
    Vendor,
)
from kashi_agent.trace import Entry, Gone, Instant, Origin, Span, Trace, TraceHead
from way import Way, tables

pytestmark = pytest.mark.skipif(
    not traces.PODS.exists(), reason="the traces are not beside the project (shared/data/traces)"
)

PROVIDER = "91440300MADEM0P967"
COMPANIES = ("91440300MADEM0A152", "91440300MADEM0B2X3", "91440300MADEM0C34C")
MONTH = "2026-10"
MONTH_START, MONTH_END = "2026-10-01T00:00:00+08:00", "2026-11-01T00:00:00+08:00"
START_UTC_MS = 1_790_784_000_000 + 9 * 86_400_000
"""The tenth of October 2026, Shanghai midnight: where the traces are laid."""

MODEL = "NVIDIA A100-SXM4-80GB"
NOT_RECORDED = Absent(AbsentReason.NOT_RECORDED)


def device(name: str) -> Device:
    """A whole card with an id of its own."""
    return Device(
        vendor=Vendor.NVIDIA,
        hardware_id=f"GPU-{uuid.uuid5(uuid.NAMESPACE_OID, name)}",
        model=MODEL,
        meter=MeterKind.REPLAY,
        memory_bytes=80 << 30,
    )


def seen(utilisation_ppm: int | Absent, holders: frozenset[Holder] | Absent) -> Observation:
    """What a trace says of an instant or a stretch; the rest it did not record."""
    return Observation(
        utilisation_ppm=utilisation_ppm,
        energy_counter_mj=NOT_RECORDED,
        power_mw=NOT_RECORDED,
        memory_used_bytes=NOT_RECORDED,
        holders=holders,
    )


def parties() -> str:
    """A provider and three companies."""
    names = ((PROVIDER, "provider"), *((company, "company") for company in COMPANIES))
    return tables(
        [
            ("party", {"party_id": party, "kind": kind, "name_zh": f"测试{party[-3:]}"})
            for party, kind in names
        ]
    )


def agreements(host_ids: list[str], company_of: dict[str, str]) -> str:
    """Every host leased out, every device assigned to its company for the month."""
    term: dict[str, str | bool] = {"from": MONTH_START, "until": MONTH_END}
    rows: list[tuple[str, dict[str, str | bool]]] = [
        (
            "tenure",
            {
                "host_id": host,
                "owner": PROVIDER,
                "operator": PROVIDER,
                "kind": "leased_out",
                **term,
            },
        )
        for host in host_ids
    ]
    for number, company in enumerate(COMPANIES):
        contract = f"HT-{number}"
        rows.append(
            (
                "contract",
                {
                    "contract_id": contract, "provider": PROVIDER, "user": company,
                    "signed_on": "2026-09-01", "unrelated_declared": True, **term,
                },
            )
        )  # fmt: skip
        rows.append(
            (
                "price",
                {
                    "price_id": f"P-{number}", "contract": contract, "model": MODEL,
                    "yuan_per_card_hour": "6.00", "basis": "leased_observed", **term,
                },
            )
        )  # fmt: skip
    for number, (hardware_id, company) in enumerate(sorted(company_of.items())):
        rows.append(
            (
                "assignment",
                {
                    "assignment_id": f"A-{number}", "hardware_id": hardware_id,
                    "contract": f"HT-{COMPANIES.index(company)}",
                    "proposed_by": PROVIDER, "confirmed_by": company, **term,
                },
            )
        )  # fmt: skip
    return tables(rows)


def certified(
    root: Path, hosts: dict[str, Trace], company_of: dict[str, str]
) -> dict[str, dict[str, Any]]:
    """Send the traces the whole way; what was certified, by company."""
    way = Way.begun(root, seed=root.name)
    way.take("parties.toml", parties())
    with way.serving():
        stores = {name: way.enrolled(name, PROVIDER) for name in hosts}
        way.take(
            "agreements.toml",
            agreements([store.host().host_id for store in stores.values()], company_of),
        )
        for name, trace in hosts.items():
            way.play(name, stores[name], trace, step_ms=3_600_000)
        return way.certified(MONTH)


def pod_spans(holdings: list[traces.Holding], start_s: int, end_s: int) -> Iterator[Entry]:
    """A host's devices: held while a pod holds them, free in between; utilisation unknown."""
    spans: list[Span] = []
    free_from_s: dict[int, int] = defaultdict(lambda: start_s)
    for holding in sorted(holdings, key=lambda one: one.start_s):
        place = holding.device % traces.DEVICES_PER_HOST
        free_s = free_from_s[place]
        if free_s < holding.start_s:
            spans.append(_span(place, free_s, holding.start_s, start_s, frozenset()))
        holder = frozenset({Holder(HolderKind.POD, holding.pod)})
        spans.append(_span(place, holding.start_s, holding.end_s, start_s, holder))
        free_from_s[place] = holding.end_s
    spans.extend(
        _span(place, free_from_s[place], end_s, start_s, frozenset())
        for place in range(traces.DEVICES_PER_HOST)
        if free_from_s[place] < end_s
    )
    yield from sorted(spans, key=lambda span: span.start_ms)


def _span(place: int, start_s: int, end_s: int, zero_s: int, holders: frozenset[Holder]) -> Span:
    return Span(
        place, (start_s - zero_s) * 1000, (end_s - zero_s) * 1000, seen(NOT_RECORDED, holders)
    )


def test_held_time_of_a_production_cluster_is_certified_to_the_millisecond(tmp_path: Path) -> None:
    """Fourteen days of whole-GPU pods, first fit on 64 devices, three companies: the certified
    held card-milliseconds are those of the file's own arithmetic, company by company."""
    start_s, end_s = traces.window_s()
    holdings = traces.place_first_fit(traces.whole_gpu_pods())
    per_host = traces.DEVICES_PER_HOST
    devices = [device(f"openb/{number}") for number in range(traces.HOSTS * per_host)]
    hosts = {}
    for host in range(traces.HOSTS):
        on_host = [one for one in holdings if one.device // per_host == host]
        head = TraceHead(
            origin=Origin.RECORDED,
            note="Alibaba cluster-trace-gpu-v2023, last 14 days, first fit",
            start_utc_ms=START_UTC_MS,
            span_ms=(end_s - start_s) * 1000,
            cadence_ms=1_000,
            devices=tuple(devices[host * per_host : (host + 1) * per_host]),
        )
        hosts[f"openb-{host}"] = Trace(head, pod_spans(on_host, start_s, end_s))
    company_of = {
        one.hardware_id: COMPANIES[traces.company_of(number)] for number, one in enumerate(devices)
    }

    statements = certified(tmp_path, hosts, company_of)

    truth = traces.held_ms_by_company(holdings)
    assert {company: statements[company]["totals"]["held_ms"] for company in COMPANIES} == {
        company: truth[number] for number, company in enumerate(COMPANIES)
    }


def test_utilised_time_of_serving_pods_is_certified_to_the_nanosecond(tmp_path: Path) -> None:
    """Utilisation of 143 devices at the trace's cadence of 57 s: certified utilised time and the
    gaps of the trace's holes equal the file's own sums exactly."""
    cadence_ms = 57_000
    samples = traces.duty_samples()
    zero_s = min(rows[0].at_s for rows in samples.values())
    last_s = max(rows[-1].at_s for rows in samples.values())
    names = sorted(samples)
    devices = {name: device(f"duty/{name}") for name in names}
    hosts = {}
    for host in range(3):
        mine = names[host::3]
        entries: list[Entry] = [
            Instant(place, (row.at_s - zero_s) * 1000, seen(row.utilisation_ppm, NOT_RECORDED))
            for place, name in enumerate(mine)
            for row in samples[name]
        ]
        # A device leaves with its last sample; one millisecond more lets the very last one count.
        entries += [
            Gone(place, (samples[name][-1].at_s - zero_s) * 1000) for place, name in enumerate(mine)
        ]
        head = TraceHead(
            origin=Origin.RECORDED,
            note="Alibaba cluster-trace-v2026-GenAI, GPU duty cycle of serving pods",
            start_utc_ms=START_UTC_MS,
            span_ms=(last_s - zero_s) * 1000 + 1,
            cadence_ms=cadence_ms,
            devices=tuple(devices[name] for name in mine),
        )
        entries.sort(key=lambda entry: entry.start_ms)
        hosts[f"duty-{host}"] = Trace(head, iter(entries))
    company_of = {
        devices[name].hardware_id: COMPANIES[number % 3] for number, name in enumerate(names)
    }

    statements = certified(tmp_path, hosts, company_of)

    truth = [traces.duty_truth(samples[name], cadence_ms * 5 // 2) for name in names]
    for number, company in enumerate(COMPANIES):
        mine_truth = truth[number::3]
        totals = statements[company]["totals"]
        holes_ms = sum(
            gap["span_ms"]
            for gap in statements[company]["quality"]["gaps"]
            if gap["reason"] == "trace_hole"
        )
        assert totals["utilised_ns"] == sum(one.utilised_ns for one in mine_truth)
        assert totals["active_ms"] == sum(one.active_ms for one in mine_truth)
        assert totals["observed_ms"] == sum(one.observed_ms for one in mine_truth)
        assert holes_ms == sum(one.gap_ms for one in mine_truth)
