"""The measurement specification says the same in Chinese and in English, and what the code does."""

import re
from pathlib import Path

import pytest
from kashi_agent.reading import GapReason

DOCS = Path(__file__).parents[2] / "docs"
ENGLISH = DOCS / "metering.md"
CHINESE = DOCS / "metering.zh.md"
BENCHMARKS = DOCS / "benchmarks.md"


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


def percents(text: str) -> list[str]:
    """Every figure in per cent, as it is written."""
    return re.findall(r"\d+\.\d+(?= %)", text)


def sampling_error(path: Path) -> list[list[str]]:
    """The table of errors of sampling: of each way to read a day, the worst day and the month."""
    lines = [line for line in sections(path)[11].splitlines() if line.startswith("|")]
    found = [percents(line) for line in lines]
    return [figures for figures in found if len(figures) == 3]


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


def test_both_texts_state_the_same_figures() -> None:
    """Of the error of sampling: each way to read in the same row, the rest as often."""
    english, chinese = sections(ENGLISH)[11], sections(CHINESE)[11]

    assert len(sampling_error(ENGLISH)) == 5
    assert sampling_error(ENGLISH) == sampling_error(CHINESE)
    assert sorted(percents(english)) == sorted(percents(chinese))


def test_the_error_stated_is_the_error_that_was_measured() -> None:
    """The row of docs/benchmarks.md has the figures of the specification's table, each where it
    belongs, and none beside; the target stands in its own cell."""
    text = BENCHMARKS.read_text(encoding="utf-8")
    (row,) = re.findall(r"(?m)^\| utilised card-hours of a bursty day.*$", text)
    _, _, _, measured, why, _ = row.split("|")
    buffer, second, sixth, twice, scraped = sampling_error(ENGLISH)

    assert percents(measured) == [buffer[0], buffer[1], second[0], sixth[0], sixth[1], sixth[2]]
    mean, eight, faster, scrape = percents(why)
    assert (faster, scrape) == (twice[0], scraped[0])
    said = " ".join(sections(ENGLISH)[11].split())
    off, scatter = re.findall(r"mean of 49 days is (\S+) ± (\S+) %", why)[0]
    assert (
        f"Over 49 such days the mean error was {off} % with a standard error of {scatter} %" in said
    )
    assert mean == scatter
    assert f"{eight} % for a day of eight cards" in said
