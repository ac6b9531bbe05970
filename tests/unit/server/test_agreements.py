"""Parties, contracts, tenures and prices as values that refuse nonsense at birth."""

from dataclasses import replace

import pytest
from expense_cases import (
    HOST_A,
    OTHER_TENANT,
    OWNER,
    PROVIDER,
    START,
    TENANT,
    assignment,
    contract,
    price,
    tenure,
)
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.contract import check_assignment, check_disjoint
from kashi_server.domain.party import ALPHABET, Party, PartyKind, check_credit_code
from kashi_server.domain.tariff import Tariff, check_price, check_revision
from kashi_server.domain.tenure import check_tenure
from kashi_server.errors import InvalidValue, Refused

PUBLISHED_CODES = (
    "9144030071526726XG",
    "914403001922038216",
    "91440300192317458F",
    "91110000600037341L",
    "91350100M000100Y43",
)
"""Codes from public registers: ours must agree with the state's arithmetic."""


@pytest.mark.parametrize("code", PUBLISHED_CODES)
def test_registered_codes_are_well_formed(code: str) -> None:
    """Codes of real registers pass."""
    assert check_credit_code(code) == code


def test_a_contract_is_not_numbered_like_a_party() -> None:
    """Statements are numbered by contract or by party: one number would name two of them."""
    with pytest.raises(InvalidValue, match="is a credit code"):
        contract(TENANT)
    assert contract(f"HT-{TENANT}").contract_id == f"HT-{TENANT}"


@given(st.sampled_from(PUBLISHED_CODES), st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(code: str, place: int, other: str) -> None:
    """Any single slip of the pen is refused."""
    spoilt = code[:place] + other + code[place + 1 :]
    if spoilt == code:
        return
    with pytest.raises(InvalidValue):
        check_credit_code(spoilt)


@pytest.mark.parametrize("text", ["", "91440300715267", "9144030071526726xg", "I14403001922038216"])
def test_what_is_no_code_is_refused(text: str) -> None:
    """Length and alphabet are looked at before the arithmetic."""
    with pytest.raises(InvalidValue, match="not a credit code"):
        check_credit_code(text)


def test_a_party_needs_its_name() -> None:
    """A code alone is no party."""
    with pytest.raises(InvalidValue, match="no name_zh"):
        Party(party_id=TENANT, kind=PartyKind.COMPANY, name_zh=" ")


def test_nobody_leases_from_oneself() -> None:
    """Both sides are two parties."""
    with pytest.raises(InvalidValue, match="same party"):
        contract(user_id=PROVIDER)


def test_only_the_other_side_confirms() -> None:
    """Not the proposer, not a stranger, not twice."""
    proposed = assignment(confirmed=False)
    for party_id in (PROVIDER, OTHER_TENANT):
        with pytest.raises(Refused):
            proposed.confirm(contract(), party_id)

    confirmed = proposed.confirm(contract(), TENANT)
    with pytest.raises(Refused, match="already"):
        confirmed.confirm(contract(), TENANT)


def test_an_assignment_stays_in_its_contracts_term() -> None:
    """Open-ended under a contract that ends is outside."""
    ending = contract(end=START + 1440)

    check_assignment(assignment(end=START + 1440), ending)
    with pytest.raises(InvalidValue, match="leaves the term"):
        check_assignment(assignment(), ending)


@pytest.mark.parametrize(
    ("mine", "theirs", "clash"),
    [
        ("GPU-1", "GPU-1", True),
        ("GPU-1", "MIG-1", True),
        ("MIG-1", "GPU-1", True),
        ("MIG-1", "MIG-2", False),
        ("GPU-2", "MIG-1", False),
    ],
)
def test_a_device_and_its_partition_are_never_both_named(
    mine: str, theirs: str, *, clash: bool
) -> None:
    """Whole and part exclude each other; two parts of one card do not."""
    parents = {"mig-1": "gpu-1", "mig-2": "gpu-1", "gpu-1": None, "gpu-2": None}
    first = assignment(hardware_id=theirs, assignment_id="A-1")
    second = assignment(hardware_id=mine, assignment_id="A-2")
    apart = replace(first, interval=replace(first.interval, end=START + 1))
    later = assignment(START + 1, hardware_id=mine, assignment_id="A-2")

    check_disjoint(later, [apart], parents)
    if clash:
        with pytest.raises(InvalidValue, match="assignment A-1"):
            check_disjoint(second, [first], parents)
    else:
        check_disjoint(second, [first], parents)


def test_tenures_of_one_host_do_not_overlap() -> None:
    """A new owner waits for the end of the old one's tenure."""
    old = tenure(end=START + 100)

    check_tenure(tenure(owner_id=OWNER, start=START + 100), [old])
    with pytest.raises(InvalidValue, match="another tenure"):
        check_tenure(tenure(owner_id=OWNER, start=START + 99), [old])


@pytest.mark.parametrize("host_id", ["", "host", HOST_A.upper(), HOST_A + "0"])
def test_a_host_id_is_a_uuid_in_lower_case(host_id: str) -> None:
    """One spelling, so that it is found again."""
    with pytest.raises(InvalidValue, match="not a UUID"):
        tenure(host_id)


def test_prices_of_one_key_do_not_overlap() -> None:
    """Same contract and model: one price a minute; another model is another key."""
    old = price(end=START + 100)

    check_price(price("9.00", START + 100), [old])
    check_price(price("9.00", START, model="another"), [old])
    with pytest.raises(InvalidValue, match=r"overlaps HT-1-12\.50"):
        check_price(price("9.00", START + 99), [old])


@pytest.mark.parametrize("yuan", ["-0.01", "100000.01", "1/3"])
def test_a_price_that_cannot_be_is_refused(yuan: str) -> None:
    """Below zero, absurd, or not spelled as a decimal."""
    with pytest.raises(InvalidValue):
        price(yuan, price_id="P")


def test_a_begun_price_takes_only_an_end_ahead() -> None:
    """Before it begins everything may change; after, only an end that has not passed."""
    old, now = price(start=START), START + 100
    ahead = replace(old, interval=replace(old.interval, end=now + 1))

    check_revision(old, ahead, now)
    check_revision(old, replace(old, yuan=old.yuan + 1), START - 1)
    for new in (
        replace(old, yuan=old.yuan + 1),
        replace(old, interval=replace(old.interval, end=now - 1)),
        replace(old, interval=replace(old.interval, start=START + 1)),
    ):
        with pytest.raises(Refused):
            check_revision(old, new, now)


@given(st.lists(st.integers(0, 60), min_size=2, max_size=8, unique=True), st.integers(-5, 65))
def test_the_tariff_finds_the_price_of_a_minute(cuts: list[int], minute: int) -> None:
    """As a search through all prices does, at edges too."""
    points = sorted(cuts)
    spans = list(zip(points[::2], points[1::2], strict=False))
    prices = [price(str(place), *span, price_id=f"P-{place}") for place, span in enumerate(spans)]

    found = Tariff(reversed(prices)).at("HT-1", ["none", prices[0].model], minute)

    assert found == next((one for one in prices if minute in one.interval), None)
