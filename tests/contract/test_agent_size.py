"""What an auditor is told of the agent's size."""

import ast
import re
from collections import Counter
from pathlib import Path

from deploy.agent_size import AGENT, BESIDE, NUMBERS, REST, code_lines, sizes

README = Path(__file__).parents[2] / "agent" / "README.md"
ROW = re.compile(r"\| \**([a-z' ]+?)\** \| \**([\d ]+?)\** \|")
STALE = 0.3
"""A figure further off than this part of it misleads."""
DRIVEN_ELSEWHERE = {
    *("observe_span", "observe_gap", "end_device"),  # by the demonstration
    *("do_GET", "log_message"),  # by http.server
    *("exchange", "private_numbers"),  # by cryptography, of any private key
}
"""What the agent has and does not name a second time."""


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


def test_nothing_is_there_that_nobody_uses() -> None:
    """Every function, method and class of the agent is named once more in the agent itself: what
    only a test wants is no line an auditor should have to read."""
    sources = [path.read_text(encoding="utf-8") for path in sorted(AGENT.rglob("*.py"))]
    named = Counter(word for source in sources for word in re.findall(r"\w+", source))
    made = Counter(
        node.name
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("__")
    )

    assert len(made) > 500
    assert {name for name in made if named[name] == made[name]} == DRIVEN_ELSEWHERE
