"""Exit codes of `kashi-agent`: the same in both languages of its help, on its page and in code."""

import re
from pathlib import Path

from kashi_agent import cli, errors

PAGE = Path(__file__).parents[2] / "agent" / "README.md"


def _codes(told: str) -> list[int]:
    """The numbers that a list `0 done · 1 failed` begins each entry with."""
    entries = re.split(r"[:：·]", " ".join(told.split()))
    return [int(entry.split()[0]) for entry in entries if re.match(r" ?\d+ ", entry)]


def _raised() -> set[int]:
    """The exit codes that errors of the agent end with."""
    kinds = [one for one in vars(errors).values() if isinstance(one, type)]
    return {one.exit_code for one in kinds if issubclass(one, errors.AgentError)}


def test_the_help_tells_every_exit_code_in_both_languages() -> None:
    """Chinese and English list the same codes: 0 and every one that an error ends with."""
    chinese, _, english = (cli._parser().epilog or "").partition("Exit codes:")
    assert _codes(chinese) == _codes(f":{english}") == list(range(max(_raised()) + 1))


def test_the_page_tells_every_exit_code_that_the_help_tells() -> None:
    """The table of agent/README.md has a row for each code, and none beside."""
    rows = re.findall(r"^\| (\d+) \| [^|]+ \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == list(range(max(_raised()) + 1))
