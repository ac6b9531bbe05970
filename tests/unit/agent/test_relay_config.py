"""The relay's settings, and those of a host behind one: file, line and field of every mistake."""

from pathlib import Path

import pytest
from kashi_agent.config import load_config
from kashi_agent.errors import ConfigError
from kashi_agent.relay.config import Forward, RelayConfig, load_relay_config


def written(tmp_path: Path, text: str) -> Path:
    """A settings file."""
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_setting_of_a_relay_is_read(tmp_path: Path) -> None:
    """As it stands in the file."""
    path = written(
        tmp_path,
        '[relay]\nstate_folder = "/srv/relay"\nlisten = "10.0.0.7:7443"\n'
        'names = ["relay.site.example", "10.0.0.7"]\nforward = "files"\nproxy = "proxy:3128"\n',
    )

    assert load_relay_config(path, required=True) == RelayConfig(
        state_folder=Path("/srv/relay"),
        listen="10.0.0.7:7443",
        names=("relay.site.example", "10.0.0.7"),
        forward=Forward.FILES,
        proxy="proxy:3128",
    )


def test_a_relay_without_a_file_has_defaults(tmp_path: Path) -> None:
    """A file that was named must be there."""
    assert load_relay_config(tmp_path / "none", required=False) == RelayConfig()
    with pytest.raises(ConfigError, match="does not exist"):
        load_relay_config(tmp_path / "none", required=True)


def test_settings_of_a_relay_that_are_no_text_are_named(tmp_path: Path) -> None:
    """A wrong encoding is a mistake in the file like any other."""
    path = tmp_path / "relay.toml"
    path.write_bytes(b"\xff\xfe[relay]")

    with pytest.raises(ConfigError, match=r"relay\.toml is not text in UTF-8: byte 0"):
        load_relay_config(path, required=True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('listen = "7443"', "line 2: listen is '7443'; it must be HOST:PORT"),
        ("listen = 7443", "line 2: listen is 7443; it must be a text"),
        ('names = "relay"', "line 2: names is 'relay'; it must be a list"),
        ("names = [1]", "line 2: names is .*; it must be a list of texts"),
        ('forward = "mail"', "line 2: forward is 'mail'; it must be one of online, files"),
        ('proxy = "http://proxy:1"', "line 2: proxy is 'http://proxy:1'; it must be HOST:PORT"),
        ('proxy = "user@proxy:1"', "line 2: proxy"),
        ('proxy = "proxy:70000"', "line 2: proxy"),
        ('state_folder = "relay"', "line 2: state_folder .* absolute"),
        ("colour = 1", "line 2: colour is unknown"),
    ],
)
def test_a_wrong_setting_of_a_relay_is_named(tmp_path: Path, line: str, said: str) -> None:
    """File, line and field, exit code 3."""
    path = written(tmp_path, f"[relay]\n{line}\n")

    with pytest.raises(ConfigError, match=said) as why:
        load_relay_config(path, required=True)
    assert str(why.value).startswith(str(path))
    assert why.value.exit_code == 3


@pytest.mark.parametrize(
    ("line", "relay", "proxy"),
    [
        ('relay = "relay.site:7443"', "relay.site:7443", ""),
        ('relay = "files"', "files", ""),
        ('proxy = "10.0.0.1:3128"', "", "10.0.0.1:3128"),
        ('relay = ""', "", ""),
    ],
)
def test_a_hosts_way_is_a_setting(tmp_path: Path, line: str, relay: str, proxy: str) -> None:
    """The site's relay, files, or a proxy."""
    config = load_config(written(tmp_path, f"[agent]\n{line}\n"), required=True)

    assert (config.relay, config.proxy) == (relay, proxy)


@pytest.mark.parametrize(
    "line", ['relay = "mail"', 'relay = "a b:1"', "relay = 1", 'proxy = "files"']
)
def test_a_wrong_way_of_a_host_is_named(tmp_path: Path, line: str) -> None:
    """File, line and field."""
    field = line.partition(" ")[0]
    with pytest.raises(ConfigError, match=rf"line 2: {field} is .*; it must be"):
        load_config(written(tmp_path, f"[agent]\n{line}\n"), required=True)
