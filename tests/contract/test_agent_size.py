"""What an auditor is told of the agent's size."""

import re
from pathlib import Path

from deploy.agent_size import BESIDE, NUMBERS, REST, code_lines, sizes

README = Path(__file__).parents[2] / "agent" / "README.md"
ROW = re.compile(r"\| \**([a-z' ]+?)\** \| \**([\d ]+?)\** \|")
STALE = 0.3
"""A figure further off than this part of it misleads."""


def test_lines_without_code_do_not_count() -> None:
    """Blank lines, comments and docstrings, those of constants too; a text that is used does."""
    source = '''"""A module."""

# A comment.
LIMIT = 1
"""A constant."""


def told() -> str:
    """A function."""
    return """two
lines"""
'''

    assert code_lines(source) == 4


def test_the_readme_tells_every_part_and_about_its_size() -> None:
    """No part is left out, and no figure has grown stale; `make agent-size` has the exact ones."""
    section = README.read_text(encoding="utf-8").partition("## How much there is to read")[2]
    rows = ROW.findall(section.partition("\n## ")[0])
    told = {name: int(lines.replace(" ", "")) for name, lines in rows}
    counted = dict(sizes())
    counted["the numbers"] = sum(counted[name] for name in (*NUMBERS, REST))

    assert told.keys() == {*NUMBERS, *BESIDE, REST, "the numbers"}
    assert {
        name: (lines, counted[name])
        for name, lines in told.items()
        if abs(lines - counted[name]) > STALE * counted[name]
    } == {}
