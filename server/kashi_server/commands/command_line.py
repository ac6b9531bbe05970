"""The command line in both languages, the Chinese first: what is wrong with it, and its headings.

Typer speaks English alone: what it says of a wrong command line is put beside its Chinese here, and
the words with which it heads a help.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import typer
from rich.columns import Columns
from rich.text import Text
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup, TyperOption

from kashi_server.commands.plain import plain

PROGRAM: Final = "kashi-server"

HELP: Final = "显示本说明后退出。Show this help and exit."

_USAGE: Final = ("Usage: ", "用法 Usage: ")

_MESSAGES: Final = (
    (r"Missing (?:argument|option) '(.+?)'\. Choose from:\s*(.+)", "缺少 {0}，可选 {1}"),
    (r"Missing (?:argument|option) '(.+)'\.", "缺少 {0}"),
    (r"Missing command\.", "缺少命令"),
    (r"No such command '(.+?)'\. Did you mean (.+)\?", "没有命令 {0}，是否指 {1}"),
    (r"No such command '(.+)'\.", "没有命令 {0}"),
    (r"No such option: (\S+) \(Possible options: (.+)\)", "没有选项 {0}，是否指 {1}"),
    (r"No such option: (.+)", "没有选项 {0}"),
    (r"Got unexpected extra argument\(s\) \((.+)\)", "多出 {0}"),
    (r"Option '(.+)' requires an argument\.", "{0} 须跟一个值"),
    (r"Option '(.+)' does not take a value\.", "{0} 不带值"),
    (r"Invalid value for '(.+?)': .*valid integer.*", "{0} 须为整数"),
    (r"Invalid value for '(.+?)': .*greater than or equal to (.+)", "{0} 不得小于 {1}"),
    (r"Invalid value for '(.+?)': .*less than or equal to (.+)", "{0} 不得大于 {1}"),
    (r"Invalid value for '(.+?)': (.+) is not one of (.+)\.", "{0} 没有 {1}，可选 {2}"),
    (
        r"Invalid value for '(.+?)': (.+) does not match the formats '%Y-%m-%d'\.",
        "{0} 须写成 2026-10-08，而非 {1}",
    ),
    (r"Invalid value for '(.+?)': .*", "{0} 的值有误"),
)
"""What Typer says, and the same in Chinese."""


_HALVES: Final = re.compile(r"(?<=[。？])(?=[!-~])")
"""Where a Chinese sentence runs into an English one."""


class _Whole:
    """Has a text folded, never cut.

    Rich counts characters where it takes blanks off the end of a line, though a Chinese one fills
    two cells: such a line seems too long afterwards and loses its last letters to an ellipsis; and
    so does a run without a blank that is longer than its column.
    """

    def __call__(self, text: str | Text) -> Text:
        """The text, coloured."""
        found: Text = super().__call__(text)  # type: ignore[misc]  # of the class beside it
        found.overflow = "fold"
        return found


class _WholeOptions(_Whole, rich_utils.OptionHighlighter):
    """Colours options."""


class _WholeNegatives(_Whole, rich_utils.NegativeOptionHighlighter):
    """Colours options that say no."""


class _WholeColumns(Columns):
    """What stands beside an option: its help, its default, whether it must be given; uncut."""

    def __init__(self, renderables: Iterable[Any]) -> None:
        """Of these."""
        whole = list(renderables)
        for one in whole:
            if isinstance(one, Text):
                one.overflow = "fold"
        super().__init__(whole)


class _BothLanguages:
    """What a command of Typer's says of itself, in both languages."""

    def get_usage(self, ctx: Any) -> str:
        """How the command is used."""
        usage: str = super().get_usage(ctx)  # type: ignore[misc]  # of the class beside it
        return usage.replace(*_USAGE, 1)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help; between its halves stands a blank, at which a line may end."""
        for one in self.get_params(ctx):  # type: ignore[attr-defined]  # of the class beside it
            one.help = _HALVES.sub(" ", getattr(one, "help", None) or "")
        super().format_help(ctx, formatter)  # type: ignore[misc]  # as above

    def get_help_option(self, ctx: Any) -> TyperOption | None:
        """`--help`."""
        option: TyperOption | None = super().get_help_option(ctx)  # type: ignore[misc]  # as above
        if option is not None:
            option.help = HELP
        return option


class Command(_BothLanguages, TyperCommand):
    """A command."""


class Group(_BothLanguages, TyperGroup):
    """Commands below a name."""


def in_both_languages(app: typer.Typer) -> None:
    """Have every command and group speak both languages, and the headings of their help."""
    rich_utils.ARGUMENTS_PANEL_TITLE = "参数 Arguments"
    rich_utils.OPTIONS_PANEL_TITLE = "选项 Options"
    rich_utils.COMMANDS_PANEL_TITLE = "命令 Commands"
    rich_utils.REQUIRED_LONG_STRING = "[必填 required]"
    rich_utils.DEFAULT_STRING = "[默认 default: {}]"
    rich_utils.ENVVAR_STRING = "[环境变量 env var: {}]"
    # What Typer lays a help out with, by the names it knows them under.
    vars(rich_utils).update(
        highlighter=_WholeOptions(), negative_highlighter=_WholeNegatives(), Columns=_WholeColumns
    )
    _speaking(app)


def _speaking(app: typer.Typer) -> None:
    app.info.cls = Group
    for command in app.registered_commands:
        command.cls = Command
    for group in app.registered_groups:
        group.cls = Group
        if group.typer_instance is not None:
            _speaking(group.typer_instance)


def told(error: typer.TyperException) -> str:
    """What is said of a wrong command line: what is wrong, how it is used, what the exit code is.

    Of a group that is given no command its help stands already on standard output.
    """
    message = error.format_message()
    if not message.strip():
        return ""
    context: typer.Context | None = getattr(error, "ctx", None)
    program = PROGRAM if context is None else context.command_path
    usage = [] if context is None else [context.get_usage()]
    code = error.exit_code
    lines = [f"{program}: {_chinese(message)}。{_on_one_line(message)}", *usage]
    lines.append(
        f"退出码 {code}：命令行有误，未执行；说明见 {program} --help。"
        f"Exit code {code}: wrong command line, nothing was done; {program} --help tells how it "
        "is used"
    )
    return "".join(f"{plain(line)}\n" for line in lines)


def _chinese(message: str) -> str:
    for pattern, chinese in _MESSAGES:
        if found := re.fullmatch(pattern, message, re.DOTALL):
            return chinese.format(*(_on_one_line(one) for one in found.groups()))
    return "命令行无法理解"


def _on_one_line(text: str) -> str:
    return " ".join(text.split()).replace("Value error, ", "", 1)
