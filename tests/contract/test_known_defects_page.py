"""The table of defects that others had: no row without a test, no test that is not there."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "known-defects.md"
NAMED_AFTER = "unit/server/test_known_defects.py"


def table() -> list[tuple[str, list[str]]]:
    """Rows of the page in order, each with its tests."""
    return [
        (row[1], re.findall(r"`([^`]+)`", row[2]))
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if (row := re.match(r"\| (D\d+) \|.+\|([^|]*)\|$", line)) is not None
    ]


def claims_of(file: str) -> dict[str, str]:
    """Names and docstrings of a file's tests."""
    module = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.walk(module)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def test_every_defect_has_a_test_that_is_there_and_says_what_it_holds() -> None:
    """Row by row, in their order: each test named exists, with its claim."""
    rows = table()

    assert [name for name, _tests in rows] == [f"D{place}" for place in range(1, len(rows) + 1)]
    for name, tests in rows:
        assert tests, f"{name} has no test"
        for test in tests:
            file, _, function = test.partition("::")
            assert claims_of(file).get(function), f"{name}: there is no {test} with a claim"


def test_every_test_named_after_a_defect_stands_on_the_page() -> None:
    """Whoever adds one says there what went wrong."""
    listed = {test for _name, tests in table() for test in tests}

    assert {f"{NAMED_AFTER}::{name}" for name in claims_of(NAMED_AFTER)} <= listed
