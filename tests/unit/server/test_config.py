"""The server's settings: read strictly; every mistake names file, line and field."""

from pathlib import Path

import pytest
from kashi_server.config import Endpoint, read_config
from kashi_server.errors import ConfigurationError, InvalidValue

GOOD = """\
[server]
organisation = "深圳市算力服务中心"
addresses = ["kashi.example.cn", "192.0.2.7"]

[database]
url = "sqlite:///kashi.sqlite"

[metering]
listen = "0.0.0.0:7443"

[enrolment]
listen = "0.0.0.0:7444"

[portal]
listen = "127.0.0.1:8443"
tls = false

[metrics]
listen = "127.0.0.1:9464"
"""


def _write(directory: Path, text: str) -> None:
    (directory / "server.toml").write_text(text, encoding="utf-8")


def test_settings_are_read(tmp_path: Path) -> None:
    """A file without mistakes is read; a relative database stands in the server's directory."""
    _write(tmp_path, GOOD)
    config = read_config(tmp_path)

    assert config.public_address == "kashi.example.cn"
    assert config.sqlite_path == tmp_path / "kashi.sqlite"
    assert config.portal_url == config.ingest_url == config.database_url
    assert (config.metering, config.demo) == (Endpoint(host="0.0.0.0", port=7443), False)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("tls = false", "tsl = false", 16, "portal.tsl: there is no such field"),
        ("tls = false", "", 14, "portal.tls is missing"),
        ("tls = false", 'tls = "no"', 16, "portal.tls must be true or false"),
        ("[metrics]", "[metric]", 18, "there is no section [metric]"),
        ("0.0.0.0:7443", "0.0.0.0", 9, "is not address:port"),
        ("0.0.0.0:7443", "0.0.0.0:70000", 9, "70000 is not a port"),
        ("0.0.0.0:7444", "kashi.example:1", 12, "is not an IP address to listen on"),
        ("127.0.0.1:8443", "0.0.0.0:8443", 16, "can be reached from other machines"),
        ('["kashi.example.cn", "192.0.2.7"]', "[]", 3, "at least one address"),
        ('["kashi.example.cn", "192.0.2.7"]', '["Kashi!"]', 3, "neither a DNS name"),
        ('["kashi.example.cn", "192.0.2.7"]', "[7]", 3, "server.addresses must be a list of texts"),
        ("sqlite:///kashi.sqlite", "mysql://root:secret@db", 6, "database.url must begin with"),
        ('"深圳市算力服务中心"', '"  "', 2, "server.organisation must have 1 to 64"),
    ],
)
def test_mistake_is_named(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    """File, line and field of a mistake stand in the error, and no password."""
    _write(tmp_path, GOOD.replace(old, new))

    with pytest.raises(ConfigurationError) as caught:
        read_config(tmp_path)

    message = str(caught.value)
    assert f"{tmp_path / 'server.toml'}:{line}: " in message
    assert says in message
    assert "secret" not in message


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    """Two mistakes cost one run, not two."""
    _write(tmp_path, GOOD.replace("tls = false", "").replace("[metrics]", "[metric]"))

    with pytest.raises(ConfigurationError) as caught:
        read_config(tmp_path)

    assert len(str(caught.value).splitlines()) == 3


def test_missing_file_says_how_to_begin(tmp_path: Path) -> None:
    """Where there is no server, the error says how one is made."""
    with pytest.raises(ConfigurationError, match="kashi-server init"):
        read_config(tmp_path)


def test_text_that_is_no_toml(tmp_path: Path) -> None:
    """TOML's own complaint, with its line, reaches the reader."""
    _write(tmp_path, "[server\n")

    with pytest.raises(ConfigurationError, match="line 1"):
        read_config(tmp_path)


@pytest.mark.parametrize("text", ["", "7443", ":7443", "127.0.0.1:", "127.0.0.1:٣", "[::1]:-1"])
def test_endpoint_refuses(text: str) -> None:
    """What is no address and port is refused."""
    with pytest.raises(InvalidValue):
        Endpoint.parse(text)


def test_endpoint_of_ipv6() -> None:
    """IPv6 addresses stand in brackets, as everywhere."""
    endpoint = Endpoint.parse("[::1]:7443")

    assert endpoint.is_loopback
    assert str(endpoint) == "[::1]:7443"
