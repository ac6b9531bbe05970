"""Corrections under any facts: all that is booked is what the final facts come to."""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from expense_cases import (
    END,
    H100,
    HOST_A,
    OCTOBER,
    OTHER_TENANT,
    PARTIES,
    PROVIDER,
    RULES,
    START,
    TENANT,
    assignment,
    contract,
    device,
    hours_of,
    observed,
    price,
    tenure,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kashi_server.domain.assembling import MonthEnd, assemble
from kashi_server.domain.booked_line import BookedLine, Booking, booked_between, line_id, negated
from kashi_server.domain.correction import StandingRevision, difference
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.rating import Facts, rate
from kashi_server.domain.settlement import BookedCorrection, settle
from kashi_server.domain.standing import Terms
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.usage import DeviceHour
from naive_rating import Span, World, rate_naively

relaxed = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
WIDTH = 600
"""Minutes that are rated: at either edge of the month."""
USERS = {"HT-1": TENANT, "HT-2": OTHER_TENANT}
CUT_OFF = CutOff(event_end=END, checkpoint_size=1, checkpoint_root=bytes(32))
Lines = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that may change after a close: what was seen, leased and priced of one card."""

    base: int
    seen: tuple[tuple[Span, int], ...]
    lease: tuple[str, Span, bool]
    change: int
    yuan: tuple[Fraction, Fraction]

    def minutes(self) -> dict[int, int]:
        """Observed milliseconds by minute."""
        found: dict[int, int] = {}
        for (low, high), observed_ms in self.seen:
            for minute in range(low, high):
                found[minute] = max(observed_ms, found.get(minute, 0))
        return found


@st.composite
def spans(draw: st.DrawFn, base: int) -> Span:
    """Some minutes of those that are rated; often whole hours, often one minute off them."""
    edge = st.one_of(st.integers(0, WIDTH), st.sampled_from((0, 60, 61, 59, WIDTH - 1, WIDTH)))
    low, high = sorted((draw(edge), draw(edge)))
    return base + low, base + max(high, low + 1)


@st.composite
def states(draw: st.DrawFn) -> list[State]:
    """A close and the states in which its facts were found afterwards."""
    base = draw(st.sampled_from((START, END - WIDTH)))
    return [draw(_state(base)) for _number in range(draw(st.integers(2, 4)))]


@st.composite
def _state(draw: st.DrawFn, base: int) -> State:
    yuan = st.sampled_from([Fraction(text) for text in ("0", "0.01", "9.99", "12.5", "0.333333")])
    return State(
        base=base,
        seen=tuple(
            (draw(spans(base)), draw(st.sampled_from((60_000, 59_999, 1))))
            for _place in range(draw(st.integers(0, 3)))
        ),
        lease=(draw(st.sampled_from(sorted(USERS))), draw(spans(base)), draw(st.booleans())),
        change=base + draw(st.integers(1, WIDTH - 1)),
        yuan=(draw(yuan), draw(yuan)),
    )


def _hours(state: State) -> list[DeviceHour]:
    return hours_of(
        {("GPU-1", HOST_A, minute): observed(ms) for minute, ms in state.minutes().items()}
    )


def _terms(state: State) -> Terms:
    contract_id, span, confirmed = state.lease
    prices = [
        replace(price("0", *where, contract_id=user, price_id=f"{user}-{place}"), yuan=yuan)
        for user in USERS
        for place, (where, yuan) in enumerate(
            zip(((START - 1440, state.change), (state.change, None)), state.yuan, strict=True)
        )
    ]
    return Terms(
        contracts={one: contract(one, user) for one, user in USERS.items()},
        assignments=[assignment(*span, contract_id=contract_id, confirmed=confirmed)],
        prices=[replace(one, model=H100) for one in prices],
        tenures=[tenure()],
        operators={HOST_A: PROVIDER},
        rules=RULES,
    )


def _statements(state: State, hours: Iterable[DeviceHour] | None = None) -> list[Statement]:
    card, terms = device("GPU-1", (HOST_A, START - 1440, None)), _terms(state)
    facts = Facts(devices=[card], hours=_hours(state) if hours is None else hours)
    period = Interval(state.base, state.base + WIDTH)
    return list(
        assemble(
            MonthEnd(
                month=OCTOBER,
                cut_off=CUT_OFF,
                demo=False,
                rating=rate(facts, terms, period),
                terms=terms,
                devices=[card],
                gaps=[],
                parties={party.party_id: party for party in PARTIES},
                kept_contracts=USERS,
                kept_parties=[PROVIDER],
            )
        )
    )


def _lines(statements: Iterable[Statement]) -> dict[str, list[Mapping[str, Any]]]:
    return {one.number: [line.to_data() for line in one.lines] for one in statements}


def _standing(revision: int, lines: Lines) -> dict[str, StandingRevision]:
    return {
        number: StandingRevision(
            number=number, revision=revision, sha256=f"{revision:064x}", lines=of_statement
        )
        for number, of_statement in lines.items()
    }


def _sums(lines: Iterable[Mapping[str, Any]]) -> Counter[str]:
    sums: Counter[str] = Counter()
    for line in lines:
        sums.update(line["quantities"])
        sums["billed_ms"] += line["billed_ms"]
        sums["amount_fen"] += line["amount_fen"]
    return Counter({name: value for name, value in sums.items() if value})


def _naive(state: State) -> World:
    contract_id, span, confirmed = state.lease
    return World(
        period=(state.base, state.base + WIDTH),
        stays=((HOST_A, (START - 1440, END + 1440)),),
        seen={(HOST_A, minute): ms for minute, ms in state.minutes().items()},
        leases=((contract_id, span, confirmed),),
        prices=tuple(
            (user, where, f"{user}-{place}", yuan)
            for user in USERS
            for place, (where, yuan) in enumerate(
                zip(
                    ((START - 1440, state.change), (state.change, END + 1440)),
                    state.yuan,
                    strict=True,
                )
            )
        ),
        owners=((HOST_A, (START - 1440, END + 1440), PROVIDER, False),),
        providers=dict.fromkeys(USERS, PROVIDER),
        share=Fraction(1),
    )


@given(states())
@relaxed
def test_all_revisions_together_are_a_fresh_rating_of_the_final_facts(changes: list[State]) -> None:
    """The original lines, every reversal and every new line add up, statement by statement and
    column by column, to what a second rating makes of the last state alone."""
    books = _lines(_statements(changes[0]))
    standing: Lines = books
    for place, state in enumerate(changes[1:], 1):
        fresh = _lines(_statements(state))
        parted = difference(OCTOBER, _standing(place, standing), fresh)
        if parted is None:
            assert standing == fresh
            continue
        for number, booked in parted.booked.items():
            books[number] = [*books[number], *(line.content for line in booked)]
        standing = fresh

    expected: dict[str, Counter[str]] = {number: Counter() for number in books}
    for line in rate_naively(_naive(changes[-1])):
        expected[f"KS-2026-10-{line.statement}"].update(
            leased_ms=line.leased_ms,
            observed_ms=line.observed_ms,
            gap_ms=line.gap_ms,
            billed_ms=line.billed_ms,
            amount_fen=line.fen,
        )
    for number, lines in books.items():
        sums = _sums(lines)
        assert sums == _sums(standing[number])
        assert {name: sums[name] for name in expected[number]} == dict(expected[number])


@given(states())
@relaxed
def test_a_reversal_and_its_line_are_nothing(changes: list[State]) -> None:
    """In every column; negating twice is the line again; ids tell lines and reversals together."""
    before, after = (_lines(_statements(state)) for state in changes[:2])
    old = {line_id(n, line): line for n, lines in before.items() for line in lines}

    for line in booked_between(before, after):
        if line.kind is Booking.REVERSAL:
            original = old[line.line_id]
            assert _sums([original, line.content]) == Counter()
            assert negated(line.content) == negated(negated(original))
        else:
            assert line.line_id not in old
            assert set(line.corrects) <= old.keys()


@given(states(), st.integers(0, 2**32))
@relaxed
def test_order_repetition_and_batches_do_not_matter(changes: list[State], seed: int) -> None:
    """Shuffled, doubled device-hours, lines in any order: the same statements to the byte, and the
    same correction under the same id."""
    chance = random.Random(seed)
    before, state = changes[0], changes[1]
    hours = _hours(state) * 2
    chance.shuffle(hours)
    plain, turned = _statements(state), _statements(state, hours)
    standing = _lines(_statements(before))
    mixed = {n: chance.sample(lines, len(lines)) for n, lines in reversed(standing.items())}

    assert [one.to_bytes() for one in turned] == [one.to_bytes() for one in plain]
    first = difference(OCTOBER, _standing(1, standing), _lines(plain))
    second = difference(OCTOBER, _standing(1, mixed), _lines(reversed(turned)))
    assert (first and first.run_id) == (second and second.run_id)
    assert first == second


@given(states())
@relaxed
def test_corrections_converge(changes: list[State]) -> None:
    """There and back again is no difference; from any state the last one is reached in one step."""
    first, last = (_lines(_statements(state)) for state in (changes[0], changes[-1]))

    there, back = booked_between(first, last), booked_between(last, first)

    assert booked_between(last, last) == ()
    assert _total(there) == Counter({name: -value for name, value in _total(back).items()})
    assert difference(OCTOBER, _standing(2, last), last) is None


def _total(lines: Iterable[BookedLine]) -> Counter[str]:
    return _sums(line.content for line in lines)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12), st.lists(st.integers(-(10**12), 10**12), max_size=3)),
        min_size=1,
        max_size=12,
    )
)
def test_no_fen_is_lost_between_settlements(months: list[tuple[int, list[int]]]) -> None:
    """Whatever is booked: nothing negative is payable, nothing owed back is cut, and what was
    payable in all with what is still carried is what was charged and corrected in all."""
    payable_fen, carried_fen = 0, 0
    for charges_fen, corrections in months:
        booked = [
            BookedCorrection(month=Month(2026, 10), run_id=f"{place:064x}", amount_fen=fen)
            for place, fen in enumerate(corrections)
        ]
        settlement = settle(charges_fen, booked, carried_fen)
        if settlement is None:
            assert (booked, carried_fen) == ([], 0)
            payable_fen += charges_fen
            continue
        assert settlement.payable_fen >= 0 >= settlement.carried_out_fen
        payable_fen += settlement.payable_fen
        carried_fen = settlement.carried_out_fen

    due_fen = sum(charges_fen + sum(corrections) for charges_fen, corrections in months)
    assert payable_fen + carried_fen == due_fen
