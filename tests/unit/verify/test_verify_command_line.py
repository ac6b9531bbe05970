"""The verifier's command line, as somebody reads it who knows Chinese first."""

import re
from datetime import UTC, datetime

import pytest
from kashi_verify.cli import UNREADABLE, _parser, run

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        ("", "缺少 pdf", "the following arguments are required: pdf"),
        ("a.pdf b.pdf", "无法识别 b.pdf", "unrecognized arguments: b.pdf"),
        ("a.pdf --root", "参数 --root：须跟一个值", "argument --root: expected one argument"),
        ("a.pdf --json=1", "参数 --json：不带值，却写了 '1'", "ignored explicit argument '1'"),
        ("a.pdf --=x", "--=x 不明确，可指 --help, ", "ambiguous option: --=x"),
    ],
)
def test_a_wrong_command_line_is_told_in_chinese_then_in_english(
    capsys: pytest.CaptureFixture[str], arguments: str, zh: str, en: str
) -> None:
    """One line in both, then how the command is used, then what the exit code means."""
    with pytest.raises(SystemExit) as ended:
        run(arguments.split(), datetime(2026, 11, 22, tzinfo=UTC))

    told, usage, *_more, code = capsys.readouterr().err.splitlines()
    chinese, english = told.split("。")
    assert ended.value.code == UNREADABLE == 2
    assert zh in chinese
    assert en in english
    assert not CHINESE.search(english)
    assert usage.startswith("用法 usage: kashi-verify")
    assert code.startswith("退出码 2：")
    assert "Exit code 2: " in code


def test_what_argparse_may_say_one_day_is_told_all_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A complaint that nobody has put into Chinese keeps its words, after a Chinese sentence."""
    monkeypatch.setattr("kashi_verify.command_line._MESSAGES", ())

    with pytest.raises(SystemExit):
        _parser().parse_args([])

    told = capsys.readouterr().err.splitlines()[0]
    assert told == "kashi-verify: 命令行无法理解。the following arguments are required: pdf"


def test_every_help_is_in_chinese_then_in_english() -> None:
    """Of every option and of the command: a Chinese sentence, then an English one."""
    parser = _parser()
    found = [parser.description, parser.epilog, *(one.help for one in parser._actions)]

    assert len(found) > 6
    for text in found:
        zh, en = (text or "").split("。")
        assert CHINESE.search(zh), text
        assert re.search("[A-Za-z]{2}", en), text
        assert not CHINESE.search(en), text
