"""Gap time in columns of its own: what the rules' policy counts, and never as observed."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
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
    price,
    terms,
)
from kashi_server.domain.device import GapReason, ReportedGap
from kashi_server.domain.gap_counting import GapBook, with_gaps
from kashi_server.domain.gap_explanation import (
    ExplanationState,
    GapDecision,
    GapExplanation,
    GapVerdict,
    check_decision,
    state_of,
)
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Interval
from kashi_server.domain.line_gap import GapCounted
from kashi_server.domain.rating import Facts, RatedLine, device_times, rate_times
from kashi_server.domain.rules import Decision, Parameter, ParameterState, RulesVersion
from kashi_server.domain.tariff import Price
from kashi_server.errors import InvalidValue, Refused

GAP = Interval(START + 60, START + 120)


def rules(policy: str) -> RulesVersion:
    """The shipped rules with a decided gap policy."""
    decision = Decision(
        officers=("a", "b"), decided_on="2026-09-01", reason="a reason", document="a paper"
    )
    parameter = Parameter(
        name="gap_policy", state=ParameterState.DECIDED, value=policy, decision=decision
    )
    kept = tuple(one for one in RULES[0].parameters if one.name != "gap_policy")
    return replace(RULES[0], parameters=(*kept, parameter))


def gap(
    start: int = GAP.start,
    end: int = START + 120,
    *,
    reason: GapReason = GapReason.AGENT_DOWN,
    same_driver: bool | None = True,
    same_holders: bool | None = True,
    energy_mj: int | None = 1_000,
) -> ReportedGap:
    """A reported gap over whole UTC minutes."""
    return ReportedGap(
        host_id=HOST_A,
        hardware_id="GPU-1",
        start_utc_ms=start * MINUTE_MS,
        end_utc_ms=end * MINUTE_MS,
        reason=reason,
        same_driver=same_driver,
        same_holders=same_holders,
        energy_mj=energy_mj,
    )


def explanation(interval: Interval = GAP, explanation_id: str = "e-1") -> GapExplanation:
    """An explanation of some minutes."""
    return GapExplanation(
        explanation_id=explanation_id,
        hardware_id="GPU-1",
        host_id=HOST_A,
        interval=interval,
        party_id="P",
        reason="the room lost its power",
        evidence_sha256="",
        actor="someone",
        utc_ms=0,
    )


def lines(
    policy: str,
    gaps: Sequence[ReportedGap] = (),
    explained: Sequence[GapExplanation] = (),
    prices: Sequence[Price] | None = None,
) -> list[RatedLine]:
    """A month of GPU-1 that nobody observed from 01:00 to 02:00 UTC of its first day."""
    minutes = observe(START, START + 60) | observe(START + 120, END)
    agreed = terms([assignment()], prices, rules=(rules(policy),))
    facts = Facts(devices=(device(),), hours=hours_of(minutes))
    times = device_times(facts, OCTOBER.interval())
    rating = rate_times((device(),), times, agreed, OCTOBER.interval())
    book = GapBook(times=times, gaps=gaps, explained=explained)
    return list(with_gaps(rating, agreed.rules, book).lines)


@pytest.mark.parametrize(
    ("policy", "continuity_ms", "officer_ms"),
    [("none", 0, 0), ("continuity", HOUR_MS // 2, 0), ("officer", HOUR_MS // 2, HOUR_MS // 2)],
)
def test_the_policy_decides_what_counts(policy: str, continuity_ms: int, officer_ms: int) -> None:
    """Half the gap has continuity evidence, all of it is explained: each is counted once, and what
    was observed and is billed stays what it was."""
    (line,) = lines(policy, [gap(end=START + 90)], [explanation()])

    counted = line.quantities
    assert (counted.continuity_ms, counted.officer_ms) == (continuity_ms, officer_ms)
    assert counted.gap_ms == HOUR_MS
    assert line.billed_ms == counted.observed_ms == 743 * HOUR_MS


@pytest.mark.parametrize(
    "broken",
    [
        gap(same_driver=False),
        gap(same_driver=None),
        gap(same_holders=False),
        gap(same_holders=None),
        gap(reason=GapReason.DEVICE_LOST),
        gap(reason=GapReason.SUSPENDED),
        gap(reason=GapReason.RELEASED),
    ],
)
def test_what_is_not_continuous_does_not_count(broken: ReportedGap) -> None:
    """Another driver, other holders, either unknown, no device or machine to go on, or a device
    that was left alone to be reset."""
    (line,) = lines("continuity", [broken])

    assert line.quantities.continuity_ms == 0


def test_a_gap_beyond_the_line_is_not_its_own() -> None:
    """What reaches into the month before is not wholly this month's, nor its holders the same."""
    (line,) = lines("continuity", [gap(start=START - 10, end=START + 120)])

    assert line.quantities.continuity_ms == 0
    assert line.gaps[0].same_holders is None
    assert line.gaps[0].energy_mj is None


def test_a_price_change_inside_a_gap_keeps_its_continuity() -> None:
    """Two lines of one contract: the gap lies within their run, and counts in both, in parts."""
    change = START + 80
    prices = [price("12.50", end=change), price("11.80", change)]

    first, second = lines("continuity", [gap()], prices=prices)

    assert first.quantities.continuity_ms == 20 * MINUTE_MS
    assert second.quantities.continuity_ms == 40 * MINUTE_MS


def test_each_gap_carries_its_evidence() -> None:
    """Reason, driver, holders, energy and fate stand in the line, like ones summed up."""
    parts = [gap(end=START + 70), gap(start=START + 70, end=START + 90, energy_mj=500)]

    (line,) = lines("continuity", [*parts, gap(start=START + 90, same_holders=False)])

    told = {(one.counted_as, one.same_holders): one for one in line.gaps}
    sure, other = told[GapCounted.CONTINUITY, True], told[None, False]
    assert (sure.count, sure.span_ms, sure.energy_mj) == (2, 30 * MINUTE_MS, 1_500)
    assert (other.count, other.span_ms) == (1, 30 * MINUTE_MS)


def test_an_explained_silence_is_told() -> None:
    """Nobody reported the gap: what is said of it still stands in the line, with who said it."""
    (line,) = lines("officer", explained=[explanation()])

    (told,) = line.gaps
    assert (told.reason, told.span_ms, told.explanations) == ("silent", HOUR_MS, ("e-1",))
    assert told.counted_as is GapCounted.OFFICER
    assert line.quantities.officer_ms == HOUR_MS


def test_gaps_without_evidence_leave_a_line_as_it_was() -> None:
    """Nothing known, nothing explained: no column, no list, the same bytes as ever."""
    (line,) = lines("officer", [gap(same_driver=None, same_holders=None, energy_mj=None)])

    assert (line.gaps, line.quantities.officer_ms) == ((), 0)
    assert "officer_ms" not in line.quantities.to_data()


def test_overlapping_explanations_count_once() -> None:
    """Two parties explain the same hour: it is one hour."""
    both = [explanation(), explanation(Interval(START + 30, START + 100), "e-2")]

    (line,) = lines("officer", explained=both)

    assert line.quantities.officer_ms == HOUR_MS


def decision(
    officer: str, verdict: GapVerdict = GapVerdict.ACCEPTED, *, of_two: bool = True
) -> GapDecision:
    """An officer's word."""
    return GapDecision(
        explanation_id="e-1",
        verdict=verdict,
        of_two=of_two,
        officer=officer,
        reason="seen",
        utc_ms=0,
    )


def test_two_officers_accept_where_it_changes_money() -> None:
    """One is half, two are all; one suffices where it changes nothing; one may refuse."""
    assert state_of([]) is ExplanationState.OPEN
    assert state_of([decision("a")]) is ExplanationState.HALF_ACCEPTED
    assert state_of([decision("a"), decision("b")]) is ExplanationState.ACCEPTED
    assert state_of([decision("a", of_two=False)]) is ExplanationState.ACCEPTED
    refused = [decision("a"), decision("b", GapVerdict.REFUSED)]
    assert state_of(refused) is ExplanationState.REFUSED


def test_one_officer_does_not_accept_twice() -> None:
    """Nor does anybody decide on what is settled."""
    with pytest.raises(Refused, match="another officer"):
        check_decision([decision("a")], decision("a"))
    with pytest.raises(Refused, match="is refused already"):
        check_decision([decision("a", GapVerdict.REFUSED)], decision("b"))


def test_an_explanation_needs_words_and_a_sound_hash() -> None:
    """An empty reason, a hash that is none, or time without end is not born."""
    for values in (
        {"reason": " "},
        {"evidence_sha256": "abc"},
        {"interval": Interval(0, None)},
        {"actor": ""},
    ):
        with pytest.raises(InvalidValue):
            replace(explanation(), **values)
