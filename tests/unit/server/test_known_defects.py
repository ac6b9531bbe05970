"""Defects that other metering and billing systems had: each is tried here once.

The title says what went wrong there; the test shows that it does not here.
"""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

from expense_cases import (
    END,
    H100,
    HOST_A,
    OCTOBER,
    START,
    assignment,
    at,
    device,
    hours_of,
    observe,
    price,
    terms,
)
from kashi_server.domain.booked_line import Booking, LineData, booked_between, negated
from kashi_server.domain.correction import Difference, StandingRevision, difference
from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.interval import Interval, Month, instant_of
from kashi_server.domain.rating import Facts, RatedLine, rate
from kashi_server.domain.rent import LineRent
from kashi_server.domain.settlement import BookedCorrection, settle
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Basis, PriceUnit
from kashi_server.domain.usage import Quantities

Minutes = Mapping[tuple[str, str, int], Quantities]
CARD = device()


def _lines(
    minutes: Minutes, agreed: Terms, period: Interval | None = None, *devices: DeviceRecord
) -> tuple[RatedLine, ...]:
    facts = Facts(devices=devices or (CARD,), hours=hours_of(minutes))
    return rate(facts, agreed, period or OCTOBER.interval()).lines


def test_a_month_east_of_greenwich_was_billed_twice_at_its_edge() -> None:
    """The eight hours between midnight in Shenzhen and in Greenwich belong to one month."""
    minutes = observe(END - 600, END + 600)
    november = Month(2026, 11).interval()

    parts = [
        *_lines(minutes, terms([assignment()])),
        *_lines(minutes, terms([assignment()]), november),
    ]

    assert [line.billed_ms for line in parts] == [600 * 60_000, 600 * 60_000]
    assert parts[0].end == parts[1].start == at("11-01 00:00")


def test_a_full_hour_had_3599_seconds() -> None:
    """An hour observed whole is 3 600 000 ms, as is each of its minutes 60 000."""
    (line,) = _lines(observe(START, START + 60), terms([assignment()], [price("0.01")]))

    assert line.billed_ms == 3_600_000
    assert line.amount_fen == 1


def test_usage_kept_growing_after_the_device_was_gone() -> None:
    """Nothing is billed after the last observation, however long the lease."""
    (line,) = _lines(observe(START, START + 90), terms([assignment()]))

    assert line.billed_ms == 90 * 60_000


def test_a_change_of_shape_inside_an_hour_billed_the_whole_hour_by_one() -> None:
    """A card cut at 10:25 into a 3/7 and a 4/7 bills each piece for its own minutes."""
    cut = at("10-05 10:25")
    whole = device("GPU-1", (HOST_A, START, None))
    parts = [device(f"MIG-{n}", (HOST_A, cut, None), parent="GPU-1", share=(n, 7)) for n in (3, 4)]
    minutes = observe(cut - 25, cut)
    for part in parts:
        minutes |= observe(cut, cut + 35, hardware_id=part.hardware_id)
    agreed = terms(
        [
            assignment(end=cut),
            *(
                assignment(cut, assignment_id=part.hardware_id, hardware_id=part.hardware_id)
                for part in parts
            ),
        ]
    )

    lines = _lines(minutes, agreed, None, whole, *parts)

    assert sum(line.share * line.billed_ms for line in lines) == 3_600_000
    assert {(line.share, line.billed_ms) for line in lines} == {
        (Fraction(1), 25 * 60_000),
        (Fraction(3, 7), 35 * 60_000),
        (Fraction(4, 7), 35 * 60_000),
    }


def test_fractions_were_charged_as_whole_cards() -> None:
    """Four quarters for an hour are one card-hour at one card's price."""
    quarters = [device(f"Q-{n}", parent="GPU-1", share=(1, 4)) for n in range(4)]
    minutes: dict[tuple[str, str, int], Quantities] = {}
    for part in quarters:
        minutes |= observe(START, START + 60, hardware_id=part.hardware_id)
    leases = [
        assignment(assignment_id=part.hardware_id, hardware_id=part.hardware_id)
        for part in quarters
    ]

    lines = _lines(minutes, terms(leases), None, device(), *quarters)

    assert sum(line.share * line.billed_ms for line in lines) == 3_600_000
    assert sum(line.amount_fen for line in lines) == 4 * 312  # 12.50 / 4 = 3.125, cut per line


def test_usage_was_billed_as_what_was_allocated() -> None:
    """A price on held or utilised time does not bill the time that was only leased."""
    idle = replace(next(iter(observe(0, 1).values())), held_ms=0, active_ms=0, utilised_ns=0)
    minutes = observe(START, START + 60, quantities=idle)

    for basis, billed_ms in ((Basis.LEASED_OBSERVED, 3_600_000), (Basis.HELD, 0)):
        (line,) = _lines(minutes, terms([assignment()], [price(basis=basis)]))
        assert line.billed_ms == billed_ms


def test_a_new_price_repriced_the_whole_period() -> None:
    """Minutes before the change keep the price at which they happened."""
    change = at("10-31 23:59")
    prices = [price("1.00", end=change), price("99.00", change)]

    before, after = _lines(observe(START, END), terms([assignment()], prices))

    assert before.amount_fen == (change - START) * 100 // 60
    assert after.amount_fen == 9900 // 60


def test_rounding_up_each_piece_overcharged_the_sum() -> None:
    """However often a line is cut, the parts never come to more than the whole."""
    cuts = [START, *(START + n * 7 for n in range(1, 50)), END]
    prices = [
        price("0.99", low, high, price_id=f"P-{low}") for low, high in itertools.pairwise(cuts)
    ]

    (whole,) = _lines(observe(START, END), terms([assignment()], [price("0.99")]))
    parts = _lines(observe(START, END), terms([assignment()], prices))

    assert len(parts) == 50
    assert sum(line.billed_ms for line in parts) == whole.billed_ms
    assert 0 <= whole.amount_fen - sum(line.amount_fen for line in parts) < 50


def test_idle_time_came_out_negative() -> None:
    """A minute in which more was observed than it holds is held, not subtracted elsewhere."""
    double = replace(next(iter(observe(0, 1).values())), observed_ms=60_001)
    minutes = observe(START, START + 60) | observe(START + 5, START + 6, quantities=double)

    lines = _lines(minutes, terms([assignment()]))

    assert all(line.quantities.gap_ms >= 0 for line in lines)
    assert sum(line.billed_ms for line in lines) == 59 * 60_000


def test_one_devices_hours_under_two_models_were_merged() -> None:
    """One card, whole for an hour and cut in two profiles for the next: three lines, three prices,
    whose time on the card is two hours and not more."""
    cut = {"3g.40gb": (3, 7), "4g.40gb": (4, 7)}
    parts = [
        device(f"MIG-{name}", model=f"{H100} MIG {name}", parent="GPU-1", share=share)
        for name, share in cut.items()
    ]
    minutes = observe(START, START + 60)
    for part in parts:
        minutes |= observe(START + 60, START + 120, hardware_id=part.hardware_id)
    leases = [assignment(START, START + 60)]
    leases += [
        assignment(START + 60, assignment_id=part.hardware_id, hardware_id=part.hardware_id)
        for part in parts
    ]
    prices = [price()] + [
        replace(price(yuan, price_id=name), unit=PriceUnit.PARTITION_HOUR, profile=name)
        for name, yuan in zip(cut, ("6.00", "7.50"), strict=True)
    ]

    lines = _lines(minutes, terms(leases, prices), None, CARD, *parts)

    by_device = {one.hardware_id: one.amount_fen for one in lines if one.billed_ms}
    assert by_device == {"GPU-1": 1250, "MIG-3g.40gb": 600, "MIG-4g.40gb": 750}
    assert sum(one.share * one.billed_ms for one in lines) == 2 * 3_600_000


def test_a_price_that_had_ended_was_left_out() -> None:
    """A price that ended in the month still prices its own minutes; after it there is none."""
    end = START + 600
    minutes = observe(START, START + 1200)

    before, after = _lines(minutes, terms([assignment()], [price("1.00", end=end)]))

    assert (before.billed_ms, before.amount_fen) == (600 * 60_000, 1000)
    assert (after.amount_fen, [one.value for one in after.reasons]) == (0, ["no_price"])


def test_a_share_was_guessed_from_the_model_and_its_memory() -> None:
    """A partition is the share its card was cut into, whatever its name and memory suggest."""
    part = device("MIG-1", model=f"{H100} MIG 3g.40gb", parent="GPU-1", share=(2, 7))
    minutes = observe(START, START + 60, hardware_id="MIG-1")
    agreed = terms([assignment(hardware_id="MIG-1")], [price("7.00")])

    (line,) = (one for one in _lines(minutes, agreed, None, device(), part) if one.billed_ms)
    (other,) = (
        one
        for one in _lines(minutes, agreed, None, device(), replace(part, memory_bytes=1))
        if one.billed_ms
    )

    assert (line.share, line.amount_fen) == (Fraction(2, 7), 200)
    assert other == line


def test_no_device_at_work_still_cost() -> None:
    """A lease of a device that nobody observed bills nothing."""
    (line,) = _lines({}, terms([assignment()]))

    assert (line.billed_ms, line.amount_fen) == (0, 0)
    assert line.quantities.gap_ms == line.quantities.leased_ms


def test_a_range_across_months_was_counted_in_both() -> None:
    """Two months rated apart, and as one period: the same time and the same money."""
    november = Month(2026, 11).interval()
    both = Interval(START, november.bounded()[1])
    minutes = observe(END - 90, END + 150)
    agreed = terms([assignment()])

    apart = [*_lines(minutes, agreed), *_lines(minutes, agreed, november)]
    whole = _lines(minutes, agreed, both)

    assert sum(line.billed_ms for line in apart) == 240 * 60_000
    assert sum(line.billed_ms for line in whole) == 240 * 60_000


def test_a_short_month_cost_less_or_more_than_its_rent() -> None:
    """28 days and 31 days of a monthly rent are the same rent."""
    yuan = Fraction(65_000)
    rents = {
        month.month: LineRent(yuan=yuan, month=month) for month in (Month(2027, 2), Month(2027, 3))
    }

    assert {number: one.days for number, one in rents.items()} == {2: 28, 3: 31}
    for rent in rents.values():
        assert rent.card_hour_yuan(Fraction(1)) * rent.days * 24 == yuan


# Late data, corrections, re-rating

STATEMENT = "KS-2026-10-HT-1"


def _stated(minutes: Minutes, agreed: Terms) -> list[LineData]:
    """Lines as a statement holds them, as far as corrections read them."""
    return [
        {
            "line": place,
            "hardware_id": line.hardware_id,
            "start": f"{instant_of(line.start).isoformat()}",
            "end": f"{instant_of(line.end).isoformat()}",
            "price_id": line.standing.price.price_id if line.standing.price else None,
            "quantities": line.quantities.to_data(),
            "billed_ms": line.billed_ms,
            "amount_fen": line.amount_fen,
            "eligible": line.eligible,
        }
        for place, line in enumerate(_lines(minutes, agreed), 1)
    ]


def _corrected(before: list[LineData], after: list[LineData]) -> Difference | None:
    standing = StandingRevision(number=STATEMENT, revision=1, sha256="00" * 32, lines=before)
    return difference(OCTOBER, {STATEMENT: standing}, {STATEMENT: after})


HALF = observe(START, START + 90)
WHOLE = observe(START, START + 120)
AGREED = terms([assignment()])


def test_a_negative_correction_was_cut_to_zero_and_disappeared() -> None:
    """Less than before is booked as less, and what a month cannot bear is carried on."""
    parted = _corrected(_stated(WHOLE, AGREED), _stated(HALF, AGREED))
    assert parted is not None

    booked = BookedCorrection(month=OCTOBER, run_id=parted.run_id, amount_fen=parted.amount_fen)
    settlement = settle(100, [booked], 0)

    assert parted.amount_fen == -625
    assert settlement is not None
    assert (settlement.payable_fen, settlement.carried_out_fen) == (0, -525)


def test_recomputing_left_orphans_and_duplicates() -> None:
    """Three times the same facts: the lines have the same ids, and nothing is booked."""
    before = _stated(HALF, AGREED)

    for _turn in range(3):
        assert _corrected(before, _stated(HALF, AGREED)) is None
        assert booked_between({STATEMENT: before}, {STATEMENT: _stated(HALF, AGREED)}) == ()


def test_every_change_on_the_way_emitted_deductions_of_its_own() -> None:
    """1, 2, 3, each corrected after the other: every run takes back what stands then, once, and all
    that was booked comes to the last state; what was no run's state is never booked. And back to 1:
    nothing is left of the way."""
    states = [_stated(observe(START, START + 60), AGREED), _stated(HALF, AGREED)]
    states += [_stated(WHOLE, AGREED), states[0]]
    runs = [_corrected(before, after) for before, after in itertools.pairwise(states)]
    direct = _corrected(states[0], states[2])
    booked = [line for run in runs if run is not None for line in run.booked[STATEMENT]]
    assert direct is not None

    assert [line.kind for line in booked] == [Booking.REVERSAL, Booking.NEW] * 3
    # Each reversal is of the line that the run before made: none is taken back twice.
    assert [line.line_id for line in booked[2::2]] == [line.line_id for line in booked[1:-1:2]]
    assert booked[-1].line_id == booked[0].line_id
    assert 1250 + sum(line.amount_fen for line in booked[:4]) == 2500
    assert sum(line.amount_fen for line in booked) == 0
    assert [line.kind for line in direct.booked[STATEMENT]] == [Booking.REVERSAL, Booking.NEW]
    assert direct.amount_fen == sum(line.amount_fen for line in booked[:4])


def test_a_second_tally_added_the_amendment_again() -> None:
    """After the correction the same facts are no difference: there is nothing to post twice."""
    after = _stated(WHOLE, AGREED)
    first = _corrected(_stated(HALF, AGREED), after)
    again = _corrected(_stated(HALF, AGREED), after)

    assert first is not None
    assert again is not None
    assert first.run_id == again.run_id
    assert _corrected(after, after) is None


def test_late_usage_moved_into_the_current_month() -> None:
    """What came late is charged for the time it happened in, whatever month it is booked in."""
    parted = _corrected(_stated(HALF, AGREED), _stated(WHOLE, AGREED))
    assert parted is not None

    assert {Month.of(line.start) for line in parted.booked[STATEMENT]} == {OCTOBER}


def test_a_correction_was_recomputed_from_ideals_instead_of_what_was_booked() -> None:
    """The reversal is the line as it was booked, even if nobody would compute it so today."""
    (booked,) = _stated(HALF, AGREED)
    odd = {**booked, "amount_fen": booked["amount_fen"] + 7}
    parted = _corrected([odd], _stated(WHOLE, AGREED))
    assert parted is not None

    (reversal, _new) = parted.booked[STATEMENT]
    assert reversal.amount_fen == -(booked["amount_fen"] + 7)
    assert negated(reversal.content) == {name: odd[name] for name in odd if name != "line"}


def test_a_partial_summary_overwrote_the_month_it_belonged_to() -> None:
    """A device whose reports did not change keeps its line when another's come late."""
    both = terms([assignment(), assignment(assignment_id="A-2", hardware_id="GPU-2")])
    other = replace(CARD, hardware_id="GPU-2")
    late = observe(START, START + 60, hardware_id="GPU-2")

    def lines(minutes: Minutes) -> dict[str, RatedLine]:
        return {one.hardware_id: one for one in _lines(minutes, both, None, CARD, other)}

    assert lines(HALF)["GPU-1"] == lines(HALF | late)["GPU-1"]
    assert lines(HALF)["GPU-2"].billed_ms == 0
    assert lines(HALF | late)["GPU-2"].billed_ms == 3_600_000


def test_back_dated_quantity_was_priced_at_the_current_rate() -> None:
    """Minutes that come to light after a price rose are priced as when they happened."""
    change = START + 600
    prices = [price("1.00", end=change), price("99.00", change)]
    agreed = terms([assignment()], prices)

    parted = _corrected(_stated(HALF, agreed), _stated(WHOLE, agreed))

    assert parted is not None
    assert parted.amount_fen == 50
