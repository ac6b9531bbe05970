"""What `fsck` and `ledger check` find they say in Chinese and in English, as refusals do."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from two_languages import Message, sources

SERVER: Final = Path(__file__).parents[2] / "server" / "kashi_server"

LOOKING: Final = (
    *("services/fsck*.py", "services/paper_faults.py", "services/evidence_logged.py"),
    *("services/evidence_files.py", "services/ledger.py"),
    *("storage/claim_checks.py", "storage/booked_columns.py"),
)
"""Where findings are made; those that are raised are held with all refusals."""

TELLING: Final = {"Iterator[str]", "list[str]", "str | None"}
"""What a function returns that makes findings."""

PASSED_ON: Final = {"storage/corrections.py::column_faults"}
"""What passes on findings of the files above, and has no words of its own."""

LISTS: Final = {"differences", "repaired", "faults"}
"""Lists that findings are added to."""

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def findings() -> tuple[Message, ...]:
    """Every text that a function which looks for faults yields, returns or adds to their list."""
    return tuple(sorted({one for path in _paths() for one in _of_file(path)}))


def _paths() -> list[str]:
    return [
        path for path in sources(SERVER).trees if any(fnmatch(path, pattern) for pattern in LOOKING)
    ]


def _of_file(path: str) -> Iterator[Message]:
    read = sources(SERVER)
    for function in ast.walk(read.trees[path]):
        if isinstance(function, _Function):
            for told in _told(function):
                for text in read.texts(told, function):
                    name = function.name
                    yield Message(path=path, line=told.lineno, error=name, text=text)


def _told(function: _Function) -> Iterator[ast.expr]:
    for node in ast.walk(function):
        match node:
            case ast.Yield(value=ast.expr() as told) | ast.Return(value=ast.expr() as told):
                if _makes(function):
                    yield from told.elts if isinstance(told, ast.List) else (told,)
            case ast.Call(func=ast.Attribute(attr="append", value=ast.Attribute(attr=name))):
                if name in LISTS:
                    yield from node.args


def _makes(function: _Function) -> bool:
    return function.returns is not None and ast.unparse(function.returns) in TELLING


def test_every_finding_has_its_chinese_half() -> None:
    """中文一句。English sentence: of all that an auditor reads in the lists of the two commands."""
    assert [one for one in findings() if not (one.told_twice() or one.wordless)] == []


@pytest.mark.parametrize("pattern", LOOKING)
def test_findings_are_seen_wherever_they_are_made(pattern: str) -> None:
    """A walk that sees nothing would find nothing wrong."""
    assert [one for one in findings() if fnmatch(one.path, pattern)], pattern


def test_no_finding_is_made_elsewhere() -> None:
    """What is named like a list of faults, in any other file, is no gap."""
    strange = {
        f"{path}::{node.name}"
        for path, tree in sources(SERVER).trees.items()
        if path not in _paths()
        for node in ast.walk(tree)
        if isinstance(node, _Function) and _makes(node) and "fault" in node.name
    }

    assert strange == PASSED_ON
