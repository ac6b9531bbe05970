"""One partition under many ids on two hosts: seen minute by minute, nothing is billed twice."""

from fractions import Fraction
from itertools import pairwise

from expense_cases import (
    H100,
    HOST_A,
    HOST_B,
    OTHER_TENANT,
    START,
    assignment,
    contract,
    hours_of,
    observed,
    price,
    terms,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.rating import Facts, rate
from kashi_server.domain.report import DeviceDescription, MeterKind
from kashi_server.domain.usage import DeviceHour, Quantities
from kashi_server.services.device_records import device_records
from kashi_server.services.facts_port import DeviceRow
from kashi_server.services.service_windows import conflicts_of, observed_of

BARE = "MIG-6f3c1111-2222-3333-4444-55556666abcd"
SHARES = {
    BARE: (4, 7),
    f"{BARE}.4of7-4g.40gb": (4, 7),
    f"{BARE}.3of7-3g.40gb": (3, 7),
    f"{BARE.upper()}.4OF7-4G.40GB": (4, 7),
}
NAMED = {
    BARE: set(SHARES),
    f"{BARE}.4of7-4g.40gb": {one for one, share in SHARES.items() if share == (4, 7)},
    f"{BARE}.3of7-3g.40gb": {f"{BARE}.3of7-3g.40gb"},
}
"""What an assignment of each id is of: said here by hand."""
WIDTH = 130
Told = dict[tuple[str, int], str]
"""(host, minute) -> by which id the host tells of the partition then."""


@st.composite
def tellings(draw: st.DrawFn) -> Told:
    """Each host tells of it for some stretches, by some id in each."""
    told: Told = {}
    for host_id in (HOST_A, HOST_B):
        cuts = sorted(draw(st.sets(st.integers(0, WIDTH), max_size=8)))
        for low, high in zip(cuts[::2], cuts[1::2], strict=False):
            name = draw(st.sampled_from(sorted(SHARES)))
            told |= {(host_id, START + minute): name for minute in range(low, high)}
    return told


def _hours(told: Told) -> list[DeviceHour]:
    seen: dict[tuple[str, str, int], Quantities] = {
        (name, host_id, minute): observed(60_000) for (host_id, minute), name in told.items()
    }
    return hours_of(seen)


def _rows(told: Told) -> list[DeviceRow]:
    firsts: dict[tuple[str, str], int] = {}
    for (host_id, minute), name in told.items():
        firsts[host_id, name] = min(minute, firsts.get((host_id, name), minute))
    return [
        DeviceRow(host_id, None, _described(name), minute * MINUTE_MS, minute * MINUTE_MS)
        for (host_id, name), minute in sorted(firsts.items())
    ]


def _described(name: str) -> DeviceDescription:
    return DeviceDescription(1, name, "GPU-1", H100, "", "", 0, *SHARES[name], MeterKind.NVML)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(tellings(), st.sampled_from(sorted(NAMED)), st.integers(0, WIDTH), st.integers(0, WIDTH))
def test_a_partition_under_many_ids_is_billed_once_a_minute(
    told: Told, named: str, low: int, high: int
) -> None:
    """What exactly one host observed is billed to whom its id is assigned, at its own share; what
    both did is held; no minute is in two lines; and only the minutes of both are conflicts."""
    if not told:
        return
    hours = _hours(told)
    rows = _rows(told)
    lease = assignment(START + min(low, high), START + max(low, high) + 1, hardware_id=named)
    # Another company's, at other times: whatever it holds, this one is billed the same.
    other = assignment(
        START + max(low, high) + 1, None, hardware_id=BARE, assignment_id="A-2", contract_id="HT-2"
    )
    devices = list(device_records(rows, lambda _firsts: observed_of(hours)))
    conflicts = conflicts_of(observed_of(hours), START, START + WIDTH)
    agreed = terms(
        [lease, other],
        [price("1.00"), price("1.00", contract_id="HT-2")],
        contracts=[contract(), contract("HT-2", OTHER_TENANT)],
    )
    facts = Facts(devices=devices, hours=hours, conflicts=conflicts)
    lines = rate(facts, agreed, Interval(START, START + WIDTH)).lines

    billed = {
        (line.hardware_id, line.standing.contract_id): Fraction(0)
        for line in lines
        if line.billed_ms
    }
    for line in lines:
        if line.billed_ms:
            billed[line.hardware_id, line.standing.contract_id] += line.billed_ms * line.share
    due: dict[tuple[str, str | None], Fraction] = {}
    both = set()
    for (host_id, minute), name in told.items():
        if (HOST_B if host_id == HOST_A else HOST_A, minute) in told:
            both.add((name, minute))
            continue
        holder = _holder(name, minute, lease.interval, named)
        if holder is not None:
            due[name, holder] = due.get((name, holder), Fraction(0)) + 60_000 * Fraction(
                *SHARES[name]
            )
    spans = sorted((line.start, line.end) for line in lines)

    assert billed == due
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert sorted(
        (one.hardware_id, minute) for one in conflicts for minute in range(*one.interval.bounded())
    ) == sorted(both)


def _holder(name: str, minute: int, lease: Interval, named: str) -> str | None:
    if minute in lease:
        return "HT-1" if name in NAMED[named] else None
    return "HT-2" if lease.end is not None and minute >= lease.end else None
