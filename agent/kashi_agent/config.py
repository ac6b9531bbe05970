"""The agent's settings: `agent.toml`, one table `[agent]`, read strictly.

Everything has a default; a file is not needed. An unknown table or field, a value of another type
or out of range is refused with file, line and field: a setting that is misspelt would otherwise
look as if it held.
"""

import re
import tomllib
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kashi_agent.errors import ConfigError
from kashi_agent.meters.vendor_choice import VendorChoice
from kashi_agent.naming import NamePolicy

CONFIG_PATH = Path("/etc/kashi/agent.toml")
STATE_FOLDER = Path("/var/lib/kashi-agent")
METER_SOCKET = Path("/run/kashi/meter.sock")

TABLE = "agent"
FIELDS = (
    "state_folder",
    "meter_socket",
    "meter",
    "report_interval_seconds",
    "flush_seconds",
    "holder_names",
    "metrics_listen",
    "evidence",
)

INTERVAL_SECONDS_MIN = 60
INTERVAL_SECONDS_MAX = 3_600

_Word = TypeVar("_Word", bound=StrEnum)


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
    `metrics_address`: where loopback metrics are served, None: nowhere.
    `evidence`: how much the meter looks at beside what it measures.
    """

    state_folder: Path = STATE_FOLDER
    meter_socket: Path = METER_SOCKET
    meter: VendorChoice = VendorChoice.AUTO
    report_interval_seconds: int = 300
    flush_seconds: int = 10
    holder_names: NamePolicy = NamePolicy.NONE
    metrics_address: tuple[str, int] | None = field(default=None)
    evidence: EvidenceLevel = EvidenceLevel.BASIC

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
    def status_path(self) -> Path:
        """Where the running agent says how it is."""
        return self.state_folder / "status.json"


def load_config(path: Path, *, required: bool) -> AgentConfig:
    """Read the settings; the defaults where the file is absent and not required.

    Raises:
        ConfigError: the file is absent though required, or something in it is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if required:
            raise ConfigError(f"{path} does not exist") from error
        return AgentConfig()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    return _Reader(path, text, tables).config()


class _Reader:
    """Takes the fields of `[agent]` one by one; what is left over at the end is unknown."""

    def __init__(self, path: Path, text: str, tables: dict[str, Any]) -> None:
        self._path = path
        self._text = text
        for name in tables:
            if name != TABLE:
                self._refuse(name, f"is unknown; every setting stands in [{TABLE}]")
        self._fields: dict[str, Any] = tables.get(TABLE, {})
        if not isinstance(self._fields, dict):
            self._refuse(TABLE, f"must be a table: [{TABLE}]")

    def config(self) -> AgentConfig:
        """All settings."""
        default = AgentConfig()
        config = AgentConfig(
            state_folder=self._path_of("state_folder", default.state_folder),
            meter_socket=self._path_of("meter_socket", default.meter_socket),
            meter=self._word("meter", VendorChoice, default.meter),
            report_interval_seconds=self._interval(default.report_interval_seconds),
            flush_seconds=self._integer("flush_seconds", default.flush_seconds, 2, 10),
            holder_names=self._word("holder_names", NamePolicy, default.holder_names),
            metrics_address=self._metrics(),
            evidence=self._word("evidence", EvidenceLevel, default.evidence),
        )
        for name in self._fields:
            self._refuse(name, f"is unknown; the settings are {', '.join(FIELDS)}")
        return config

    def _interval(self, default: int) -> int:
        name = "report_interval_seconds"
        seconds = self._integer(name, default, INTERVAL_SECONDS_MIN, INTERVAL_SECONDS_MAX)
        if seconds % 60:
            self._refuse(name, f"is {seconds}; reports are cut at whole minutes")
        return seconds

    def _word(self, name: str, words: type[_Word], default: _Word) -> _Word:
        text = self._take(name, str, str(default))
        if text not in list(words):
            self._refuse(name, f"is {text!r}; one of {', '.join(words)}")
        return words(text)

    def _metrics(self) -> tuple[str, int] | None:
        name = "metrics_listen"
        text = self._take(name, str, "")
        if not text:
            return None
        host, _, port = text.rpartition(":")
        if host not in ("127.0.0.1", "localhost") or not port.isdigit():
            self._refuse(name, f"is {text!r}; it must be 127.0.0.1:PORT, loopback only")
        if int(port) > 65_535:
            self._refuse(name, f"names port {port}")
        return host, int(port)

    def _path_of(self, name: str, default: Path) -> Path:
        path = Path(self._take(name, str, str(default)))
        if not path.is_absolute():
            self._refuse(name, f"is {str(path)!r}; it must be an absolute path")
        return path

    def _integer(self, name: str, default: int, least: int, most: int) -> int:
        value: int = self._take(name, int, default)
        if not least <= value <= most:
            self._refuse(name, f"is {value}; it must be {least} to {most}")
        return value

    def _take(self, name: str, kind: type[Any], default: Any) -> Any:
        if name not in self._fields:
            return default
        value = self._fields.pop(name)
        if type(value) is not kind:
            self._refuse(name, f"is {value!r}; it must be {_KINDS[kind]}")
        return value

    def _refuse(self, name: str, why: str) -> NoReturn:
        raise ConfigError(f"{self._path}, line {self._line(name)}: {name} {why}")

    def _line(self, name: str) -> int:
        """The line of a field or table, for the message; 1 when it is written in another way."""
        sought = re.compile(rf"\s*(\[\s*)?[\"']?{re.escape(name)}[\"']?\s*(=|\])")
        lines = self._text.splitlines()
        return next((n for n, line in enumerate(lines, start=1) if sought.match(line)), 1)


_KINDS = {int: "a whole number", str: "a text in quotes"}
