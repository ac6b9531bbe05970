"""The statement: canonical bytes, and arithmetic that is refused when it does not hold."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from kashi_server.domain.canonical import canonical_bytes, decimal_text
from kashi_server.domain.statement import FORMAT, Statement
from kashi_server.errors import InvalidValue
from statement_samples import long_statement, rented_statement, self_owned_statement


@pytest.mark.parametrize(
    "statement", [rented_statement(), self_owned_statement(demo=True), long_statement(500)]
)
def test_bytes_are_canonical_and_stable(statement: Statement) -> None:
    """The bytes are sorted, spaceless JSON of integers and text, the same every time."""
    found = statement.to_bytes()

    data = json.loads(found, parse_float=lambda text: pytest.fail(f"a float: {text}"))
    assert found == canonical_bytes(data)
    assert found == statement.to_bytes()
    assert data["format"] == FORMAT


def test_totals_are_sums_of_the_lines() -> None:
    """A reader can add the lines up and meets the totals."""
    data = json.loads(rented_statement().to_bytes())

    for name, total in data["lines"][0]["quantities"].items():
        assert total is not None
        assert data["totals"][name] == sum(line["quantities"][name] for line in data["lines"])
    assert data["totals"]["amount_fen"] == sum(line["amount_fen"] for line in data["lines"])
    assert data["totals"]["amount_fen"] == sum(day["amount_fen"] for day in data["days"])


def test_a_line_with_a_wrong_amount_is_refused() -> None:
    """One fen too much and the line is not born."""
    line = rented_statement().lines[0]

    with pytest.raises(InvalidValue, match="not billed x price"):
        replace(line, amount_fen=line.amount_fen + 1)


def test_a_line_that_loses_a_millisecond_is_refused() -> None:
    """Observed and gap are the elapsed time, exactly."""
    line = rented_statement().lines[0]
    short = replace(line.quantities, gap_ms=line.quantities.gap_ms - 1)

    with pytest.raises(InvalidValue, match="is not the elapsed"):
        replace(line, quantities=short)


def test_a_line_that_earns_nothing_says_why() -> None:
    """No line is ineligible without a reason."""
    line = self_owned_statement().lines[0]

    with pytest.raises(InvalidValue, match="does not say why"):
        replace(line, reasons=())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Fraction(1, 4), "0.25"),
        (Fraction(744), "744"),
        (Fraction(1, 3), "1/3"),
        (Fraction(-5, 2), "-2.5"),
        (Fraction(0), "0"),
    ],
)
def test_decimal_text_is_exact(value: Fraction, expected: str) -> None:
    """A fraction is spelled as the decimal it is, or as a fraction."""
    assert decimal_text(value) == expected


def test_a_float_has_no_canonical_spelling() -> None:
    """A float is refused and its place named."""
    with pytest.raises(InvalidValue, match=r"\$\.a\[1\]"):
        canonical_bytes({"a": [1, 0.5]})
