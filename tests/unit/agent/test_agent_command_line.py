"""The agent's two command lines, as somebody reads them who knows Chinese first."""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kashi_agent import cli, meterd
from kashi_agent.both_languages import halves
from kashi_agent.cli import main
from kashi_agent.meterd import main as meter
from sample_status import a_status

CHINESE = re.compile("[\u4e00-\u9fff]")


def said(capsys: pytest.CaptureFixture[str], program: str, arguments: list[str]) -> list[str]:
    """What a wrong command line is answered with on standard error, by lines."""
    with pytest.raises(SystemExit) as ended:
        {"kashi-agent": main, "kashi-meter": meter}[program](arguments)

    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        ("kashi-agent", "缺少 COMMAND", "the following arguments are required: COMMAND"),
        ("kashi-agent relay", "缺少 COMMAND", "the following arguments are required: COMMAND"),
        ("kashi-agent frob", "没有 'frob'，可选 'enrol', ", "invalid choice: 'frob'"),
        ("kashi-agent export", "缺少 FILE", "the following arguments are required: FILE"),
        ("kashi-agent status more", "无法识别 more", "unrecognized arguments: more"),
        ("kashi-agent top --every", "参数 --every：须跟一个值", "expected one argument"),
        ("kashi-agent top --every no", "'no' 不是有效的值", "invalid seconds value: 'no'"),
        (
            "kashi-agent top --every 0",
            "参数 --every：0：须为 0.1 至 3600 秒",
            "--every: 0; it must be",
        ),
        ("kashi-agent top --json=1", "不带值，却写了 '1'", "ignored explicit argument '1'"),
        ("kashi-agent enrol --tok x", "可指 --token, --token-file", "ambiguous option: --tok"),
        ("kashi-agent release --end --for 5m", "不能与 --end 同用", "not allowed with"),
        ("kashi-agent import-receipts", "缺少 FILE", "are required: FILE"),
        ("kashi-meter --meter what", "没有 'what'，可选 ", "invalid choice: 'what'"),
        ("kashi-meter --retry-ms soon", "'soon' 不是有效的值", "invalid int value: 'soon'"),
        ("kashi-meter --trace x.jsonl", "二者须同用", "one needs the other"),
    ],
)
def test_a_wrong_command_line_is_told_in_chinese_then_in_english(
    capsys: pytest.CaptureFixture[str], arguments: str, zh: str, en: str
) -> None:
    """One line in both, then how the command is used, then what the exit code means."""
    program, *rest = arguments.split()
    told, usage, *_more, code = said(capsys, program, rest)
    chinese, english = halves(told)

    assert zh in chinese
    assert en in english
    assert not CHINESE.search(english)
    assert told.startswith(program)
    assert usage.startswith(f"用法 usage: {program}")
    assert code.startswith("退出码 2：")
    assert "Exit code 2: " in code


@pytest.mark.parametrize(
    "arguments",
    [
        "{} status",
        "status {}",
        "--state elsewhere status {}",
        "{} relay status",
        "relay {} status",
        "relay status {}",
    ],
)
def test_what_commands_share_stands_before_a_command_or_behind_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: str
) -> None:
    """The same settings file is read; of one that stands on both sides, the nearer counts."""
    settings = tmp_path / "agent.toml"

    assert main(arguments.format(f"--config {settings}").split()) == 3
    assert str(settings) in capsys.readouterr().err


def test_of_an_option_on_both_sides_of_a_command_the_last_counts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """And one that stands before it alone is not undone by what the command has by default."""
    a_status(host_id="of-this-host").write(tmp_path / "status.json")
    before = ["--json", "--state", str(tmp_path / "elsewhere")]

    main([*before, "status", "--state", str(tmp_path)])

    assert json.loads(capsys.readouterr().out)["host_id"] == "of-this-host"


def test_what_argparse_may_say_one_day_is_told_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complaint that nobody has put into Chinese keeps its words, after a Chinese sentence."""
    monkeypatch.setattr("kashi_agent.command_line._MESSAGES", ())

    told = said(capsys, "kashi-agent", ["export"])[0]

    assert told == (
        "kashi-agent export: 命令行无法理解。the following arguments are required: FILE"
    )


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("证书已吊销。请联系主管。it is revoked", ("证书已吊销。请联系主管", "it is revoked")),
        ("理由不符。the reason is '甲。乙' here", ("理由不符", "the reason is '甲。乙' here")),
        ("已停。kashi-meter 已停。both stopped", ("已停。kashi-meter 已停", "both stopped")),
        ("已停。It stopped。", ("已停", "It stopped。")),
    ],
)
def test_a_text_with_two_chinese_full_stops_keeps_its_halves(
    text: str, both: tuple[str, str]
) -> None:
    """Each half may have full stops of its own, and the English one may quote Chinese."""
    assert halves(text) == both


@pytest.mark.parametrize("text", ["证书已吊销。请联系主管", "证书已吊销。请联系主管。", "gone", ""])
def test_a_text_in_one_language_is_both_halves(text: str) -> None:
    """Nobody is told a half of it, or nothing."""
    assert halves(text) == (text, text)


def helps(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """Whatever the help of a command says, and of the commands below it, with where it stands."""
    for place in ("description", "epilog"):
        if text := getattr(parser, place):
            yield f"{parser.prog} {place}", text
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from (
                (f"{parser.prog} {one.dest}", one.help or "") for one in action._choices_actions
            )
            for below in action.choices.values():
                yield from helps(below)
        else:
            yield f"{parser.prog} {action.metavar or action.option_strings}", action.help or ""


def test_every_help_is_in_chinese_then_in_english() -> None:
    """Of every command and option: a Chinese sentence, then an English one without Chinese."""
    found = [*helps(cli._parser()), *helps(meterd._parser())]

    assert len(found) > 100
    assert [
        (where, text)
        for where, text in found
        for zh, en in [halves(text)]
        if zh == en or not CHINESE.search(zh) or CHINESE.search(en)
    ] == []


def test_the_headings_of_a_help_are_in_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    """argparse's own words too."""
    with pytest.raises(SystemExit) as ended:
        main(["import-receipts", "--help"])

    lines = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    assert lines[0].startswith("用法 usage: kashi-agent import-receipts")
    assert {"参数 positional arguments:", "选项 options:"} < set(lines)
