"""The measurement specification says the same in Chinese and in English, and what the code does."""

import re
from pathlib import Path

import pytest
from kashi_agent.reading import GapReason

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH = DOCS / "metering.md"
CHINESE = DOCS / "metering.zh.md"


def sections(path: Path) -> dict[int, str]:
    """Numbered sections of a text: number -> content."""
    parts = re.split(r"(?m)^## (\d+)\. .*$", path.read_text(encoding="utf-8"))
    return dict(zip(map(int, parts[1::2]), parts[2::2], strict=True))


def rows(text: str) -> int:
    """Rows of all tables."""
    return len(re.findall(r"(?m)^\|", text))


def terms(text: str) -> set[str]:
    """Everything written as code: names of quantities, reasons, settings, files."""
    return set(re.findall(r"`([^`\n]+)`", text))


def test_both_texts_have_the_same_sections() -> None:
    """Numbered alike, from 1 to the end, none empty."""
    english, chinese = sections(ENGLISH), sections(CHINESE)

    assert list(english) == list(chinese) == list(range(1, len(english) + 1))
    assert all(text.strip() for text in (*english.values(), *chinese.values()))


@pytest.mark.parametrize("number", sorted(sections(ENGLISH)))
def test_each_section_says_the_same_of_the_same(number: int) -> None:
    """The same rows in its tables, the same names of things."""
    english, chinese = sections(ENGLISH)[number], sections(CHINESE)[number]

    assert rows(english) == rows(chinese)
    assert terms(english) == terms(chinese)


@pytest.mark.parametrize("path", [ENGLISH, CHINESE], ids=["en", "zh"])
def test_every_reason_of_a_gap_is_explained(path: Path) -> None:
    """Each reason that a report can carry stands in the table of gaps."""
    explained = terms(sections(path)[5])

    assert explained >= {reason.name for reason in GapReason}
