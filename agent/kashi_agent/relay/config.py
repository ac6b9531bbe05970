"""The relay's settings: `relay.toml`, one table `[relay]`, read strictly."""

from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path

from kashi_agent.settings import SettingsReader, read_settings

CONFIG_PATH = Path("/etc/kashi/relay.toml")
STATE_FOLDER = Path("/var/lib/kashi-relay")

TABLE = "relay"


class Forward(StrEnum):
    """How reports leave the site."""

    ONLINE = "online"
    FILES = "files"
    """In files that `kashi-agent relay export` writes: nobody is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayConfig:
    """The settings.

    `listen`: HOST:PORT for the site's hosts. `names`: DNS names and IP addresses under which they
    reach it; they stand in its certificate. `proxy`: HOST:PORT of an HTTP proxy, "" for none.
    """

    state_folder: Path = STATE_FOLDER
    listen: str = "0.0.0.0:7443"
    names: tuple[str, ...] = ()
    forward: Forward = Forward.ONLINE
    proxy: str = ""

    @property
    def identity_folder(self) -> Path:
        """Keys, certificate and what the server told."""
        return self.state_folder / "identity"

    @property
    def store_path(self) -> Path:
        """Reports on their way out, receipts on their way back."""
        return self.state_folder / "relay.db"


def load_relay_config(path: Path, *, required: bool) -> RelayConfig:
    """Read the settings; the defaults where the file is absent and not required.

    Raises:
        ConfigError: the file is absent though required, or something in it is wrong.
    """
    text = read_settings(path, required=required)
    if text is None:
        return RelayConfig()
    reader, default = SettingsReader(path, text, TABLE), RelayConfig()
    names = reader.take("names", list, [])
    if not all(isinstance(name, str) and name for name in names):
        en = f"is {names!r}; it must be a list of texts"
        reader.refuse("names", f"为 {names!r}，须为文本的列表", en)
    config = RelayConfig(
        state_folder=reader.path("state_folder", default.state_folder),
        listen=reader.endpoint("listen") or default.listen,
        names=tuple(names),
        forward=reader.word("forward", Forward, default.forward),
        proxy=reader.endpoint("proxy"),
    )
    reader.finish(tuple(setting.name for setting in fields(RelayConfig)))
    return config
