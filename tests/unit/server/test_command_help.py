"""Every command introduces itself in Chinese and in English."""

import inspect
import re
from collections.abc import Iterator

import pytest
import typer
from kashi_server.cli import app

ENGLISH = re.compile(r"[A-Z][a-z]")
CHINESE = re.compile("[\u4e00-\u9fff]")


def commands(group: typer.Typer, path: str = "") -> Iterator[tuple[str, str]]:
    """Names and help of all commands of a group."""
    for one in group.registered_commands:
        assert one.callback is not None
        name = one.name or one.callback.__name__
        yield f"{path}{name}", one.help or inspect.getdoc(one.callback) or ""
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        help_of_group = inner.typer_instance.info.help
        yield f"{path}{inner.name}", help_of_group if isinstance(help_of_group, str) else ""
        yield from commands(inner.typer_instance, f"{path}{inner.name} ")


@pytest.mark.parametrize(("name", "said"), sorted(commands(app)), ids=lambda value: value[:24])
def test_help_is_in_both_languages(name: str, said: str) -> None:
    """Its first paragraph, which is what a list of commands shows."""
    first = said.split("\n\n")[0]

    assert ENGLISH.search(first), name
    assert CHINESE.search(first), name


def test_no_command_is_named_twice() -> None:
    """The later one would hide the earlier."""
    names = [name for name, _said in commands(app)]

    assert [name for name in names if names.count(name) > 1] == []
