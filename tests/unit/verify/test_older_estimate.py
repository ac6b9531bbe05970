"""Statements of before carry steps of their own; each is checked as it was when they were made."""

from collections.abc import Callable
from typing import Any

import pytest
from kashi_verify.estimate import check_estimate
from kashi_verify.findings import CheckFailed

Change = Callable[[dict[str, Any]], None]
NAMES = ("scope", "year_to_date", "threshold", "ratio", "company_year_cap", "less_earlier")


def older(*amounts_fen: int) -> dict[str, Any]:
    """A statement whose steps give these amounts, one after the other."""
    pairs = zip((amounts_fen[0], *amounts_fen), amounts_fen, strict=False)
    trace = [
        {"step": name, "input": before, "output": after}
        for name, (before, after) in zip(NAMES, pairs, strict=True)
    ]
    values = {
        "threshold.year_yuan": "500000.00",
        "ratio.general": "0.50",
        "ratio.startup": "0.60",
        "cap.company_year_yuan": "10000000.00",
    }
    return {
        "totals": {"amount_fen": amounts_fen[0], "eligible_fen": amounts_fen[0]},
        "programme": {
            "parameters": [{"name": name, "value": value} for name, value in values.items()]
        },
        "subsidy": {"estimate_fen": amounts_fen[-1], "trace": trace},
    }


@pytest.mark.parametrize(
    "amounts_fen",
    [
        (100, 100, 0, 0, 0, 0),
        (10_000_000, 60_000_000, 60_000_000, 30_000_000, 30_000_000, 5_000_000),
        (50_000_000, 50_000_000, 50_000_000, 30_000_000, 30_000_000, 30_000_000),
        (4 * 10**9, 4 * 10**9, 4 * 10**9, 2 * 10**9, 10**9, 10**9),
    ],
)
def test_sound_steps_hold(amounts_fen: tuple[int, ...]) -> None:
    """Below the threshold, above it after earlier months, a start-up, and at the cap."""
    check_estimate(older(*amounts_fen))


@pytest.mark.parametrize(
    ("amounts_fen", "words"),
    [
        ((100, 99, 0, 0, 0, 0), "year_to_date"),
        ((100, 100, 100, 50, 50, 50), "Step threshold"),
        ((60_000_000, 60_000_000, 60_000_000, 60_000_000, 60_000_000, 0), "Step ratio"),
        ((4 * 10**9, 4 * 10**9, 4 * 10**9, 2 * 10**9, 2 * 10**9, 0), "company_year_cap"),
        ((60_000_000, 60_000_000, 60_000_000, 30_000_000, 30_000_000, 30_000_001), "less_earlier"),
    ],
)
def test_each_false_step_is_named(amounts_fen: tuple[int, ...], words: str) -> None:
    """A step that does not follow from the one before and the rules fails with its name."""
    with pytest.raises(CheckFailed, match=words):
        check_estimate(older(*amounts_fen))


def test_false_ends_and_beginnings_are_found() -> None:
    """An estimate that is not the last step's, steps left out, and amounts of nowhere."""
    sound = (100, 100, 0, 0, 0, 0)
    estimate, none, first, chain = (older(*sound) for _ in range(4))
    estimate["subsidy"]["estimate_fen"] = 1
    none["subsidy"]["trace"] = []
    first["totals"]["eligible_fen"] = 99
    chain["subsidy"]["trace"][3]["input"] = 1

    for statement in (estimate, none, first, chain):
        with pytest.raises(CheckFailed):
            check_estimate(statement)
