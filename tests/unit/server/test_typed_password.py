"""A password that is asked for where nobody can answer."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer
from kashi_server.commands.proving import typed_password
from kashi_server.errors import InvalidValue


def test_without_an_answer_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without a terminal reads what to type instead of "Aborted"."""

    def unanswered(*_text: object, **_options: object) -> str:
        raise typer.Abort

    monkeypatch.setattr(typer, "prompt", unanswered)
    with pytest.raises(InvalidValue, match=r"没有输入 clerk 的密码.*--password-file FILE") as told:
        typed_password("clerk", None)
    assert "no password of clerk was typed" in str(told.value)


def test_a_file_is_read_without_asking(tmp_path: Path) -> None:
    """White space around it is not the password."""
    file = tmp_path / "password"
    file.write_text("secret\n", encoding="utf-8")

    assert typed_password("clerk", file) == "secret"


@pytest.mark.parametrize(
    ("stdin", "told"),
    [("", "no password of clerk was typed"), ("correct horse\n", "correct horse")],
)
def test_without_a_terminal_no_words_of_pythons_own_are_printed(stdin: str, told: str) -> None:
    """What comes by standard input is taken; where nothing does, one sentence in both languages."""
    asked = (
        "from kashi_server.commands.proving import typed_password\n"
        "from kashi_server.errors import InvalidValue\n"
        "try:\n"
        "    print(typed_password('clerk', None))\n"
        "except InvalidValue as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", asked],
        input=stdin,
        encoding="utf-8",
        capture_output=True,
        check=True,
        start_new_session=True,
    )

    assert told in done.stdout
    assert done.stderr == ""
