"""One word stands for one thing: a claim is 申报 and a programme 项目, wherever a person reads."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
READ: Final = ("server/kashi_server", "verify/kashi_verify", "agent/kashi_agent", "docs")
KINDS: Final = (".py", ".html", ".md")

THE_RULES_OWN: Final = "先申领后兑现"
"""How published rules call one of their ways of paying."""


def texts() -> Iterator[tuple[str, str]]:
    """Every source and page that has words of people: path and text."""
    paths = [path for folder in READ for path in (ROOT / folder).rglob("*") if path.is_file()]
    for path in (*sorted(paths), ROOT / "README.md"):
        if path.suffix in KINDS and path != ROOT / "docs" / "glossary.md":
            yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("other", "word"), [("申领", "申报"), ("计划", "项目")])
def test_a_thing_is_called_by_its_one_word(other: str, word: str) -> None:
    """Who reads two words looks for two things; the rules' own names stay as published."""
    read = {path: text.replace(THE_RULES_OWN, "") for path, text in texts()}

    assert any(word in text for text in read.values())
    assert [path for path, text in read.items() if other in text] == []
