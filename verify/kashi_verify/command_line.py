"""A command line that is read in Chinese and in English: its help, and what is wrong with it."""

import argparse
import re
from typing import Any, Final, NoReturn

WRONG: Final = 2
"""The exit code of a command line that is not understood."""

_HELP: Final = "显示本说明后退出。Show this help and exit."

_HEADINGS: Final = (
    (r"\Ausage: ", "用法 usage: "),
    (r"^positional arguments:$", "参数 positional arguments:"),
    (r"^options:$", "选项 options:"),
)

_MESSAGES: Final = (
    (r"the following arguments are required: (.+)", "缺少 {0}"),
    (r"unrecognized arguments: (.+)", "无法识别 {0}"),
    (r"ambiguous option: (\S+) could match (.+)", "{0} 不明确，可指 {1}"),
    (r"expected one argument", "须跟一个值"),
    (r"ignored explicit argument (.+)", "不带值，却写了 {0}"),
)
"""What argparse says, and the same in Chinese."""


class CommandLine(argparse.ArgumentParser):
    """A parser whose help and whose complaints stand in both languages, the Chinese first."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(add_help=False, **settings)
        self.add_argument("-h", "--help", action="help", help=_HELP)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, how the command is used and what the exit code means; end with it."""
        zh, en = _told(message)
        self.exit(
            WRONG,
            f"{self.prog}: {zh}。{en}\n{self.format_usage()}"
            f"退出码 {WRONG}：命令行有误，未执行；说明见 {self.prog} --help。"
            f"Exit code {WRONG}: wrong command line, nothing was done; {self.prog} --help tells "
            "how it is used\n",
        )

    def format_usage(self) -> str:
        """How the command is used."""
        return _headed(super().format_usage())

    def format_help(self) -> str:
        """All there is to say of the command."""
        return _headed(super().format_help())


def _headed(text: str) -> str:
    """With both languages in what argparse heads its paragraphs with."""
    for heading, both in _HEADINGS:
        text = re.sub(heading, both, text, count=1, flags=re.MULTILINE)
    return text


def _told(message: str) -> tuple[str, str]:
    """A complaint of argparse in Chinese and in English."""
    where = re.match(r"argument (\S+): ", message)
    said = message[where.end() :] if where else message
    zh = _chinese(said)
    return f"参数 {where[1]}：{zh}" if where else zh, message


def _chinese(said: str) -> str:
    for pattern, chinese in _MESSAGES:
        if found := re.fullmatch(pattern, said, re.DOTALL):
            return chinese.format(*found.groups())
    return "命令行无法理解"
