"""A provider's spelling of a device hides no minute from the verifier."""

from typing import Any

import pytest
from kashi_verify.arithmetic import _check_overlap, check_arithmetic
from kashi_verify.findings import CheckFailed
from kashi_verify.recount import Recount
from kashi_verify.spelling import measured_device, stated_device
from kashi_verify.standing import _check_parts
from sound_statement import line, sound

CARD = "GPU-6f3c1111-2222-3333-4444-55556666abcd"
SPELLINGS = [
    CARD,
    CARD.upper(),
    CARD.replace("-", ""),
    f"k8s/{CARD}",
    f"k8s/{CARD}::1",
    "k8s/6f3c1111-2222-3333-4444-55556666abcd",
    f"k8s/{CARD[:9]}\u200b{CARD[9:]}",
    "k8s/\uff27\uff30\uff35" + CARD[3:],
    f"k8s/{CARD[4:]} (0)",
    f"k8s/0: {CARD[4:].upper()}",
    f"k8s/gpu0-{CARD[4:]}",
    f"k8s/uuid={CARD[4:]}/0",
    f"k8s/00:3b:00.0 {CARD[4:]}/0",
]
DIE = "0A1B2C3D-4E5F6071-8293A4B5-C6D7E8F9-01234567"


def stated(name: str, start: str, end: str, elapsed_ms: int) -> dict[str, Any]:
    """A line that a provider states, all of it billed."""
    made = line(1, name, start, end, elapsed_ms)
    whole = made["quantities"]
    whole |= {"observed_ms": elapsed_ms, "gap_ms": 0, "held_ms": 0, "held_known_ms": 0}
    whole |= {"utilisation_known_ms": 0, "active_ms": 0, "utilised_ns": 0, "unattributed_ms": 0}
    source = {"source_sha256": "0" * 64, "source_lines": [1, 9], "records": 9}
    billed = {"billed_ms": elapsed_ms, "share": "1", "evidence_level": "E1"}
    stands = {"host_id": "site:k8s", "stated": {"site": "k8s", "attestation_id": "a", **source}}
    return made | billed | stands


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("MIG-1", "MIG-1.4of7-4g.40gb"),
        ("MIG-1.3of7-3g.40gb", "mig-1.4of7-4g.40gb"),
        ("GPU-a", "GPU-A"),
    ],
)
def test_two_ids_of_one_hardware_are_not_counted_for_one_minute(one: str, other: str) -> None:
    """Whatever share stands behind a partition's UUID, and however an id is written; one after the
    other is how a card is cut anew."""
    first = line(1, one, "2026-10-01T00:00:00+08:00", "2026-10-02T00:00:00+08:00", 86_400_000)
    later = line(2, other, "2026-10-02T00:00:00+08:00", "2026-10-03T00:00:00+08:00", 86_400_000)
    _check_overlap([first, later])

    later["start"] = "2026-10-01T23:59:00+08:00"
    with pytest.raises(CheckFailed, match="count the same minutes twice"):
        _check_overlap([first, later])


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_spelling_is_the_card(name: str) -> None:
    """Whatever of case, hyphens, wide forms, unseen characters and a replica's number."""
    assert stated_device({"hardware_id": name, "host_id": "site:k8s"}) in measured_device(CARD)


@pytest.mark.parametrize(
    "name", [DIE, DIE.lower(), f"k8s/{DIE.replace('-', ' ')}", f"k8s/{DIE} (0)"]
)
def test_a_die_is_known_by_its_digits(name: str) -> None:
    """Forty of them; a part of it has an id of its own."""
    assert stated_device({"hardware_id": name, "host_id": "site:k8s"}) in measured_device(DIE)
    assert stated_device({"hardware_id": name, "host_id": "site:k8s"}) not in measured_device(
        f"{DIE}.vnpu1-1of2"
    )


def test_a_partition_is_known_with_its_share_and_without() -> None:
    """An agent names the share behind the driver's id; a provider's file has that id alone."""
    partition = f"MIG-{CARD[4:]}"
    for said in (partition, f"{partition}.4of7-4g.40gb", f"0: MIG {CARD[4:]}"):
        named = stated_device({"hardware_id": f"k8s/{said}", "host_id": "site:k8s"})

        assert named in measured_device(f"{partition}.4of7-4g.40gb")
        assert named not in measured_device(CARD)


@pytest.mark.parametrize("name", ["k8s/i-1", "k8s/node-1-11", "k8s/4711@2026-10-01T08:00"])
def test_any_other_name_is_itself(name: str) -> None:
    """Instances and jobs are told apart by every letter."""
    assert stated_device({"hardware_id": name, "host_id": "site:k8s"}) == name


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_respelt_card_is_billed_for_no_measured_minute(name: str) -> None:
    """The measured line leaves a second of gap, the stated one bills an hour of it."""
    statement = sound()
    statement["lines"][0]["hardware_id"] = CARD
    hour = ("2026-10-01T01:00:00+08:00", "2026-10-01T02:00:00+08:00", 3_600_000)
    statement["lines"].append(stated(name, *hour) | {"line": 3, "amount_fen": 1234})
    statement["devices"] = [{"hardware_id": one} for one in (CARD, "b", name)]

    with pytest.raises(CheckFailed, match="Lines 1 and 3 count the same minutes twice"):
        check_arithmetic(statement)


def test_two_spellings_of_one_card_are_not_both_billed() -> None:
    """One after the other they may stand, and one of them at nothing beside the other."""
    first = stated(
        SPELLINGS[3], "2026-10-01T00:00:00+08:00", "2026-10-01T01:00:00+08:00", 3_600_000
    )
    later = stated(
        SPELLINGS[5], "2026-10-01T01:00:00+08:00", "2026-10-01T02:00:00+08:00", 3_600_000
    )
    for one, place in ((first, 1), (later, 2)):
        one |= {"line": place, "amount_fen": 1234}
    statement = sound() | {
        "lines": [first, later],
        "devices": [{"hardware_id": one["hardware_id"]} for one in (first, later)],
    }
    with pytest.raises(CheckFailed, match="Total"):
        check_arithmetic(statement)

    later["start"], later["end"] = first["start"], first["end"]
    with pytest.raises(CheckFailed, match="Lines 1 and 2 count the same minutes twice"):
        check_arithmetic(statement)
    later |= {"billed_ms": 0, "amount_fen": 0}
    with pytest.raises(CheckFailed, match="Total"):
        check_arithmetic(statement)


def test_a_respelt_card_is_not_billed_beside_its_part() -> None:
    """A part that was measured, of the card that is stated."""
    hour = ("2026-10-01T01:00:00+08:00", "2026-10-01T02:00:00+08:00", 3_600_000)
    whole, part = stated(SPELLINGS[5], *hour), line(2, "MIG-1", *hour)
    devices: list[dict[str, Any]] = [
        {"hardware_id": "MIG-1", "parent_hardware_id": CARD},
        {"hardware_id": SPELLINGS[5], "parent_hardware_id": None},
    ]

    with pytest.raises(CheckFailed, match="bill a device and a part of it"):
        _check_parts([whole, part], devices)


def test_reports_of_a_respelt_card_are_found() -> None:
    """What was stated is looked for by whatever name a block has."""
    hour = ("2026-10-01T01:00:00+08:00", "2026-10-01T02:00:00+08:00", 3_600_000)
    recount = Recount([stated(SPELLINGS[5], *hour)])

    assert len(recount._stated_of(CARD)) == 1
    assert recount._stated_of("GPU-other") == []
