"""Steps 7 and 8: every equation of the statement, each broken once."""

import json
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_verify.arithmetic import check_arithmetic, cut_to_fen
from kashi_verify.findings import CheckFailed
from kashi_verify.rules import check_rules
from sound_statement import sound


def test_sound_statement_holds() -> None:
    """The statement these tests break is sound."""
    check_arithmetic(sound())


def put(*place: str | int, value: object) -> Callable[[dict[str, Any]], None]:
    """Set one value of a statement."""

    def change(statement: dict[str, Any]) -> None:
        inner: Any = statement
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("lines", 0, "quantities", "observed_ms", value=37_199_001), "elapsed"),
        (put("lines", 0, "quantities", "gap_ms", value=999), "elapsed"),
        (put("lines", 0, "end", value="2026-10-01T10:21:00+08:00"), "elapsed"),
        (put("lines", 0, "end", value="2026-10-01T10:20:30+08:00"), "whole minute"),
        (put("lines", 0, "end", value="2026-10-01T10:20:00"), "whole minute"),
        (put("lines", 0, "quantities", "leased_ms", value=1), "leased"),
        (put("lines", 1, "quantities", "held_ms", value=86_399_001), "held_ms"),
        (put("lines", 1, "quantities", "utilised_ns", value=10**15), "utilised_ns"),
        (put("lines", 1, "quantities", "unattributed_ms", value=-1), "unattributed_ms"),
        (put("lines", 1, "billed_ms", value=86_399_001), "billed"),
        (put("lines", 1, "billed_ms", value=86_398_999), "basis"),
        (put("lines", 1, "basis", value="held"), "basis"),
        (put("lines", 1, "price_yuan_per_card_hour", value="12.35"), "share x price"),
        (put("lines", 1, "price_yuan_per_card_hour", value="1e1"), "plainly"),
        (put("lines", 1, "share", value="1"), "share x price"),
        (put("lines", 1, "share", value="1/0"), "plainly"),
        (put("lines", 1, "price_yuan_per_card_hour", value="1/0"), "plainly"),
        (put("totals", "card_hours", value="1/0"), "plainly"),
        (put("totals", "card_hours", value="1e999999999"), "plainly"),
        (put("totals", "card_hours", value=None), "plainly"),
        (put("lines", 1, "line", value=3), "order"),
        (put("lines", 1, "hardware_id", value="c"), "listed"),
        (put("lines", 1, "hardware_id", value="a"), "twice"),
        (put("totals", "amount_fen", value=1), "amount_fen"),
        (put("totals", "eligible_fen", value=1), "eligible_fen"),
        (put("totals", "active_ms", value=1), "active_ms"),
        (put("totals", "card_hours", value="1"), "card_hours"),
        (put("totals", "billed_card_hours", value="1"), "billed_card_hours"),
        (put("totals", "rounding", value="half_up"), "rounding"),
        (put("days", 0, "observed_ms", value=1), "observed_ms"),
        (put("days", 0, "amount_fen", value=1), "amount_fen"),
        (put("days", 0, "date", value="2026-10-02"), "days"),
        (put("lines", 1, "eligible", value=False), "eligible_fen"),
    ],
)
def test_each_broken_equation_is_named(
    change: Callable[[dict[str, Any]], None], words: str
) -> None:
    """Every equation of the statement is checked: breaking it fails with its name."""
    statement = deepcopy(sound())
    change(statement)

    with pytest.raises(CheckFailed, match=words):
        check_arithmetic(statement)


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_fen_are_cut_not_rounded(numerator: int, denominator: int) -> None:
    """The amount is the largest whole fen that does not exceed the exact one."""
    exact = Fraction(numerator, denominator)
    fen = cut_to_fen(exact)

    assert Fraction(fen, 100) <= exact < Fraction(fen + 1, 100)


RULES: dict[str, Any] = {
    "format": "kashi/v1/rules",
    "programme_id": "p",
    "version": "1",
    "name_zh": "券",
    "name_en": "voucher",
    "parameters": [
        {"name": "ratio.general", "state": "published", "value": "0.50", "source": "s"},
        {"name": "exclude", "state": "published", "value": ["a", "b"], "source": "s"},
        {"name": "listed", "state": "decided", "value": True, "source": None},
        {"name": "validity", "state": "unknown", "value": None, "source": None},
    ],
}
RULES_BYTES = json.dumps(RULES, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def ruled() -> dict[str, Any]:
    """A statement that names these rules."""
    printed = {"ratio.general": "0.50", "exclude": "a; b", "listed": "true", "validity": None}
    return {
        "programme": {
            **{name: RULES[name] for name in ("programme_id", "version", "name_zh", "name_en")},
            "sha256": sha256(RULES_BYTES).hexdigest(),
            "parameters": [
                {
                    "name": one["name"],
                    "state": one["state"],
                    "value": printed[one["name"]],
                    "source": one["source"],
                }
                for one in RULES["parameters"]
            ],
        },
        "subsidy": {"estimate_fen": 5},
    }


def test_rules_hold_by_hash_and_parameter() -> None:
    """Hash, names and every printed parameter agree."""
    assert "p 1" in check_rules(ruled(), RULES_BYTES)


@pytest.mark.parametrize(
    "change",
    [
        put("programme", "sha256", value="00" * 32),
        put("programme", "version", value="2"),
        put("programme", "parameters", 0, "value", value="0.60"),
        put("programme", "parameters", 3, "state", value="published"),
        put("programme", "parameters", 3, "name", value="other"),
        put("programme", value=None),
    ],
)
def test_other_rules_are_found(change: Callable[[dict[str, Any]], None]) -> None:
    """A hash, a version or a printed parameter that differs fails the step."""
    statement = ruled()
    change(statement)

    with pytest.raises(CheckFailed):
        check_rules(statement, RULES_BYTES)


def test_missing_rules_are_found() -> None:
    """Rules that are named must be attached; without a programme nothing may be estimated."""
    with pytest.raises(CheckFailed):
        check_rules(ruled(), None)
    with pytest.raises(CheckFailed, match="estimated"):
        check_rules({"programme": None, "subsidy": {"estimate_fen": 5}}, None)
