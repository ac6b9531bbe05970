"""Every command line on a page is one that its program understands: names, options, values."""

import contextlib
import io
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from documented_commands import Mention, mentions
from kashi_agent import cli as agent_cli
from kashi_agent import meterd
from kashi_server.cli import app
from kashi_verify import cli as verify_cli
from typer._click import Context, exceptions  # typer carries its own click and names no door to it
from typer.core import TyperGroup

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")])
PARSERS = {
    "kashi-agent": agent_cli._parser,
    "kashi-meter": meterd._parser,
    "kashi-verify": verify_cli._parser,
}
LEFT_OUT = ("…", "...")
NAMES: dict[str, set[str | None]] = {
    "kashi-server": {one.name for one in app.registered_commands}
    | {one.name for one in app.registered_groups},
    "kashi-agent": {
        one.__name__.rpartition(".")[2].replace("_", "-") for one in agent_cli._COMMANDS
    },
}
GROUPS = [str(one.name) for one in app.registered_groups]
SERVER = typer.main.get_command(app)


def complaint(mention: Mention) -> str:
    """What the program says against a command line; "" where it takes it.

    Of a line in prose, what it leaves out is no mistake, and a value may be a word for one.
    """
    words = [word for word in mention.words if word not in LEFT_OUT]
    if not mention.program:
        of = [program for program, names in NAMES.items() if words[0] in names]
        against = [complaint(replace(mention, program=program)) for program in of]
        # A row of a table names a group once: `claim list` · `show [--trace]`.
        against += [_server_complaint([group, *words], cut=True) for group in GROUPS if of]
        return against[0] if against and all(against) else ""
    cut = not mention.whole or "…" in mention.words
    if mention.program == "kashi-server":
        return _server_complaint(words, cut=cut)
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        try:
            PARSERS[mention.program]().parse_args(words)
        except SystemExit as end:
            text = said.getvalue()
            tolerated = cut and ("are required" in text or "expected" in text or not words)
            return "" if end.code == 0 or tolerated else text.splitlines()[-1]
    return ""


def _server_complaint(words: list[str], *, cut: bool) -> str:
    command, context = SERVER, Context(SERVER, info_name="kashi-server")
    while isinstance(command, TyperGroup):
        if not words:
            return "" if cut else "names no command"
        name, *words = words
        if cut and name.startswith("-"):
            return ""  # its command was left out
        found = command.get_command(context, name)
        if found is None:
            return f"there is no command '{name}'"
        command, context = found, Context(found, info_name=name, parent=context)
    try:
        command.make_context(context.info_name, words, parent=context.parent)
    except exceptions.BadParameter as error:
        return "" if cut else error.format_message()
    except exceptions.UsageError as error:
        return "" if cut and "requires an argument" in error.message else error.format_message()
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_on_the_page_is_understood(page: Path) -> None:
    """The real parsers take it: whole in a code block, as far as it goes in prose."""
    found = [f"{one}\n    {said}" for one in mentions(ROOT, page) if (said := complaint(one))]

    assert not found, "\n".join(found)


def test_mentions_are_found_and_mistakes_in_them_told() -> None:
    """The pages have far over a hundred; renamed commands and options are not passed by."""
    found = [one for page in PAGES for one in mentions(ROOT, page)]
    assert len(found) > 150
    assert {one.program for one in found} == {"kashi-server", *PARSERS, ""}
    for program, words, whole in (
        ("kashi-server", ("claim", "handin"), False),
        ("kashi-server", ("close", "2026-10", "--force"), False),
        ("kashi-server", ("close",), True),
        ("kashi-server", ("hosts", "doubts", "--days", "many"), True),
        ("", ("hosts", "quarantine", "HOST"), False),
        ("", ("certify", "--all-of-it"), False),
        ("kashi-agent", ("top", "--often"), False),
        ("kashi-agent", ("enroll",), False),
        ("kashi-verify", ("--roots", "x.pem", "y.pdf"), True),
    ):
        made = Mention(page="x", line=1, text="", program=program, words=words, whole=whole)
        assert complaint(made), words
