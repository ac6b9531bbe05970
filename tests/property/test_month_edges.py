"""Months of Asia/Shanghai, and residues of fen: nothing is lost, doubled or made at an edge."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from expense_cases import (
    HOST_A,
    START,
    assignment,
    contract,
    device,
    hours_of,
    in_force,
    observed,
    price,
    tenure,
    terms,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.attestation import Attestation
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.interval import MINUTE_MS, Month, days_of
from kashi_server.domain.rating import Facts, RatedLine, device_times, rate, rate_times
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Price
from usage_samples import attestation, stated_record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MONTHS = st.builds(Month, st.integers(2024, 2030), st.integers(1, 12))
OFFSETS = st.integers(-180, 180)
YUAN = st.sampled_from(("0.01", "9.99", "12.50", "0.333333"))
relaxed = settings(max_examples=60, deadline=None)


def _local(minute: int) -> datetime:
    """The wall clock of Asia/Shanghai, by plain arithmetic: no summer time since 1991."""
    return EPOCH + timedelta(minutes=minute + 480)


@given(minute=st.integers(15_900_000, 120_000_000))
@relaxed
def test_every_minute_is_in_the_one_month_that_its_clock_shows(minute: int) -> None:
    """In Asia/Shanghai; months meet, and their days, of 1440 minutes each, are all of them."""
    month = Month.of(minute)
    interval = month.interval()
    start, end = interval.bounded()

    assert (month.year, month.month) == (_local(minute).year, _local(minute).month)
    assert minute in interval
    assert month.next().interval().start == end
    assert (_local(start).day, _local(start).hour, _local(start).minute) == (1, 0, 0)
    assert Month.of(start - 1) != month == Month.of(end - 1)
    days = [day.bounded() for day in days_of(interval)]
    assert [high - low for low, high in days] == [1440] * len(days)
    assert [low for low, _high in days] + [end] == [start] + [high for _low, high in days]


def _agreed(edge: int, changes: list[int], yuan: list[str]) -> Terms:
    """A lease around an edge whose price changes at some minutes."""
    cuts = [edge - 5000, *sorted(changes), edge + 5000]
    prices: list[Price] = [
        price(yuan[place % len(yuan)], low, high, price_id=f"P-{place}")
        for place, (low, high) in enumerate(pairwise(cuts))
    ]
    return terms(
        [assignment(edge - 5000, edge + 5000)],
        prices,
        contracts=[contract(start=edge - 9000)],
        tenures=[tenure(start=edge - 9000)],
        rules=(in_force(edge - 9000, None),),
    )


@given(
    month=MONTHS,
    seen=st.dictionaries(OFFSETS, st.integers(1, 60_000), min_size=1, max_size=20),
    changes=st.sets(OFFSETS, max_size=4),
    yuan=st.lists(YUAN, min_size=1, max_size=3),
)
@relaxed
def test_what_is_used_around_a_months_edge_is_in_its_own_month(
    month: Month, seen: dict[int, int], changes: set[int], yuan: list[str]
) -> None:
    """Minutes before midnight of Asia/Shanghai are the earlier month's and those from it on the
    later one's, to the millisecond, whatever prices change there; both months together, with the
    residues that their lines cut off, are the exact amount, less than a fen a line short."""
    edge = month.next().interval().start
    agreed = _agreed(edge, [edge + change for change in changes], yuan)
    facts = Facts(
        devices=[device("GPU-1", (HOST_A, edge - 9000, edge + 9000))],
        hours=hours_of({("GPU-1", HOST_A, edge + at): observed(ms) for at, ms in seen.items()}),
    )
    found = {one: rate(facts, agreed, one.interval()).lines for one in (month, month.next())}

    for one, lines in found.items():
        mine = [ms for at, ms in seen.items() if (at < 0) == (one == month)]
        assert sum(line.billed_ms for line in lines) == sum(mine)
        low, high = one.interval().bounded()
        assert all(low <= line.start < line.end <= high for line in lines)
    _no_fen_is_made([line for lines in found.values() for line in lines], agreed, seen, edge)


def _no_fen_is_made(lines: list[RatedLine], agreed: Terms, seen: dict[int, int], edge: int) -> None:
    exact_fen = sum(
        (one.yuan * 100 * ms / 3_600_000)
        for at, ms in seen.items()
        for one in agreed.prices
        if edge + at in one.interval
    )
    billed = [line for line in lines if line.billed_ms]
    residues = [
        line.standing.price.yuan * 100 * line.billed_ms / 3_600_000 - line.amount_fen
        for line in billed
        if line.standing.price is not None
    ]
    assert all(0 <= residue < 1 for residue in residues)
    assert sum(line.amount_fen for line in lines) + sum(residues) == exact_fen


ROWS = st.lists(
    st.tuples(st.integers(0, 90), st.integers(1, 5_000_000), st.integers(1, 4)),
    min_size=1,
    max_size=8,
)


@given(rows=ROWS, parts=st.integers(1, 4), seed=st.integers(0, 2**32))
@relaxed
def test_stated_rows_in_any_order_and_any_files_state_the_same(
    rows: list[tuple[int, int, int]], parts: int, seed: int
) -> None:
    """Shuffled rows and files give the same lines; the same rows in more files the same
    milliseconds by instance, and no fen more: each file's line is cut to its own."""
    chance = random.Random(seed)
    at_ms, found = START * MINUTE_MS, []
    for line, (pause, span_ms, unit) in enumerate(rows, 2):
        at_ms += pause * MINUTE_MS
        found.append(stated_record(at_ms, at_ms + span_ms, unit_id=f"cloud-a/{unit}", line=line))
        at_ms += span_ms
    one = [attestation(*found)]
    mixed = [attestation(*chance.sample(found, len(found)))]
    files = [
        attestation(*found[place::parts], source="abcd"[place])
        for place in range(parts)
        if found[place::parts]
    ]

    def lines_of(stated: list[Attestation]) -> tuple[RatedLine, ...]:
        evidence = EvidenceInputs(attestations=stated)
        period = Month(2026, 10).interval()
        plain = rate_times([], device_times(Facts(devices=[], hours=[]), period), terms(), period)
        return evidence.rated(plain, terms(), {}, (), period).lines

    whole, again = lines_of(one), lines_of(mixed)
    split, turned = lines_of(files), lines_of(files[::-1])
    assert whole == again
    assert split == turned
    assert _stated_ms(whole) == _stated_ms(split)
    amounts = [sum(line.amount_fen for line in lines) for lines in (whole, split)]
    assert 0 <= amounts[0] - amounts[1] <= len(split)


def _stated_ms(lines: tuple[RatedLine, ...]) -> Counter[str]:
    found: Counter[str] = Counter()
    for line in lines:
        found[line.hardware_id] += line.quantities.observed_ms
    return found
