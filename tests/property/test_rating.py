"""Rating under any facts: agrees with a naive one, and keeps its promises."""

import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import expense_cases
from expense_cases import (
    H100,
    HOST_A,
    HOST_B,
    OTHER_TENANT,
    PROVIDER,
    RULES,
    TENANT,
    device,
    hours_of,
    observed,
    price,
    tenure,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kashi_server.domain.interval import Interval, Month, days_of
from kashi_server.domain.rating import Facts, RatedLine, Rating, rate
from kashi_server.domain.standing import Terms
from kashi_server.domain.tenure import TenureKind
from naive_rating import NaiveLine, Span, World, rate_naively
from statement_samples import credit_code

T = TypeVar("T")

# Two and a half hours around midnight of Asia/Shanghai: hour edges and a day's edge lie inside.
BASE = Month(2026, 10).interval().start + 1440 - 75
WIDTH = 150
PERIOD = (BASE, BASE + WIDTH)
HOSTS = (HOST_A, HOST_B)
USERS = {"HT-1": TENANT, "HT-2": OTHER_TENANT}
STRANGER = credit_code(77)
OPERATOR = credit_code(88)

relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def spans(draw: st.DrawFn, most: int, *, margin: int = 20) -> list[Span]:
    """Disjoint spans in order that may reach beyond the period."""
    low, high = BASE - margin, BASE + WIDTH + margin
    cuts = sorted(draw(st.sets(st.integers(low, high), max_size=2 * most)))
    return list(zip(cuts[::2], cuts[1::2], strict=False))


def _mostly_whole(most: int) -> st.SearchStrategy[list[Span]]:
    """One span over everything, or several: long lines must be as usual as short ones."""
    whole = st.just([(BASE - 99, BASE + WIDTH + 99)])
    return st.one_of(whole, whole, spans(most))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A device that moves at most twice, with everything that can happen to its minutes."""
    moves = sorted(draw(st.sets(st.integers(BASE - 20, BASE + WIDTH - 1), min_size=1, max_size=3)))
    ends = [*moves[1:], BASE + WIDTH + 1000]
    first = draw(st.sampled_from((0, 1)))
    stays = tuple(
        (HOSTS[(first + place) % 2], span)
        for place, span in enumerate(zip(moves, ends, strict=True))
    )
    leases = tuple(
        (draw(st.sampled_from(tuple(USERS))), span, draw(st.sampled_from((True, True, False))))
        for span in draw(_mostly_whole(3))
    )
    prices = tuple(
        (contract_id, span, f"{contract_id}-{span[0]}", _yuan(draw))
        for contract_id in USERS
        for span in draw(_mostly_whole(3))
    )
    owners = tuple(
        (
            host,
            span,
            draw(st.sampled_from((PROVIDER, PROVIDER, PROVIDER, STRANGER))),
            draw(st.sampled_from((False, False, False, True))),
        )
        for host in HOSTS
        for span in draw(_mostly_whole(2))
    )
    return World(
        period=PERIOD,
        stays=stays,
        seen=_seen(draw, stays),
        leases=leases,
        prices=prices,
        owners=owners,
        providers=dict.fromkeys(USERS, PROVIDER),
        share=draw(st.sampled_from((Fraction(1), Fraction(3, 7), Fraction(1, 7)))),
    )


def _seen(draw: st.DrawFn, stays: Sequence[tuple[str, Span]]) -> dict[tuple[str, int], int]:
    seen: dict[tuple[str, int], int] = {}
    for low, high in [*draw(_mostly_whole(1)), *draw(spans(3))]:
        share = draw(st.sampled_from((60_000, 59_999, 30_000, 1)))
        host = draw(st.sampled_from((None, None, *HOSTS)))
        for minute in range(max(low, BASE), min(high, BASE + WIDTH)):
            here = next((h for h, span in stays if span[0] <= minute < span[1]), None)
            if here is not None:
                key = (host or here, minute)
                seen[key] = min(60_000, seen.get(key, 0) + share)
    return seen


def _yuan(draw: st.DrawFn) -> Fraction:
    return Fraction(draw(st.integers(0, 100_000)), draw(st.sampled_from((1, 100, 10_000, 10**6))))


def _facts(world: World) -> Facts:
    card = device("GPU-1", *((host, *span) for host, span in world.stays))
    card = replace(
        card, share_numerator=world.share.numerator, share_denominator=world.share.denominator
    )
    minutes = {("GPU-1", host, minute): observed(ms) for (host, minute), ms in world.seen.items()}
    return Facts(devices=(card,), hours=hours_of(minutes))


def _terms(world: World) -> Terms:
    return Terms(
        contracts={
            contract_id: expense_cases.contract(contract_id, user_id)
            for contract_id, user_id in USERS.items()
        },
        assignments=tuple(
            expense_cases.assignment(
                *span, assignment_id=f"A-{place}", contract_id=contract_id, confirmed=confirmed
            )
            for place, (contract_id, span, confirmed) in enumerate(world.leases)
        ),
        prices=tuple(
            replace(
                price("0", *span, contract_id=contract_id, price_id=price_id, model=H100), yuan=yuan
            )
            for contract_id, span, price_id, yuan in world.prices
        ),
        tenures=tuple(
            tenure(
                host,
                owner,
                TenureKind.SELF_OWNED if self_owned else TenureKind.LEASED_OUT,
                *span,
            )
            for host, span, owner, self_owned in world.owners
        ),
        operators=dict.fromkeys(HOSTS, OPERATOR),
        rules=RULES,
    )


def _rate(world: World) -> Rating:
    return rate(_facts(world), _terms(world), Interval(*PERIOD))


def _as_naive(line: RatedLine) -> NaiveLine:
    standing = line.standing
    statement = standing.contract_id or standing.party_id or ""
    return NaiveLine(
        start=line.start,
        end=line.end,
        host=standing.host_id,
        statement="operator" if statement == OPERATOR else statement,
        price_id=standing.price.price_id if standing.price else None,
        leased_ms=line.quantities.leased_ms,
        observed_ms=line.quantities.observed_ms,
        gap_ms=line.quantities.gap_ms,
        billed_ms=line.billed_ms,
        fen=line.amount_fen,
        reasons=frozenset(str(reason) for reason in line.reasons),
    )


@given(worlds())
@settings(relaxed, max_examples=250)
def test_rating_agrees_with_the_naive_one(world: World) -> None:
    """Every line, every millisecond and every fen, in any world."""
    assert [_as_naive(line) for line in _rate(world).lines] == rate_naively(world)


@given(worlds(), st.integers(0, 2**32))
@relaxed
def test_order_and_repetition_of_facts_do_not_matter(world: World, seed: int) -> None:
    """Shuffled, doubled and re-batched device-hours and terms give the same rating."""
    facts, agreed, chance = _facts(world), _terms(world), random.Random(seed)
    hours = list(facts.hours) * 2
    chance.shuffle(hours)
    shuffled = replace(
        agreed,
        assignments=_shuffled(agreed.assignments, chance),
        prices=_shuffled(agreed.prices, chance),
        tenures=_shuffled(agreed.tenures, chance),
    )

    again = rate(replace(facts, hours=iter(hours)), shuffled, Interval(*PERIOD))

    assert again == rate(facts, agreed, Interval(*PERIOD))


def _shuffled(values: Sequence[T], chance: random.Random) -> tuple[T, ...]:
    return tuple(chance.sample(values, len(values)))


@given(worlds())
@relaxed
def test_every_minute_of_service_is_in_exactly_one_line(world: World) -> None:
    """Observed and gap add up to the service time; tenants together never exceed what was seen."""
    lines = _rate(world).lines

    serviced = [
        minute
        for _host, span in world.stays
        for minute in range(max(span[0], BASE), min(span[1], BASE + WIDTH))
    ]
    covered = [minute for line in lines for minute in range(line.start, line.end)]
    assert sorted(covered) == serviced
    for line in lines:
        assert line.quantities.elapsed_ms == (line.end - line.start) * 60_000
        assert line.billed_ms <= min(line.quantities.observed_ms, line.quantities.leased_ms)
    assert sum(line.billed_ms for line in lines) <= sum(world.seen.values())


@given(worlds())
@relaxed
def test_a_line_is_rounded_once_and_its_days_sum_to_it(world: World) -> None:
    """An amount is the exact one cut to a fen, whatever number of days it runs over."""
    for line in _rate(world).lines:
        yuan = line.standing.price.yuan if line.standing.price else Fraction(0)
        exact_fen = yuan * line.share * line.billed_ms / 36_000
        assert line.amount_fen == exact_fen.numerator // exact_fen.denominator
        assert sum(day.amount_fen for day in line.days) == line.amount_fen
        assert [day.start for day in line.days] == [
            day.start for day in days_of(Interval(line.start, line.end))
        ]


@given(worlds(), st.integers(BASE + 1, BASE + WIDTH - 1))
@relaxed
def test_a_price_change_at_any_minute_conserves_what_is_billed(world: World, at: int) -> None:
    """Splitting every price at a minute, to the same yuan, moves no millisecond."""
    split = tuple(
        (contract_id, part, f"{price_id}-{part[0]}", yuan)
        for contract_id, span, price_id, yuan in world.prices
        for part in (((span[0], at), (at, span[1])) if span[0] < at < span[1] else (span,))
    )

    whole, parts = _rate(world).lines, _rate(replace(world, prices=split)).lines

    assert sum(line.billed_ms for line in whole) == sum(line.billed_ms for line in parts)
    lost_fen = sum(line.amount_fen for line in whole) - sum(line.amount_fen for line in parts)
    assert 0 <= lost_fen <= len(parts) - len(whole)


@given(worlds(), st.integers(BASE + 1, BASE + WIDTH - 1))
@relaxed
def test_periods_that_meet_share_no_minute(world: World, at: int) -> None:
    """Two periods rated apart bill what one rated whole bills: a month's edge loses nothing."""
    facts, agreed = _facts(world), _terms(world)
    facts = replace(facts, hours=list(facts.hours))

    whole = rate(facts, agreed, Interval(*PERIOD))
    before = rate(facts, agreed, Interval(BASE, at))
    after = rate(facts, agreed, Interval(at, BASE + WIDTH))

    assert sum(line.billed_ms for line in whole.lines) == sum(
        line.billed_ms for line in (*before.lines, *after.lines)
    )
    assert sum(line.quantities.observed_ms for line in whole.lines) == sum(
        line.quantities.observed_ms for line in (*before.lines, *after.lines)
    )
