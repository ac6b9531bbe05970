"""Properties of stated usage and counted gaps: nothing is counted twice, nothing is lost."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from expense_cases import (
    END,
    HOST_A,
    OCTOBER,
    RULES,
    START,
    assignment,
    device,
    hours_of,
    observe,
    terms,
)
from expense_cases import observed as minute_of_ms
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.device import GapReason, ReportedGap
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.gap_explanation import GapExplanation
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.rating import Facts, device_times, rate_times
from kashi_server.domain.rules import Decision, Parameter, ParameterState, RulesVersion
from usage_samples import attestation, stated_record

HOURS = 6
SPAN = Interval(START, START + HOURS * 60)
SPAN_MS = HOURS * 60 * MINUTE_MS
POLICIES = st.sampled_from(("none", "continuity", "officer"))
TRUTHS = st.sampled_from((True, False, None))
OFFSETS = st.integers(0, HOURS * 60 - 1)


def _version(policy: str) -> RulesVersion:
    decision = Decision(officers=("a", "b"), decided_on="2026-09-01", reason="r", document="d")
    parameter = Parameter(
        name="gap_policy", state=ParameterState.DECIDED, value=policy, decision=decision
    )
    kept = tuple(one for one in RULES[0].parameters if one.name != "gap_policy")
    return replace(RULES[0], parameters=(*kept, parameter))


@st.composite
def gaps(draw: st.DrawFn) -> ReportedGap:
    """A reported gap anywhere around the span, also beyond it."""
    start = draw(st.integers(-60_000, SPAN_MS))
    return ReportedGap(
        host_id=HOST_A,
        hardware_id="GPU-1",
        start_utc_ms=START * MINUTE_MS + start,
        end_utc_ms=START * MINUTE_MS + start + draw(st.integers(1, 4_000_000)),
        reason=draw(st.sampled_from((GapReason.AGENT_DOWN, GapReason.DEVICE_LOST))),
        same_driver=draw(TRUTHS),
        same_holders=draw(TRUTHS),
        energy_mj=draw(st.none() | st.integers(0, 10**9)),
    )


@st.composite
def explanations(draw: st.DrawFn) -> GapExplanation:
    """An accepted explanation of some minutes of the span."""
    start = draw(OFFSETS)
    return GapExplanation(
        explanation_id=f"e-{draw(st.integers(0, 9))}",
        hardware_id="GPU-1",
        host_id=HOST_A,
        interval=Interval(START + start, START + start + draw(st.integers(1, 200))),
        party_id="P",
        reason="said",
        evidence_sha256="",
        actor="a",
        utc_ms=0,
    )


@settings(max_examples=60, deadline=None)
@given(
    policy=POLICIES,
    reported=st.lists(gaps(), max_size=5),
    explained=st.lists(explanations(), max_size=4),
    seen=st.lists(st.tuples(OFFSETS, st.integers(1, 60_000)), max_size=8),
)
def test_counted_gap_time_is_a_part_of_the_gap(
    policy: str,
    reported: list[ReportedGap],
    explained: list[GapExplanation],
    seen: list[tuple[int, int]],
) -> None:
    """Whatever is reported and explained: observed + gap = elapsed still, continuity + officer <=
    gap, none counts nothing, and what is billed is what it was without."""
    minutes = observe(START + 30, START + 90)
    for offset, observed_ms in seen:
        minutes["GPU-1", HOST_A, START + offset] = minute_of_ms(observed_ms)
    agreed = terms([assignment()], rules=(_version(policy),))
    devices = (device("GPU-1", (HOST_A, START, SPAN.end)),)
    times = device_times(Facts(devices=devices, hours=hours_of(minutes)), OCTOBER.interval())
    plain = rate_times(devices, times, agreed, SPAN)

    evidence = EvidenceInputs(explained=explained)
    rated = evidence.rated(plain, agreed, times, reported, SPAN)

    for before, after in zip(plain.lines, rated.lines, strict=True):
        counted = after.quantities
        assert counted.observed_ms + counted.gap_ms == (after.end - after.start) * MINUTE_MS
        assert 0 <= counted.continuity_ms + counted.officer_ms <= counted.gap_ms
        assert (after.billed_ms, after.amount_fen) == (before.billed_ms, before.amount_fen)
        if policy == "none":
            assert counted.continuity_ms == counted.officer_ms == 0
        if policy == "continuity":
            assert counted.officer_ms == 0


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 7_200_000), st.integers(1, 4_000_000), st.integers(1, 100)),
        min_size=1,
        max_size=6,
    ),
    cards=st.integers(1, 8),
    measured=st.lists(OFFSETS, max_size=5),
    change=st.integers(1, 359),
)
def test_stated_milliseconds_are_neither_lost_nor_doubled(
    rows: list[tuple[int, int, int]], cards: int, measured: list[int], change: int
) -> None:
    """However records lie to minutes, measured minutes and days: lines hold every stated
    millisecond once, each minute of a unit stands in one line, and amounts follow by themselves."""
    at_ms, found = START * MINUTE_MS + change * MINUTE_MS, []
    for number, (pause_ms, span_ms, percent) in enumerate(rows, 2):
        at_ms += pause_ms
        stated_ms = max(1, span_ms * percent // 100)
        found.append(
            stated_record(at_ms, at_ms + span_ms, cards=cards, stated_ms=stated_ms, line=number)
        )
        at_ms += span_ms
    minutes = {("GPU-1", HOST_A, START + offset): minute_of_ms(60_000) for offset in measured}
    agreed = terms([assignment()])
    devices = (device(),) if minutes else ()
    times = device_times(Facts(devices=devices, hours=hours_of(minutes)), OCTOBER.interval())
    plain = rate_times(devices, times, agreed, OCTOBER.interval())

    evidence = EvidenceInputs(attestations=[attestation(*found)])
    rated = evidence.rated(plain, agreed, times, (), OCTOBER.interval())

    lines = [line for line in rated.lines if line.stated is not None]
    assert sum(line.quantities.observed_ms for line in lines) == sum(r.stated_ms for r in found)
    for earlier, later in pairwise(lines):
        assert earlier.end <= later.start <= END
    held = {START + offset for offset in measured}
    for line in lines:
        covered = set(range(line.start, line.end))
        assert (not line.amount_fen and covered <= held) or not covered & held
        due = Fraction(line.billed_ms * cards * 1250, 3_600_000)
        assert line.amount_fen == due.numerator // due.denominator
        assert sum(day.amount_fen for day in line.days) == line.amount_fen
