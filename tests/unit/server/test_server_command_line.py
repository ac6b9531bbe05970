"""The server's command line, as an officer reads it who knows Chinese first."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
import typer
from kashi_server.cli import app
from server_commands import run
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

CHINESE = re.compile("[\u4e00-\u9fff]")
DRAWN = re.compile("[\\s\u2500-\u257f]")
"""Blanks, and what boxes are drawn with."""


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        ("frob", "没有命令 frob", "No such command 'frob'."),
        ("clos", "没有命令 clos，是否指 'close'", "Did you mean 'close'?"),
        ("hosts frob", "没有命令 frob", "No such command 'frob'."),
        ("close", "缺少 MONTH", "Missing argument 'MONTH'."),
        ("token P", "缺少 --officer", "Missing option '--officer'."),
        ("account create x", "缺少 --role，可选 officer, ", "Missing option '--role'."),
        ("close 2026-10 --forc", "没有选项 --forc", "No such option: --forc"),
        ("close 2026-10 --offic x", "没有选项 --offic，是否指 --officer", "--officer"),
        ("close a b", "多出 b", "Got unexpected extra argument(s) (b)"),
        ("hosts doubts --days", "--days 须跟一个值", "'--days' requires an argument."),
        ("close 2026-10 --json=1", "--json 不带值", "'--json' does not take a value."),
        ("hosts doubts --days many", "--days 须为整数", "valid integer"),
        (
            "gaps decide 1 --verdict maybe --officer x --reason y",
            "--verdict 没有 'maybe'，可选 'accepted', 'refused'",
            "Invalid value for '--verdict': 'maybe' is not one of",
        ),
        (
            "batch open B --from 2026-13-13 --officer x",
            "--from 须写成 2026-10-08，而非 '2026-13-13'",
            "'2026-13-13' does not match the formats",
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_chinese_then_in_english(
    arguments: str, zh: str, en: str
) -> None:
    """One line in both, then how the command is used, then what the exit code means."""
    done = run(*arguments.split())
    told, *usage, code = done.stderr.splitlines()
    chinese, english = told.split("。")

    assert (done.returncode, done.stdout) == (2, "")
    assert told.startswith("kashi-server")
    assert zh in chinese
    assert en in english
    assert not CHINESE.search(english)
    assert not usage or usage[0].startswith("用法 Usage: kashi-server")
    assert code.startswith("退出码 2：")
    assert "Exit code 2: " in code


def test_what_typer_may_say_one_day_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A complaint that nobody has put into Chinese keeps its words, after a Chinese sentence."""
    monkeypatch.setattr("kashi_server.commands.command_line._MESSAGES", ())

    told = run("close").stderr.splitlines()[0]

    assert told == "kashi-server close: 命令行无法理解。Missing argument 'MONTH'."


def test_a_group_without_a_command_shows_its_help_alone() -> None:
    """On standard output, as before, and with the exit code of a wrong command line."""
    done = run("voucher")

    assert (done.returncode, done.stderr) == (2, "")
    assert "用法 Usage: kashi-server voucher" in done.stdout


def helps(command: TyperCommand | TyperGroup, name: str) -> Iterator[tuple[str, str]]:
    """Whatever the help of a command says, and of the commands below it, with where it stands."""
    paragraphs = (command.help or "").split("\n\n")
    yield from ((name, one) for one in [*paragraphs, *filter(None, [command.epilog])])
    for one in command.get_params(typer.Context(command)):
        yield f"{name} {one.opts[0]}", getattr(one, "help", None) or ""
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            assert isinstance(below, TyperCommand | TyperGroup)
            yield from helps(below, f"{name} {below.name}")


def test_every_help_is_in_chinese_then_in_english() -> None:
    """Every paragraph on a command, every option: a Chinese sentence, then one without Chinese."""
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    found = list(helps(program, "kashi-server"))

    assert len(found) > 700
    assert [
        (name, text)
        for name, text in found
        for zh, _stop, en in [text.rpartition("。")]
        if not CHINESE.search(zh) or CHINESE.search(en) or not re.search("[A-Za-z]{2}", en)
    ] == []


def test_the_headings_of_a_help_are_in_both_languages() -> None:
    """Typer's own words too: what is an argument, what must be given."""
    said = run("export", "--help").stdout

    for words in ("用法 Usage: ", "参数 Arguments", "选项 Options", "[必填 required]"):
        assert words in said


def commands(
    command: TyperCommand | TyperGroup, above: typer.Context | None = None
) -> Iterator[tuple[TyperCommand | TyperGroup, typer.Context]]:
    """A command and all below it, as each is called."""
    context = typer.Context(command, parent=above, info_name=command.name or "kashi-server")
    yield command, context
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            assert isinstance(below, TyperCommand | TyperGroup)
            yield from commands(below, context)


def shown(command: TyperCommand | TyperGroup, context: typer.Context, *, cells: int) -> str:
    """Its help on a terminal of some width."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rich_utils, "MAX_WIDTH", cells)
        console = rich_utils._get_rich_console()
        patch.setattr(rich_utils, "_get_rich_console", lambda: console)
        with console.capture() as captured:
            command.format_help(context, context.make_formatter())
    return captured.get()


def test_no_help_loses_a_character_on_a_terminal_of_80_columns() -> None:
    """What stands there on a terminal as wide as one likes stands there on a narrow one."""
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    found = list(commands(program))

    assert len(found) > 80
    assert {
        context.command_path: (lost, told - wide)
        for command, context in found
        for told in [Counter(DRAWN.sub("", shown(command, context, cells=80)))]
        for wide in [Counter(DRAWN.sub("", shown(command, context, cells=1000)))]
        if (lost := wide - told) or told - wide
    } == {}


def test_a_help_breaks_a_line_between_the_languages_not_inside_a_word() -> None:
    """Where Chinese runs into English without a blank the first word would be cut in two."""
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    (init,) = (found for found in commands(program) if found[0].name == "init")

    said = shown(*init, cells=80)
    assert "First of four" in said
    assert "A demonstration:" in said
