"""Rents and partitions' prices on a statement: as agreed, checked at birth and by the verifier."""

import copy
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from expense_cases import (
    END,
    FULL,
    H100,
    HOST_A,
    OCTOBER,
    PARTIES,
    START,
    assignment,
    device,
    hours_of,
    price,
    terms,
)
from kashi_server.documents.tables import _price as printed
from kashi_server.domain.assembling import NOTICE_RENT_ZH, MonthEnd, assemble
from kashi_server.domain.booked_line import negated
from kashi_server.domain.interval import Interval
from kashi_server.domain.rating import Facts, rate
from kashi_server.domain.statement import CutOff, Statement
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.findings import CheckFailed
from kashi_verify.pages import _price as expected

MONTHLY = Price(
    price_id="R-1",
    contract_id="HT-1",
    model="",
    yuan=Fraction(65_000),
    basis=Basis.FLAT_RENT,
    interval=Interval(START - 1440, None),
    unit=PriceUnit.CONTRACT_MONTH,
    devices=8,
)
BY_PARTITION = Price(
    price_id="P-1g",
    contract_id="HT-1",
    model=H100,
    yuan=Fraction("3.33"),
    basis=Basis.LEASED_OBSERVED,
    interval=Interval(START - 1440, None),
    unit=PriceUnit.PARTITION_HOUR,
    profile="3g.40gb",
)


def statement(agreed: Price) -> Statement:
    """October of one device under one price: a part of a card, observed an hour a day."""
    card = device("GPU-1")
    part = device("MIG-1", model=f"{H100} MIG 3g.40gb", parent="GPU-1", share=(3, 7))
    seen = {
        ("MIG-1", HOST_A, minute): FULL
        for day in range(START, END, 1440)
        for minute in range(day, day + 60)
    }
    made = terms([assignment(hardware_id="MIG-1")], [agreed])
    facts = Facts(devices=[card, part], hours=hours_of(seen))
    (found,) = assemble(
        MonthEnd(
            month=OCTOBER,
            cut_off=CutOff(event_end=END, checkpoint_size=1, checkpoint_root=bytes(32)),
            demo=False,
            rating=rate(facts, made, OCTOBER.interval()),
            terms=made,
            devices=[card, part],
            gaps=[],
            parties={party.party_id: party for party in PARTIES},
        )
    )
    return found


def data(agreed: Price) -> dict[str, Any]:
    """The same as data."""
    return copy.deepcopy(statement(agreed).to_data())


def test_a_rent_is_on_the_statement_as_it_was_agreed() -> None:
    """Three sevenths of an eighth of 65 000 yuan, cut to the fen, with its month; and a notice says
    how days count."""
    said = data(MONTHLY)
    (line,) = said["lines"]

    assert line["basis"] == "flat_rent"
    assert line["amount_fen"] == 812_500 * 3 // 7
    assert line["price"] == {
        "unit": "contract_month",
        "yuan": "65000.00",
        "month": "2026-10",
        "month_days": "31",
        "devices": "8",
    }
    assert said["contract"]["basis"] == ["flat_rent"]
    assert NOTICE_RENT_ZH in said["notices"]["zh"]
    assert sum(day["amount_fen"] for day in said["days"]) == line["amount_fen"]
    check_arithmetic(said)


@pytest.mark.parametrize(
    ("model", "fen", "profile"),
    [(H100, 6_500_000 * 3 // 7, None), (f"{H100} MIG 3g.40gb", 6_500_000, "3g.40gb")],
)
def test_a_partition_under_its_cards_rent_and_under_its_own(
    model: str, fen: int, profile: str | None
) -> None:
    """Its share of the card's rent; or the whole of its own, which then is named by its profile."""
    said = data(replace(MONTHLY, model=model, unit=PriceUnit.DEVICE_MONTH, devices=None))
    (line,) = said["lines"]

    assert line["amount_fen"] == fen
    assert line["price"].get("profile") == profile
    check_arithmetic(said)


def test_a_partitions_price_is_on_the_statement_as_it_was_agreed() -> None:
    """31 hours at 3.33 yuan, whatever the share."""
    said = data(BY_PARTITION)
    (line,) = said["lines"]

    assert line["amount_fen"] == 31 * 333
    assert line["price"] == {"unit": "partition_hour", "yuan": "3.33", "profile": "3g.40gb"}
    assert NOTICE_RENT_ZH not in said["notices"]["zh"]
    check_arithmetic(said)


def test_a_price_per_card_hour_says_nothing_new() -> None:
    """What statements said before, they say: no key more."""
    (line,) = data(price("7.00"))["lines"]

    assert "price" not in line


@pytest.mark.parametrize(
    ("agreed", "cell"),
    [(MONTHLY, "65000.00/月÷8"), (BY_PARTITION, "3.33/片时"), (price(), "12.50")],
)
def test_page_and_verifier_print_the_price_alike(agreed: Price, cell: str) -> None:
    """The one prints what the other looks for."""
    (line,) = data(agreed)["lines"]

    assert printed(line) == expected(line) == cell


def test_a_reversal_keeps_what_was_agreed() -> None:
    """Amounts and times change their sign; the month's days and its devices do not."""
    (line,) = data(MONTHLY)["lines"]

    back = negated(line)

    assert back["amount_fen"] == -line["amount_fen"]
    assert back["price"] == line["price"]


STATED: dict[str, Any] = {
    "attestation_id": "a",
    "source_sha256": "0" * 64,
    "source_lines": [1, 1],
    "records": 1,
    "site": "S",
}

FORGED: dict[str, tuple[Price, Callable[[dict[str, Any]], None], str]] = {
    "another rent": (
        MONTHLY,
        lambda line: line["price"].update(yuan="66000.00"),
        "the agreed 66000.00 yuan are not",
    ),
    "fewer devices": (MONTHLY, lambda line: line["price"].update(devices="4"), "are not"),
    "a longer month": (
        MONTHLY,
        lambda line: line["price"].update(month_days="30"),
        "2026-10 of 30 days is not the month",
    ),
    "another month": (
        MONTHLY,
        lambda line: line["price"].update(month="2026-11", month_days="30"),
        "is not the month",
    ),
    "no agreed price": (MONTHLY, lambda line: line.pop("price"), "a rent without"),
    "beyond the lease": (
        MONTHLY,
        lambda line: line.update(billed_ms=line["billed_ms"] + 1),
        "beyond the days leased and seen",
    ),
    "never seen": (
        MONTHLY,
        lambda line: line["quantities"].update(
            {name: 0 for name in line["quantities"] if name != "leased_ms"},
            gap_ms=line["quantities"]["leased_ms"],
        ),
        "beyond the days leased and seen",
    ),
    "more than a provider states": (
        MONTHLY,
        lambda line: line.update(evidence_level="E1", host_id="site:S", share="1", stated=STATED),
        "beyond the days leased and seen",
    ),
    "another partition's price": (
        BY_PARTITION,
        lambda line: line["price"].update(yuan="3.34"),
        "the agreed 3.34 yuan are not",
    ),
    "a rent by the hour": (
        BY_PARTITION,
        lambda line: line["price"].update(unit="device_month"),
        "with the basis leased_observed",
    ),
}


@pytest.mark.parametrize("name", list(FORGED))
def test_the_verifier_finds_what_does_not_hold(name: str) -> None:
    """One by one."""
    agreed, forge, told = FORGED[name]
    said = data(agreed)
    forge(said["lines"][0])

    with pytest.raises(CheckFailed, match=told):
        check_arithmetic(said)
