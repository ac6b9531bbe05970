"""The table of known faults: no row without a test, no test that is not there."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "meter-faults.md"
COLLECT_SECONDS = 300

ROWS = [
    f"{letter}{number}"
    for letter, count in (("U", 13), ("P", 10), ("E", 10), ("L", 14), ("A", 14), ("S", 37))
    for number in range(1, count + 1)
]
"""Every known fault, by the letter of its part."""


def table() -> dict[str, list[str]]:
    """Tests by row, in the order of the page."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if (row := re.match(r"\| ([A-Z]\d+) \|.+\|([^|]*)\|$", line)) is not None:
            assert row[1] not in found, f"{row[1]} stands twice"
            found[row[1]] = re.findall(r"`([^`]+)`", row[2])
    return found


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    """Every function of a file, in classes too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            yield node


def docstring(test: str) -> str:
    """What a test claims."""
    path, *_, name = test.split("::")
    for function in functions(ROOT / "tests" / path):
        if function.name == name:
            return ast.get_docstring(function) or ""
    return ""


def test_every_row_is_on_the_page_in_order() -> None:
    """The page has every known fault, and nothing that is not known."""
    assert list(table()) == ROWS


def test_every_row_has_a_test() -> None:
    """No known fault is left to chance."""
    assert [row for row, tests in table().items() if not tests] == []


def test_every_row_is_named_by_a_test_of_its_own() -> None:
    """One of a row's tests names the row in its docstring: who reads it knows what it is for."""
    unnamed = [
        row
        for row, tests in table().items()
        if tests and not any(re.search(rf"\b{row}\b", docstring(test)) for test in tests)
    ]

    assert unnamed == []


def test_every_test_named_is_collected() -> None:
    """A test of the table is one that pytest runs."""
    named = {f"tests/{test}" for tests in table().values() for test in tests}
    files = sorted({test.split("::")[0] for test in named})

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=COLLECT_SECONDS,
        check=False,
    )

    collected = {line.split("[")[0] for line in done.stdout.splitlines() if "::" in line}
    assert named <= collected, done.stdout + done.stderr
