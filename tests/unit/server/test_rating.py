"""Rating, by worked examples: minute-exact, whole milliseconds, and 0 with a reason."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    H100,
    HOST_A,
    HOST_B,
    OCTOBER,
    OTHER_PROVIDER,
    OTHER_TENANT,
    OWNER,
    PROVIDER,
    START,
    assignment,
    at,
    contract,
    device,
    hours_of,
    in_force,
    observe,
    observed,
    price,
    tenure,
    terms,
)
from kashi_server.domain.device import Conflict, DeviceRecord
from kashi_server.domain.interval import Interval
from kashi_server.domain.rating import Facts, RatedLine, rate
from kashi_server.domain.reason import Reason
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Basis
from kashi_server.domain.tenure import TenureKind
from kashi_server.domain.usage import Quantities
from kashi_server.errors import InvalidValue, Refused

Minutes = Mapping[tuple[str, str, int], Quantities]


def _lines(
    minutes: Minutes,
    agreed: Terms,
    devices: Sequence[DeviceRecord] | None = None,
    conflicts: Sequence[Conflict] = (),
) -> tuple[RatedLine, ...]:
    facts = Facts(
        devices=devices or (device(),), hours=hours_of(minutes), conflicts=tuple(conflicts)
    )
    return rate(facts, agreed, OCTOBER.interval()).lines


def test_a_whole_month_of_a_card_is_744_card_hours() -> None:
    """October at 12.50 yuan: 744 h x 12.50 = 9300.00 yuan, in one line."""
    (line,) = _lines(observe(START, END), terms([assignment()]))

    assert (line.billed_ms, line.amount_fen) == (744 * 3_600_000, 930_000)
    assert line.eligible
    assert line.quantities.gap_ms == 0
    assert len(line.days) == 31


def test_a_price_change_splits_the_line_at_its_minute() -> None:
    """At 00:37 on the 16th the price falls; each side is billed at its own price."""
    change = at("10-16 00:37")
    prices = [price("12.50", end=change), price("11.80", change)]

    first, second = _lines(observe(START, END), terms([assignment()], prices))

    assert (first.end, second.start) == (change, change)
    assert first.amount_fen == (change - START) * 1250 // 60
    assert second.amount_fen == (END - change) * 1180 // 60
    assert first.billed_ms + second.billed_ms == 744 * 3_600_000


def test_a_moved_card_keeps_its_lease_on_the_other_host() -> None:
    """The line splits at the minute of the move; nothing is billed twice or lost."""
    moved = at("10-20 10:20")
    card = device("GPU-1", (HOST_A, START, moved), (HOST_B, moved, None))
    minutes = observe(START, moved) | observe(moved, END, host_id=HOST_B)

    first, second = _lines(minutes, terms([assignment()]), [card])

    assert [line.standing.host_id for line in (first, second)] == [HOST_A, HOST_B]
    assert first.end == second.start == moved
    assert first.billed_ms + second.billed_ms == 744 * 3_600_000


def test_a_host_sold_inside_the_month_splits_at_the_minute() -> None:
    """From the minute another party owns the host, the old provider's contract bills nothing."""
    sold = at("10-11 09:07")
    tenures = [tenure(end=sold), tenure(owner_id=OTHER_PROVIDER, start=sold)]

    first, second = _lines(observe(START, END), terms([assignment()], tenures=tenures))

    assert first.end == second.start == sold
    assert first.amount_fen == (sold - START) * 1250 // 60
    assert (second.amount_fen, second.reasons) == (0, (Reason.PROVIDER_NOT_OWNER,))


def test_a_card_handed_to_another_company_splits_between_their_contracts() -> None:
    """The minute before is the first tenant's, the minute after the second's."""
    handed = at("10-12 13:01")
    agreed = terms(
        [
            assignment(end=handed),
            assignment(handed, assignment_id="A-2", contract_id="HT-2"),
        ],
        [price(), price("9.00", contract_id="HT-2")],
        contracts=[contract(), contract("HT-2", OTHER_TENANT)],
    )

    first, second = _lines(observe(START, END), agreed)

    assert (first.standing.contract_id, first.end) == ("HT-1", handed)
    assert (second.standing.contract_id, second.start) == ("HT-2", handed)
    assert second.amount_fen == (END - handed) * 900 // 60


def test_gaps_are_not_billed_and_are_counted() -> None:
    """An hour without observation is an hour of gap, and is not billed."""
    minutes = observe(START, START + 60) | observe(START + 120, END)

    (line,) = _lines(minutes, terms([assignment()]))

    assert line.quantities.gap_ms == 3_600_000
    assert line.quantities.leased_ms == line.billed_ms + 3_600_000


@pytest.mark.parametrize(
    ("agreed", "reasons", "party"),
    [
        (terms(), (Reason.UNLEASED,), PROVIDER),
        (terms([assignment(confirmed=False)]), (Reason.ASSIGNMENT_UNCONFIRMED,), PROVIDER),
        (
            terms(tenures=[tenure(owner_id=OWNER, kind=TenureKind.SELF_OWNED)]),
            (Reason.SELF_OWNED,),
            OWNER,
        ),
        (terms(tenures=[]), (Reason.OWNER_UNKNOWN,), PROVIDER),
        (
            terms([assignment()], contracts=[contract(end=START - 60)]),
            (Reason.OUTSIDE_TERM,),
            PROVIDER,
        ),
    ],
)
def test_unleased_usage_earns_nothing_and_says_why(
    agreed: Terms, reasons: tuple[Reason, ...], party: str
) -> None:
    """It is metered whole, goes to the host's owner, earns 0 and names the reason."""
    (line,) = _lines(observe(START, END), agreed)

    assert (line.amount_fen, line.billed_ms, line.eligible) == (0, 0, False)
    assert (line.reasons, line.standing.party_id) == (reasons, party)
    assert line.quantities.observed_ms == 744 * 3_600_000
    assert line.quantities.leased_ms == 0


@pytest.mark.parametrize(
    ("agreed", "reason"),
    [
        (terms([assignment()], []), Reason.NO_PRICE),
        (terms([assignment()], [price(model="another")]), Reason.NO_PRICE),
        (
            terms([assignment()], tenures=[tenure(kind=TenureKind.SELF_OWNED)]),
            Reason.SELF_OWNED,
        ),
        (terms([assignment()], tenures=[]), Reason.OWNER_UNKNOWN),
    ],
)
def test_leased_usage_that_cannot_earn_stays_with_the_contract(
    agreed: Terms, reason: Reason
) -> None:
    """It is leased and shown on the contract's statement, with 0 and the reason."""
    (line,) = _lines(observe(START, END), agreed)

    assert (line.amount_fen, line.eligible, line.reasons) == (0, False, (reason,))
    assert line.standing.contract_id == "HT-1"
    assert line.quantities.leased_ms == 744 * 3_600_000


def test_related_parties_pay_but_are_not_eligible() -> None:
    """The amount is what the contract says; none of it is eligible."""
    (line,) = _lines(
        observe(START, END), terms([assignment()], contracts=[contract(unrelated=False)])
    )

    assert (line.amount_fen, line.eligible) == (930_000, False)
    assert line.reasons == (Reason.RELATED_PARTIES,)


def test_rules_that_lapse_split_the_line_and_end_eligibility() -> None:
    """From the minute no rules are in force the amount stands and is not eligible."""
    lapse = at("10-18 00:00")
    agreed = terms([assignment()], rules=[in_force(START - 1440, lapse)])

    before, after = _lines(observe(START, END), agreed)

    assert (before.end, before.eligible) == (lapse, True)
    assert (after.eligible, after.reasons) == (False, (Reason.NO_ACTIVE_RULES,))
    assert after.amount_fen == (END - lapse) * 1250 // 60


def test_a_minute_that_two_hosts_observe_is_held() -> None:
    """The minute is a line of its own at 0; the rest is billed; both claims are kept."""
    twice = at("10-05 12:00")
    minutes = observe(START, END) | observe(twice, twice + 1, host_id=HOST_B)
    facts = Facts(devices=(device(),), hours=hours_of(minutes))

    rating = rate(facts, terms([assignment()]), OCTOBER.interval())

    before, held, after = rating.lines
    assert (held.start, held.end, held.billed_ms) == (twice, twice + 1, 0)
    assert held.reasons == (Reason.CONFLICT,)
    assert held.quantities.observed_ms + held.quantities.gap_ms == 60_000
    assert before.billed_ms + after.billed_ms == 744 * 3_600_000 - 60_000
    assert [dispute.claims for dispute in rating.disputes] == [((HOST_A, 60_000), (HOST_B, 60_000))]


def test_a_conflict_the_facts_name_is_held_even_if_it_would_fit() -> None:
    """Two half minutes on two hosts fit into a minute; named a conflict, they are held."""
    twice = at("10-05 12:00")
    minutes = dict(observe(START, END))
    minutes["GPU-1", HOST_A, twice] = observed(20_000)
    minutes["GPU-1", HOST_B, twice] = observed(30_000)
    named = Conflict(
        hardware_id="GPU-1", interval=Interval(twice, twice + 1), host_ids=(HOST_A, HOST_B)
    )

    fits = _lines(minutes, terms([assignment()]))
    held = _lines(minutes, terms([assignment()]), conflicts=[named])

    assert [line.billed_ms for line in fits] == [744 * 3_600_000 - 10_000]
    assert sum(line.billed_ms for line in held) == 744 * 3_600_000 - 60_000


def test_a_partition_is_billed_by_its_exact_share() -> None:
    """3/7 of a card for 744 h at 12.50 yuan: 3985.714… yuan, cut to 3985.71."""
    whole = device("GPU-1")
    part = device("MIG-1", parent="GPU-1", share=(3, 7), model=f"{H100} MIG 3g.40gb")
    minutes = observe(START, END, hardware_id="MIG-1") | observe(START, END)

    (line,) = _lines(minutes, terms([assignment(hardware_id="MIG-1")]), [whole, part])

    assert line.share == Fraction(3, 7)
    assert line.amount_fen == 930_000 * 3 // 7 == 398_571


def test_a_leased_card_is_metered_whole_and_its_partitions_through_it() -> None:
    """No card-hour is counted on both levels."""
    whole = device("GPU-1")
    part = device("MIG-1", parent="GPU-1", share=(3, 7))
    minutes = observe(START, END, hardware_id="MIG-1") | observe(START, END)

    (line,) = _lines(minutes, terms([assignment()]), [whole, part])

    assert (line.hardware_id, line.amount_fen) == ("GPU-1", 930_000)


def test_time_that_is_metered_elsewhere_splits_a_line() -> None:
    """A partition on either side of a day in which the whole card was leased is two lines."""
    low, high = at("10-10 00:00"), at("10-11 00:00")
    part = device("MIG-1", parent="GPU-1", share=(3, 7))

    lines = _lines({}, terms([assignment(low, high)]), [device(), part])

    assert [(line.hardware_id, line.start, line.end) for line in lines] == [
        ("GPU-1", low, high),
        ("MIG-1", START, low),
        ("MIG-1", high, END),
    ]


def test_partitions_that_exceed_their_card_are_held() -> None:
    """4/7 + 4/7 of one card in one minute is impossible and earns nothing in that minute."""
    parts = [device(f"MIG-{n}", parent="GPU-1", share=(4, 7)) for n in (1, 2)]
    both = at("10-05 12:00")
    minutes = observe(START, END, hardware_id="MIG-1")
    minutes |= observe(both, both + 1, hardware_id="MIG-2")
    agreed = terms([assignment(hardware_id="MIG-1")])

    lines = [
        line for line in _lines(minutes, agreed, [device(), *parts]) if line.hardware_id == "MIG-1"
    ]

    held = [line for line in lines if Reason.SHARES_EXCEED_DEVICE in line.reasons]
    assert [(line.start, line.end, line.amount_fen) for line in held] == [(both, both + 1, 0)]
    assert sum(line.billed_ms for line in lines) == 744 * 3_600_000 - 60_000


@pytest.mark.parametrize(
    ("basis", "billed_ms", "reasons"),
    [
        (Basis.LEASED_OBSERVED, 60_000, ()),
        (Basis.HELD, 20_000, (Reason.HELD_PARTLY_UNKNOWN,)),
        (Basis.UTILISED, 7_000, (Reason.UTILISATION_PARTLY_UNKNOWN,)),
    ],
)
def test_a_price_bills_its_own_quantity(
    basis: Basis, billed_ms: int, reasons: tuple[Reason, ...]
) -> None:
    """Observed, held or utilised time; what is unknown of it is not billed and is said."""
    minute = Quantities(
        observed_ms=60_000,
        held_known_ms=45_000,
        held_ms=20_000,
        utilisation_known_ms=30_000,
        active_ms=14_000,
        utilised_ns=7_000_999_999,
    )
    minutes = observe(START, START + 1, quantities=minute)

    (line,) = _lines(minutes, terms([assignment()], [price(basis=basis)]))

    assert (line.billed_ms, line.reasons) == (billed_ms, reasons)


def test_a_line_is_rounded_once() -> None:
    """Three days of a third of a fen each make one fen; days telescope and sum to it."""
    minutes = {
        key: quantities
        for day in range(3)
        for key, quantities in observe(START + day * 1440, START + day * 1440 + 1).items()
    }
    # 1 minute at 0.20 yuan an hour is a third of a fen.
    (line,) = _lines(minutes, terms([assignment()], [price("0.20")]))

    assert line.amount_fen == 1
    assert [day.amount_fen for day in line.days][:4] == [0, 0, 1, 0]


def test_a_device_in_service_that_nobody_saw_is_all_gap() -> None:
    """A leased card of a silent host: every minute leased, none billed."""
    (line,) = _lines({}, terms([assignment()]))

    assert line.quantities.gap_ms == line.quantities.leased_ms == 744 * 3_600_000
    assert (line.billed_ms, line.amount_fen) == (0, 0)


def test_service_begins_with_the_first_reading() -> None:
    """Before a card was first observed there is neither lease nor gap."""
    first = at("10-09 17:45")
    card = device("GPU-1", (HOST_A, first, None))

    (line,) = _lines(observe(first, END), terms([assignment()]), [card])

    assert (line.start, line.quantities.leased_ms) == (first, (END - first) * 60_000)


def test_one_device_leased_twice_in_a_minute_is_refused() -> None:
    """Rating does not choose between two contracts."""
    agreed = terms([assignment(), assignment(assignment_id="A-2")])

    with pytest.raises(InvalidValue, match="A-1 and A-2 in one minute"):
        _lines(observe(START, END), agreed)


def test_a_host_of_nobody_is_refused() -> None:
    """Usage without an owner and an operator has no statement to go to."""
    card = device("GPU-1", ("0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0009", START, None))

    with pytest.raises(Refused, match="import its tenure"):
        _lines({}, terms(), [card])


def test_the_same_device_hour_twice_counts_once_and_another_is_refused() -> None:
    """A repeated fact changes nothing; a contradicting one stops the close."""
    hours = hours_of(observe(START, END))
    other = hours_of(observe(START, START + 1))[0]
    agreed, period = terms([assignment()]), OCTOBER.interval()

    once = rate(Facts(devices=(device(),), hours=hours), agreed, period)
    twice = rate(Facts(devices=(device(),), hours=[*hours, *hours]), agreed, period)

    assert once == twice
    with pytest.raises(InvalidValue, match="two different device-hours"):
        rate(Facts(devices=(device(),), hours=[*hours, other]), agreed, period)
