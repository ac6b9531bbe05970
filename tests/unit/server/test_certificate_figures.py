"""Figures of the page: amounts in capitals, card-hours and yuan cut, never rounded; the chart."""

from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.documents import figures
from kashi_server.documents.chart import Bar, daily_chart
from kashi_server.domain.capital_amount import capital_amount

HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("amount_fen", "expected"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角整"),
        (100, "壹元整"),
        (101, "壹元零壹分"),
        (110, "壹元壹角整"),
        (1_000, "壹拾元整"),
        (10_500, "壹佰零伍元整"),
        (100_000, "壹仟元整"),
        (1_000_000, "壹万元整"),
        (10_010_000, "壹拾万零壹佰元整"),
        (18_600_005, "壹拾捌万陆仟元零伍分"),
        (100_000_001, "壹佰万元零壹分"),
        (1_000_000_000, "壹仟万元整"),
        (20_001_000_000, "贰亿零壹万元整"),
        (123_456_789_012, "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元壹角贰分"),
    ],
)
def test_capitals_follow_the_published_rules(amount_fen: int, expected: str) -> None:
    """Each amount is spelled as a voucher would."""
    assert capital_amount(amount_fen) == expected


@given(st.integers(0, 10**14 - 1))
def test_capitals_can_be_read_back(amount_fen: int) -> None:
    """The spelling names one amount only: reading it by the place of each word gives it back."""
    assert read_capitals(capital_amount(amount_fen)) == amount_fen


def read_capitals(text: str) -> int:
    """Read capitals by the plain meaning of each character; an oracle of its own."""
    digits = {char: value for value, char in enumerate("零壹贰叁肆伍陆柒捌玖")}
    places = {"拾": 10, "佰": 100, "仟": 1000}
    fen = yuan = group = digit = 0
    for char in text:
        if char in digits:
            digit = digits[char]
        elif char in places:
            group, digit = group + digit * places[char], 0
        elif char in "万亿元":
            group += digit
            digit = 0
            if char == "亿":
                yuan, group = (yuan + group) * 10**8, 0
            elif char == "万":
                yuan, group = yuan + group * 10**4, 0
            else:
                fen, group = (yuan + group) * 100, 0
        elif char in "角分":
            fen, digit = fen + digit * (10 if char == "角" else 1), 0
    return fen


def test_capitals_refuse_what_they_cannot_spell() -> None:
    """Beyond a million million yuan: refused, not misspelled; owed back is said so."""
    assert capital_amount(-18_600_005) == "负壹拾捌万陆仟元零伍分"
    for amount_fen in (-(10**14), 10**14):
        with pytest.raises(ValueError, match="capitals"):
            capital_amount(amount_fen)


@pytest.mark.parametrize(
    ("ms", "share", "expected"),
    [
        (3_600_000, Fraction(1), "1.0000"),
        (3_599_999, Fraction(1), "0.9999"),
        (3_600_000, Fraction(3, 7), "0.4285"),
        (4_444_440_000_000, Fraction(1), "1,234,566.6666"),
        (1, None, "—"),
    ],
)
def test_card_hours_are_cut(ms: int, share: Fraction | None, expected: str) -> None:
    """Four places, the rest cut off; an unknown share is not a zero."""
    assert figures.card_hours(ms, share) == expected


def test_yuan_and_percent() -> None:
    """Yuan to the fen; coverage never shows 100 % when it is not."""
    assert figures.yuan(123_456_789) == "1,234,567.89"
    assert figures.yuan(None) == "—"
    assert figures.percent("0.999999") == "99.9999 %"
    assert figures.gibibytes(85_899_345_920) == "80 GiB"


@given(
    st.lists(
        st.builds(
            Bar,
            label=st.just("1"),
            observed_ms=st.integers(0, 10**13),
            gap_ms=st.integers(0, 10**13),
        ),
        max_size=31,
    )
)
def test_chart_keeps_bars_within_its_lines(bars: list[Bar]) -> None:
    """No bar stands higher than the topmost line; the drawing has no text and no script."""
    chart = daily_chart(bars)
    drawn = ET.fromstring(chart.svg)
    space = "{http://www.w3.org/2000/svg}"

    rectangles = [one for one in drawn if one.tag == f"{space}rect"]
    assert all(int(one.attrib["y"]) >= 0 for one in rectangles)
    assert {one.tag for one in drawn.iter()} <= {
        f"{space}{name}" for name in ("svg", "defs", "pattern", "rect", "path")
    }
    assert len(chart.day_labels) == len(bars)
    assert chart.line_labels[0] == "0"
    assert 2 <= len(chart.line_labels) <= 6
    top_ms = int(chart.line_labels[-1].replace(",", "")) * HOUR_MS
    assert top_ms >= max((bar.observed_ms + bar.gap_ms for bar in bars), default=0)
