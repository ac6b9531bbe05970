"""Hardware ids and other names of stated units: what tells two apart, and what does not."""

import pytest
from kashi_server.domain.device import Vendor
from kashi_server.domain.hardware_name import (
    named_device,
    names_partition,
    plain_name,
    vendors_id,
)

CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abcd"
DIE = "64036E64-00A07559-5C350CF2-B9D00485-104301E2"


@pytest.mark.parametrize(
    ("said", "vendor", "found"),
    [
        (CARD, Vendor.NVIDIA, CARD),
        (f"gpu{CARD[3:].upper()}", Vendor.NVIDIA, CARD),
        (DIE.lower(), Vendor.HUAWEI, DIE),
        (CARD, Vendor.HUAWEI, None),
        (DIE, Vendor.NVIDIA, None),
        (f"{CARD}0", Vendor.NVIDIA, None),
        (f"{CARD}\n", Vendor.NVIDIA, None),
        (CARD.replace("a", "\u0430"), Vendor.NVIDIA, None),
        ("GPU-1", Vendor.NVIDIA, None),
        ("", Vendor.NVIDIA, None),
    ],
)
def test_an_id_is_one_in_its_vendors_form(said: str, vendor: Vendor, found: str | None) -> None:
    """Printable ASCII, all of its words, and the vendor's own capitals."""
    assert vendors_id(said, vendor) == found


@pytest.mark.parametrize(
    "said", ["node-1-11", "GPU-1", "i-6f3c9a10", "节点", f"job-{DIE[:-1]}-1", ""]
)
def test_a_name_that_is_no_id_names_no_device(said: str) -> None:
    """Nor is it compared as one."""
    assert named_device(said) is None


@pytest.mark.parametrize("said", [f"{CARD}::1", f"node-1/{CARD}", f"{CARD}0", CARD[4:], CARD[3:]])
def test_a_name_that_holds_a_cards_id_names_the_card(said: str) -> None:
    """Replicas of a card that is shared in time, a card's place before it, its UUID alone."""
    assert named_device(said) == named_device(CARD)


@pytest.mark.parametrize(
    "said",
    [
        "{}/0",
        "{} (0)",
        "0: {}",
        "0 {}",
        "uuid={}",
        "urn:uuid:{}",
        "{{{}}}",
        "gpu0-{}",
        "GPU0 {}",
        "card0{}",
        "00000000:3b:00.0 {}",
        "GPU-{}/MIG1",
    ],
)
def test_a_uuid_is_found_by_its_shape_whatever_stands_beside_it(said: str) -> None:
    """A place, a replica's number, a label: by its five words, and not by digits beside it."""
    for uuid in (CARD[4:], CARD[4:].upper(), CARD[4:].replace("-", "\u2011")):
        assert named_device(said.format(uuid)) == named_device(CARD)


def test_a_partition_with_its_share_is_the_drivers_and_no_card() -> None:
    """Agents name the share behind the driver's id; files have that alone, or a place beside."""
    partition = f"MIG{CARD[3:]}"

    for said in (f"{partition}.4of7-4g.40gb", f"0: {partition}", f"MIG {CARD[4:]} (0)"):
        assert named_device(said) == named_device(partition) != named_device(CARD)


@pytest.mark.parametrize("said", ["{}/0", "0: {}", "job-{}-1"])
def test_a_dies_words_are_found_whatever_stands_beside_them(said: str) -> None:
    """A part of the die by its own id is none of its spellings."""
    assert named_device(said.format(DIE)) == named_device(DIE)
    assert named_device(f"{DIE}.vnpu1-1of2") is None


def test_a_partition_of_old_names_is_not_its_card() -> None:
    """Drivers of before R470 named a partition by its card's id."""
    assert named_device(f"MIG-{CARD}/7/0") != named_device(CARD)


def test_a_name_is_the_same_without_case_and_what_nobody_sees() -> None:
    """Names in Chinese stay apart; hyphens count, whichever they are."""
    assert plain_name(" I-1\u200b") == plain_name("i-1") == plain_name("i\u20111")
    assert plain_name("\uff49-1") == "i-1"
    assert len({plain_name(one) for one in ("节点一", "节点二", "node-1-11", "node-11-1")}) == 4


@pytest.mark.parametrize(
    ("said", "as_id", "part"),
    [
        (f"MIG{CARD[3:]}", False, True),
        (f"mig-{CARD}/7/0", False, True),
        (f"{DIE}.vnpu1-1of2", False, True),
        ("mig\u200b-0a1b", True, True),
        (f"{CARD}/MIG1", False, True),
        (f"{CARD}/MIG1", True, True),
        (f"mig-1g {CARD[4:]}", False, True),
        (f"{CARD} 1g.10gb", False, True),
        ("1g.10gb", True, True),
        ("migration-node-1", False, False),
        (f"migration-node-1/{CARD}", False, False),
        ("mig-1g", False, False),
        (CARD, True, False),
    ],
)
def test_a_partition_is_told_by_its_form(said: str, as_id: bool, part: bool) -> None:
    """Whatever is called an id and begins like one of a partition is one."""
    assert names_partition(said, as_id=as_id) is part
