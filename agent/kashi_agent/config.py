"""The agent's settings: `agent.toml`, a table `[agent]` and, where a key token holds the report
key, a table `[report_key]`, read strictly.

Everything has a default; a file is not needed. An unknown table or field, a value of another type
or out of range is refused with file, line and field: a setting that is misspelt would otherwise
look as if it held.
"""

from dataclasses import dataclass, fields, replace
from enum import StrEnum
from pathlib import Path

from kashi_agent.meters.vendor_choice import VendorChoice
from kashi_agent.naming import NamePolicy
from kashi_agent.settings import SettingsReader, port_of, read_settings
from kashi_agent.token_settings import TOKEN_TABLE, TokenSettings, read_token_settings

CONFIG_PATH = Path("/etc/kashi/agent.toml")
STATE_FOLDER = Path("/var/lib/kashi-agent")
METER_SOCKET = Path("/run/kashi/meter.sock")

FILES = "files"
"""As `relay`: nobody is reached, reports are carried by hand."""

TABLE = "agent"
INTERVAL_SECONDS_MIN = 60
INTERVAL_SECONDS_MAX = 3_600


class EvidenceLevel(StrEnum):
    """How much is looked at to let others judge whether the figures can be true."""

    BASIC = "basic"
    EXTENDED = "extended"
    """Also whether listed processes hold a device file, which takes CAP_SYS_PTRACE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """The settings.

    `meter`: which vendor's devices are read; auto: those of the driver that is loaded.
    `report_interval_seconds`: time from one report to the next, whole minutes.
    `flush_seconds`: what was measured is durable after so long at most.
    `holder_names`: what is reported of the names of holders.
    `reported_devices`: hardware ids of the devices that are reported, None: all; the others are
    only counted.
    `metrics_listen`: where loopback metrics are served, None: nowhere.
    `relay`: HOST:PORT of the site's relay, "files": reports are carried by hand, "": neither.
    `proxy`: HOST:PORT of the HTTP proxy to reach the server through, "": none.
    `evidence`: how much the meter looks at beside what it measures.
    `driver_root`: below it stands NVIDIA's library; a driver container keeps it elsewhere.
    `key_token`: what holds the report key, None: a file of the identity folder.
    """

    state_folder: Path = STATE_FOLDER
    meter_socket: Path = METER_SOCKET
    meter: VendorChoice = VendorChoice.AUTO
    report_interval_seconds: int = 300
    flush_seconds: int = 10
    holder_names: NamePolicy = NamePolicy.NONE
    reported_devices: frozenset[str] | None = None
    metrics_listen: tuple[str, int] | None = None
    relay: str = ""
    proxy: str = ""
    evidence: EvidenceLevel = EvidenceLevel.BASIC
    driver_root: Path = Path("/")
    key_token: TokenSettings | None = None

    @property
    def identity_folder(self) -> Path:
        """Keys, certificate and what the server told."""
        return self.state_folder / "identity"

    @property
    def spool_folder(self) -> Path:
        """What was measured and what was sealed."""
        return self.state_folder / "spool"

    @property
    def release_socket(self) -> Path:
        """Where `kashi-agent release` reaches the running agent."""
        return self.meter_socket.with_suffix(".release")

    @property
    def release_path(self) -> Path:
        """Until when the devices are released."""
        return self.state_folder / "release.json"

    @property
    def inbox_folder(self) -> Path:
        """Where files with receipts wait for the running agent."""
        return self.state_folder / "inbox"

    @property
    def live_path(self) -> Path:
        """Where the running agent shows what the meter sees: in memory, beside the socket."""
        return self.meter_socket.with_name("live.json")

    @property
    def meter_options(self) -> list[str]:
        """What the settings say to a meter that a command starts by itself."""
        chosen = ["--evidence", str(self.evidence), "--meter", str(self.meter)]
        return [*chosen, "--driver-root", str(self.driver_root)]

    @property
    def status_path(self) -> Path:
        """Where the running agent says how it is."""
        return self.state_folder / "status.json"


FIELDS = tuple(one.name for one in fields(AgentConfig) if one.name != "key_token")
"""What stands in `[agent]`."""


def load_config(path: Path, *, required: bool) -> AgentConfig:
    """Read the settings; the defaults where the file is absent and not required.

    Raises:
        ConfigError: the file is absent though required, or something in it is wrong.
    """
    text = read_settings(path, required=required)
    if text is None:
        return AgentConfig()
    config = _Reader(path, text, TABLE, TOKEN_TABLE).config()
    return replace(config, key_token=read_token_settings(path, text, TABLE))


class _Reader(SettingsReader):
    """Takes the fields of `[agent]`."""

    def config(self) -> AgentConfig:
        """All settings."""
        default = AgentConfig()
        config = AgentConfig(
            state_folder=self.path("state_folder", default.state_folder),
            meter_socket=self.path("meter_socket", default.meter_socket),
            meter=self.word("meter", VendorChoice, default.meter),
            report_interval_seconds=self._interval(default.report_interval_seconds),
            flush_seconds=self.integer("flush_seconds", default.flush_seconds, 2, 10),
            holder_names=self.word("holder_names", NamePolicy, default.holder_names),
            reported_devices=self._devices(),
            metrics_listen=self._metrics(),
            relay=self.endpoint("relay", FILES),
            proxy=self.endpoint("proxy"),
            evidence=self.word("evidence", EvidenceLevel, default.evidence),
            driver_root=self.path("driver_root", default.driver_root),
        )
        self.finish(FIELDS)
        return config

    def _interval(self, default: int) -> int:
        name = "report_interval_seconds"
        seconds = self.integer(name, default, INTERVAL_SECONDS_MIN, INTERVAL_SECONDS_MAX)
        if seconds % 60:
            en = f"is {seconds}; reports are cut at whole minutes"
            self.refuse(name, f"为 {seconds}；报告按整分钟切分", en)
        return seconds

    def _devices(self) -> frozenset[str] | None:
        name = "reported_devices"
        ids = self.take(name, list, None)
        for hardware_id in ids or ():
            if not isinstance(hardware_id, str) or not hardware_id.strip():
                en = f"names {hardware_id!r}; a device is named by its hardware id"
                self.refuse(name, f"列有 {hardware_id!r}；设备以硬件编号列出", en)
        return None if ids is None else frozenset(ids)

    def _metrics(self) -> tuple[str, int] | None:
        name = "metrics_listen"
        text = self.take(name, str, "")
        if not text:
            return None
        host, _, port = text.rpartition(":")
        number = port_of(port)
        if host not in ("127.0.0.1", "localhost") or (number is None and port != "0"):
            en = f"is {text!r}; it must be 127.0.0.1:PORT, loopback only"
            self.refuse(name, f"为 {text!r}，须为 127.0.0.1:PORT，仅限本机", en)
        return host, number or 0
