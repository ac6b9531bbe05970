"""What the agent and its meter write into their logs is read by people: Chinese, then English."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import kashi_agent

SOURCES = Path(kashi_agent.__file__).parent
LOGGED = frozenset({"info", "warning", "error", "exception"})
FORMAT = re.compile(r"%[.\d]*[a-z]")
BOTH = re.compile(r"[^a-z]*[\u4e00-\u9fff].*[a-z]{2}")


def texts() -> Iterator[tuple[str, str]]:
    """Where something is logged, and the text as it stands there, if it has words of its own."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="logger" | "_LOG"), attr=kind),
                    args=[ast.Constant(value=str(text)), *_],
                ) if kind in LOGGED and re.search(r"[^\W\d_]{3}", text):
                    yield f"{path.name}:{node.lineno}", text


def test_what_is_logged_is_in_both_languages() -> None:
    """The Chinese half first."""
    found = list(texts())
    lacking = [where for where, text in found if not BOTH.match(FORMAT.sub("", text))]

    assert len(found) > 8
    assert lacking == []
