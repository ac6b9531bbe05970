"""Flat rents and prices by the partition: day-exact, cut once a line, never above the rent."""

from dataclasses import replace
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    FULL,
    H100,
    HOST_A,
    HOST_B,
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
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.rating import Facts, RatedLine, card_hour_yuan, line_price, rate
from kashi_server.domain.reason import Reason
from kashi_server.domain.rent import LineRent
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Basis, Price, PriceUnit, check_price, check_revision
from kashi_server.domain.usage import Quantities
from kashi_server.errors import InvalidValue, Refused

DAY = 1440
MONTH_FEN = 6_500_000
"""65 000 yuan."""


def rent(
    yuan: str = "65000",
    start: int = START - 44_640,
    end: int | None = None,
    *,
    unit: PriceUnit = PriceUnit.DEVICE_MONTH,
    devices: int | None = None,
    price_id: str = "R-1",
) -> Price:
    """A rent of each device of a model, or of the whole contract."""
    return Price(
        price_id=price_id,
        contract_id="HT-1",
        model=H100 if unit is PriceUnit.DEVICE_MONTH else "",
        yuan=Fraction(yuan),
        basis=Basis.FLAT_RENT,
        interval=Interval(start, end),
        unit=unit,
        devices=devices,
    )


Seen = dict[tuple[str, str, int], Quantities]


def seen_on(hardware_id: str, host_id: str, start: int, end: int) -> Seen:
    """One observed minute in each day of [start, end), its first and its last: a rent asks for no
    more."""
    days = range(start, end, DAY)
    return {
        **{(hardware_id, host_id, minute): FULL for minute in days},
        (hardware_id, host_id, end - 1): FULL,
    }


def rated(
    made: Terms,
    *seen: Seen,
    devices: int = 1,
    period: Interval | None = None,
) -> tuple[RatedLine, ...]:
    """The lines of October, or of another period."""
    minutes: Seen = {}
    for one in seen:
        minutes |= one
    facts = Facts(
        devices=[device(f"GPU-{place}") for place in range(1, devices + 1)],
        hours=hours_of(minutes),
    )
    return rate(facts, made, period or OCTOBER.interval()).lines


def test_a_full_month_is_the_rent() -> None:
    """October has 31 days, and 31 rented days are the rent to the fen."""
    (line,) = rated(terms([assignment()], [rent()]), seen_on("GPU-1", HOST_A, START, END))

    assert line.amount_fen == MONTH_FEN
    assert line.billed_ms == (END - START) * 60_000
    assert line.reasons == ()
    assert line.eligible
    assert card_hour_yuan(line.standing, line.share, line.start) == Fraction(65_000, 744)


def test_rented_days_over_days_of_the_month() -> None:
    """From the 21st on: 11 of 31 days."""
    made = terms([assignment(at("10-21 00:00"))], [rent()])

    lines = rated(made, seen_on("GPU-1", HOST_A, START, END))

    assert sum(line.amount_fen for line in lines) == MONTH_FEN * 11 // 31


def test_half_a_day_is_half_a_day() -> None:
    """A lease from noon on counts as it was leased, not as a whole day."""
    made = terms([assignment(at("10-31 12:00"))], [rent()])

    lines = rated(made, seen_on("GPU-1", HOST_A, START, END))

    assert sum(line.amount_fen for line in lines) == MONTH_FEN // 62


def test_a_day_is_rented_if_it_was_observed_at_all() -> None:
    """A gap inside of a day takes nothing; a day without an observation is not billed."""
    tenth = at("10-10 00:00")
    everything = seen_on("GPU-1", HOST_A, START, END)
    seen = {key: one for key, one in everything.items() if not tenth <= key[2] < tenth + DAY}

    (line,) = rated(terms([assignment()], [rent()]), seen)

    assert line.amount_fen == MONTH_FEN * 30 // 31
    assert line.quantities.gap_ms > DAY * 60_000
    assert sum(day.amount_fen for day in line.days) == line.amount_fen


def test_pieces_of_a_month_come_to_the_rent_less_their_cuts() -> None:
    """Moved to another host twice: three lines, at most two fen short and never above."""
    moves = ((HOST_A, START - DAY, at("10-04 07:13")), (HOST_B, at("10-04 07:13"), None))
    seen = {
        **seen_on("GPU-1", HOST_A, START, at("10-04 07:13")),
        **seen_on("GPU-1", HOST_B, at("10-04 07:13"), END),
    }
    facts = Facts(devices=[device("GPU-1", *moves)], hours=hours_of(seen))

    lines = rate(facts, terms([assignment()], [rent("65000.01")]), OCTOBER.interval()).lines

    total_fen = sum(line.amount_fen for line in lines)
    assert len(lines) == 2
    assert MONTH_FEN + 1 - 1 <= total_fen <= MONTH_FEN + 1


def test_two_months_are_two_lines() -> None:
    """A rent is of a month: a longer period is cut where the month ends, and each is the rent."""
    period = Interval(START, Month(2026, 11).interval().bounded()[1])
    made = terms([assignment()], [rent()])

    lines = rated(made, seen_on("GPU-1", HOST_A, START, period.bounded()[1]), period=period)

    assert [line.amount_fen for line in lines] == [MONTH_FEN, MONTH_FEN]
    assert [line.start for line in lines] == [START, END]


def test_a_contracts_rent_is_divided_among_its_devices() -> None:
    """Eight cards at 65 000 a month together: each bills an eighth, and all of them the rent."""
    leases = [assignment(assignment_id=f"A-{n}", hardware_id=f"GPU-{n}") for n in range(1, 9)]
    made = terms(leases, [rent(unit=PriceUnit.CONTRACT_MONTH)])
    seen = [seen_on(f"GPU-{n}", HOST_A, START, END) for n in range(1, 9)]

    lines = rated(made, *seen, devices=8)

    assert [line.amount_fen for line in lines] == [MONTH_FEN // 8] * 8
    assert {line.standing.rent.devices for line in lines if line.standing.rent} == {8}


def test_what_is_not_there_takes_its_part_of_a_contracts_rent_away() -> None:
    """For eight devices, and seven are leased: seven eighths are billed."""
    leases = [assignment(assignment_id=f"A-{n}", hardware_id=f"GPU-{n}") for n in range(1, 8)]
    made = terms(leases, [rent(unit=PriceUnit.CONTRACT_MONTH, devices=8)])

    lines = rated(made, *[seen_on(f"GPU-{n}", HOST_A, START, END) for n in range(1, 8)], devices=7)

    assert sum(line.amount_fen for line in lines) == MONTH_FEN * 7 // 8


def test_a_contracts_rent_is_never_passed_when_devices_come_and_go() -> None:
    """One card half of the month, another the other half, a third all of it."""
    middle = at("10-16 12:00")
    leases = [
        assignment(START, middle, assignment_id="A-1", hardware_id="GPU-1"),
        assignment(middle, None, assignment_id="A-2", hardware_id="GPU-2"),
        assignment(assignment_id="A-3", hardware_id="GPU-3"),
    ]
    made = terms(leases, [rent(unit=PriceUnit.CONTRACT_MONTH)])
    seen = [seen_on(f"GPU-{n}", HOST_A, START, END) for n in range(1, 4)]
    seen.append(seen_on("GPU-2", HOST_A, middle, END))

    lines = [line for line in rated(made, *seen, devices=3) if line.amount_fen]

    total_fen = sum(line.amount_fen for line in lines)
    assert MONTH_FEN - len(lines) < total_fen <= MONTH_FEN


def of_partitions(agreed: Price, *names: str) -> tuple[RatedLine, ...]:
    """October's billed lines of sevenths of GPU-1, each leased and seen every day."""
    parts = [
        device(name, model=f"{H100} MIG 1g.10gb", parent="GPU-1", share=(1, 7)) for name in names
    ]
    minutes: Seen = {}
    for name in names:
        minutes |= seen_on(name, HOST_A, START, END)
    leases = [assignment(assignment_id=f"A-{name}", hardware_id=name) for name in names]
    facts = Facts(devices=[device("GPU-1"), *parts], hours=hours_of(minutes))
    lines = rate(facts, terms(leases, [agreed]), OCTOBER.interval()).lines
    return tuple(one for one in lines if one.billed_ms)


SEVENTHS = tuple(f"MIG-{place}" for place in range(1, 8))


def test_partitions_of_a_card_pay_no_more_than_the_cards_rent() -> None:
    """Seven sevenths under the rent of their card's model: a seventh each, one card in all."""
    lines = of_partitions(rent(), *SEVENTHS)

    assert [line.amount_fen for line in lines] == [MONTH_FEN // 7] * 7
    assert {line.standing.rent.profile for line in lines if line.standing.rent} == {""}


def test_a_partitions_own_rent_is_whole() -> None:
    """Agreed for the partition's own model, it is what a partition costs, and says which."""
    lines = of_partitions(replace(rent("9000"), model=f"{H100} MIG 1g.10gb"), *SEVENTHS)
    agreed = line_price(lines[0].standing, START)

    assert [line.amount_fen for line in lines] == [900_000] * 7
    assert agreed is not None
    assert agreed.to_data()["profile"] == "1g.10gb"


def test_a_partition_is_a_part_of_a_device_in_a_contracts_rent() -> None:
    """For eight cards, and a card in sevenths is leased: an eighth is billed, not seven eighths."""
    whole = rent(unit=PriceUnit.CONTRACT_MONTH, devices=8)
    alone = rent(unit=PriceUnit.CONTRACT_MONTH)

    assert [one.amount_fen for one in of_partitions(whole, *SEVENTHS)] == [MONTH_FEN // 56] * 7
    assert [one.amount_fen for one in of_partitions(alone, *SEVENTHS)] == [MONTH_FEN // 7] * 7
    assert [one.amount_fen for one in of_partitions(alone, "MIG-1")] == [MONTH_FEN]


def test_a_partition_has_the_price_of_its_profile() -> None:
    """Three yuan an hour of a 1g.10gb, beside the card's own price."""
    profile = Price(
        price_id="P-1g",
        contract_id="HT-1",
        model=H100,
        yuan=Fraction(3),
        basis=Basis.LEASED_OBSERVED,
        interval=Interval(START - 44_640, None),
        unit=PriceUnit.PARTITION_HOUR,
        profile="1g.10gb",
    )
    part = device("MIG-1", model=f"{H100} MIG 1g.10gb", parent="GPU-1", share=(1, 7))
    other = device("MIG-2", model=f"{H100} MIG 2g.20gb", parent="GPU-1", share=(2, 7))
    seen = {
        **observe(START, START + 600, hardware_id="MIG-1"),
        **observe(START, START + 600, hardware_id="MIG-2"),
    }
    facts = Facts(devices=[device("GPU-1"), part, other], hours=hours_of(seen))
    leases = [
        assignment(assignment_id="A-1", hardware_id="MIG-1"),
        assignment(assignment_id="A-2", hardware_id="MIG-2"),
    ]

    lines = rate(facts, terms(leases, [profile, price("7.00")]), OCTOBER.interval()).lines
    by_device = {line.hardware_id: line for line in lines if line.billed_ms}

    assert by_device["MIG-1"].amount_fen == 3_000
    assert by_device["MIG-2"].amount_fen == 2_000
    agreed = line_price(by_device["MIG-1"].standing, START)
    assert agreed is not None
    assert agreed.to_data() == {"unit": "partition_hour", "yuan": "3.00", "profile": "1g.10gb"}
    assert line_price(by_device["MIG-2"].standing, START) is None


def test_a_rent_earns_nothing_where_a_price_would_not() -> None:
    """What blocks a price blocks a rent."""
    made = terms([assignment()], [rent()])
    blocked = replace(made, tenures=())

    lines = rated(blocked, seen_on("GPU-1", HOST_A, START, END))

    assert {line.amount_fen for line in lines} == {0}
    assert {reason for line in lines for reason in line.reasons} >= {Reason.OWNER_UNKNOWN}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"basis": Basis.HELD}, "a rent bills flat_rent"),
        ({"model": ""}, "names no model"),
        ({"unit": PriceUnit.CONTRACT_MONTH}, "is of the whole contract"),
        ({"profile": "1g.10gb"}, "a profile belongs to"),
        ({"devices": 8}, "devices are of the rent of a contract"),
        ({"yuan": Fraction(1, 1000)}, "no plain decimal of 2 places"),
        ({"yuan": Fraction(10**9)}, "per month is outside"),
    ],
)
def test_nonsense_is_refused_at_birth(change: dict[str, object], message: str) -> None:
    """Units, bases, models and amounts that do not fit each other are no price."""
    with pytest.raises(InvalidValue, match=message):
        replace(rent(), **change)  # type: ignore[arg-type]  # one field each, as parametrised


def test_a_rent_of_no_device_is_none() -> None:
    """Nobody divides by nothing."""
    with pytest.raises(InvalidValue, match="among some device"):
        LineRent(yuan=Fraction(1), month=OCTOBER, devices=Fraction(0))


def test_the_rent_of_a_contract_stands_alone() -> None:
    """It pays for everything; a price of a model beside it would bill twice."""
    whole = rent(unit=PriceUnit.CONTRACT_MONTH)

    with pytest.raises(InvalidValue, match="pays for all of it"):
        check_price(whole, [price()])
    with pytest.raises(InvalidValue, match="pays for all of it"):
        check_price(price(), [whole])
    check_price(whole, [price(contract_id="HT-2"), price(start=0, end=START - 44_640)])


def test_a_rent_that_has_begun_only_ends() -> None:
    """Among how many devices it is divided is history as well."""
    whole = rent(unit=PriceUnit.CONTRACT_MONTH, devices=8)

    check_revision(whole, replace(whole, interval=Interval(whole.interval.start, END)), START)
    with pytest.raises(Refused, match="has begun"):
        check_revision(whole, replace(whole, devices=7), START)
