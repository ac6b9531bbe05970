"""Where a report key is held: the settings of a key token, its module's path, its PIN's file."""

import os
from pathlib import Path

import pytest
from kashi_agent.config import AgentConfig, load_config
from kashi_agent.errors import ConfigError, KeyTokenError
from kashi_agent.token_files import RefusedPin, check_module, read_pin
from kashi_agent.token_settings import TokenSettings

WHOLE = """\
[agent]
flush_seconds = 5

[report_key]
module = "/usr/lib/softhsm/libsofthsm2.so"
token = "kashi"
pin_file = "/etc/kashi/token.pin"
"""


def written(folder: Path, text: str) -> Path:
    """A settings file."""
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return path


def settings(folder: Path, pin: str = "2468\n", mode: int = 0o600) -> TokenSettings:
    """A token's settings with a PIN file."""
    path = folder / "token.pin"
    path.write_text(pin, encoding="utf-8")
    path.chmod(mode)
    return TokenSettings(module=Path("/usr/lib/p11.so"), token="kashi", pin_file=path)


def test_a_key_token_is_named_in_a_table_of_its_own(tmp_path: Path) -> None:
    """Module, token and PIN file; the key's label has a default; the other table is as it was."""
    config = load_config(written(tmp_path, WHOLE), required=True)

    assert config.flush_seconds == 5
    assert config.key_token == TokenSettings(
        module=Path("/usr/lib/softhsm/libsofthsm2.so"),
        token="kashi",
        pin_file=Path("/etc/kashi/token.pin"),
        label="kashi-report",
    )


@pytest.mark.parametrize("text", ["", "[agent]\n", "[report_key]\n", "[agent]\n[report_key]\n"])
def test_a_table_that_sets_nothing_is_none(tmp_path: Path, text: str) -> None:
    """The key is in a file then, as ever."""
    assert load_config(written(tmp_path, text), required=True) == AgentConfig()


@pytest.mark.parametrize(
    ("wrong", "line", "what"),
    [
        ('[report_key]\ntoken = "kashi"\n', 1, "report_key lacks module"),
        ('[report_key]\nmodule = "/a.so"\ntoken = "kashi"\n', 1, "report_key lacks pin_file"),
        (WHOLE.replace('"/usr', '"usr'), 5, "module is .*it must be an absolute path"),
        (WHOLE.replace('"kashi"', '""'), 6, "token is ''; it must be 1 to 64 printable"),
        (WHOLE.replace('"kashi"', '"a\\tb"'), 6, "token is .*it must be 1 to 64 printable"),
        (f'{WHOLE}pin = "2468"\n', 8, "pin is unknown; the settings are module, token, pin_file"),
        (f"{WHOLE}[relay]\n", 8, r"relay is unknown; .* \[agent\] or \[report_key\]"),
        ("report_key = 1\n", 1, "report_key must be a table"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, wrong: str, line: int, what: str) -> None:
    """File, line and field; a PIN is no setting, it stands in a file of its own."""
    with pytest.raises(ConfigError, match=rf"agent.toml, line {line}: {what}"):
        load_config(written(tmp_path, wrong), required=True)


def test_a_pin_stands_alone_on_the_line_of_its_file(tmp_path: Path) -> None:
    """Without its newline; and it is in no text that is shown of it."""
    pin = read_pin(settings(tmp_path))

    assert pin.text == "2468"
    assert "2468" not in repr(pin)


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o666])
def test_a_pin_that_others_can_read_or_change_is_not_used(tmp_path: Path, mode: int) -> None:
    """The next step is a command; root and the agent's group alone may read it."""
    with pytest.raises(KeyTokenError, match=r"was not used; run: chown root:kashi-agent .*0640"):
        read_pin(settings(tmp_path, mode=mode))
    assert read_pin(settings(tmp_path, mode=0o640)).text == "2468"


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to give a file away")
def test_a_pin_of_another_user_or_group_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the agent's user: another's file, or one that another group reads too."""
    found = settings(tmp_path, mode=0o640)
    monkeypatch.setattr(os, "geteuid", lambda: 4_711)
    monkeypatch.setattr(os, "getegid", lambda: 4_711)
    monkeypatch.setattr(os, "getgroups", list)
    os.chown(found.pin_file, 0, 4_711)
    assert read_pin(found).text == "2468"

    for owner, group in ((0, 815), (815, 4_711)):
        os.chown(found.pin_file, owner, group)
        with pytest.raises(KeyTokenError, match=f"uid {owner} gid {group} mode 0640"):
            read_pin(found)


@pytest.mark.parametrize("content", ["", "\n", "24\n68\n", "2468\0", "9" * 300])
def test_what_is_no_pin_is_not_tried(tmp_path: Path, content: str) -> None:
    """A try costs: an empty or damaged file is known before."""
    with pytest.raises(KeyTokenError, match="holds no PIN"):
        read_pin(settings(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [b"24\xc468\n", "２４６８".encode("gb18030"), "\ufeff2468\n".encode(), "2468".encode("utf-16")],
)
def test_a_pin_in_another_encoding_is_not_tried(tmp_path: Path, content: bytes) -> None:
    """What an editor made of it is known before it costs one of the token's few tries."""
    named = settings(tmp_path)
    named.pin_file.write_bytes(content)
    with pytest.raises(KeyTokenError, match="as UTF-8 without a byte order mark"):
        read_pin(named)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_pins_line_ends_as_any_editor_ends_it(tmp_path: Path, end: str) -> None:
    """The end is none of the PIN."""
    assert read_pin(settings(tmp_path, f"2468{end}")).text == "2468"


def test_an_absent_pin_file_is_named(tmp_path: Path) -> None:
    """With its path."""
    absent = settings(tmp_path)
    absent.pin_file.unlink()

    with pytest.raises(KeyTokenError, match=r"token.pin cannot be read: No such file"):
        read_pin(absent)


def test_a_refused_pin_is_remembered_by_every_process_until_its_file_is_written_anew(
    tmp_path: Path,
) -> None:
    """By a note without a secret; the same PIN for another token is another."""
    named = settings(tmp_path)
    pin = read_pin(named)
    RefusedPin(tmp_path / "note").note(pin)

    with pytest.raises(KeyTokenError, match="no other try is made until that file is written anew"):
        RefusedPin(tmp_path / "note").check(pin, named.pin_file)
    assert b"2468" not in (tmp_path / "note").read_bytes()
    anew = read_pin(settings(tmp_path, "1357\n"))
    RefusedPin(tmp_path / "note").check(anew, named.pin_file)


def test_a_module_that_another_user_could_exchange_is_not_loaded(tmp_path: Path) -> None:
    """It would get the PIN; the first place on its path that is not root's alone is named."""
    module = tmp_path / "p11.so"
    module.touch()
    module.chmod(0o666)

    with pytest.raises(KeyTokenError, match=r"exchanged by another user than root .*uid .* mode"):
        check_module(module)
    with pytest.raises(KeyTokenError, match=r"There is no PKCS#11 module .*absent.so .*not_found"):
        check_module(Path("/usr/lib/absent.so"))
