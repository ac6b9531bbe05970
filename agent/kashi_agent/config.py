"""The agent's settings: `agent.toml`, read strictly.

Everything has a default; a file is not needed. An unknown table or field, a value of another type
or out of range is refused with file, line and field: a setting that is misspelt would otherwise
look as if it held.
"""

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kashi import limits

from kashi_agent.errors import ConfigError
from kashi_agent.naming import NamePolicy

CONFIG_PATH = Path("/etc/kashi/agent.toml")
STATE_FOLDER = Path("/var/lib/kashi-agent")
METER_SOCKET = Path("/run/kashi/meter.sock")

INTERVAL_SECONDS_MIN = 60
INTERVAL_SECONDS_MAX = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """The settings.

    `report_interval_seconds`: time from one report to the next, whole minutes.
    `flush_seconds`: what was measured is durable after so long at most.
    `holder_names`: what is reported of the names of holders.
    `metrics_address`: where loopback metrics are served, None: nowhere.
    """

    state_folder: Path = STATE_FOLDER
    meter_socket: Path = METER_SOCKET
    report_interval_seconds: int = 300
    flush_seconds: int = 10
    holder_names: NamePolicy = NamePolicy.NONE
    metrics_address: tuple[str, int] | None = field(default=None)

    @property
    def identity_folder(self) -> Path:
        """Keys, certificate and what the server told."""
        return self.state_folder / "identity"

    @property
    def spool_folder(self) -> Path:
        """What was measured and what was sealed."""
        return self.state_folder / "spool"

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
    """Takes the fields one by one; what is left over at the end is unknown."""

    def __init__(self, path: Path, text: str, tables: dict[str, Any]) -> None:
        self._path = path
        self._text = text
        self._tables = tables

    def config(self) -> AgentConfig:
        """All settings."""
        default = AgentConfig()
        config = AgentConfig(
            state_folder=self._folder("agent.state_folder", default.state_folder),
            meter_socket=self._folder("meter.socket", default.meter_socket),
            report_interval_seconds=self._interval(default.report_interval_seconds),
            flush_seconds=self._integer("report.flush_seconds", default.flush_seconds, 1, 10),
            holder_names=self._names(default.holder_names),
            metrics_address=self._metrics(),
        )
        for table, fields in self._tables.items():
            if not isinstance(fields, dict):
                self._refuse(table, "is unknown here; settings stand in tables")
            for name in fields:
                self._refuse(f"{table}.{name}", "is unknown")
            if table not in _TABLES:
                self._refuse(table, f"is unknown; the tables are {', '.join(_TABLES)}")
        return config

    def _interval(self, default: int) -> int:
        name = "report.interval_seconds"
        line = self._line(name)
        seconds = self._integer(name, default, INTERVAL_SECONDS_MIN, INTERVAL_SECONDS_MAX)
        if seconds % 60:
            self._refuse(name, f"is {seconds}; reports are cut at whole minutes", line)
        return seconds

    def _names(self, default: NamePolicy) -> NamePolicy:
        name = "holders.names"
        line = self._line(name)
        text = self._take(name, str, str(default))
        if text not in list(NamePolicy):
            self._refuse(name, f"is {text!r}; one of {', '.join(NamePolicy)}", line)
        return NamePolicy(text)

    def _metrics(self) -> tuple[str, int] | None:
        name = "metrics.listen"
        line = self._line(name)
        text = self._take(name, str, "")
        if not text:
            return None
        host, _, port = text.rpartition(":")
        if host not in ("127.0.0.1", "[::1]", "localhost") or not port.isdigit():
            self._refuse(name, f"is {text!r}; it must be 127.0.0.1:PORT: loopback only", line)
        if int(port) > 65_535:
            self._refuse(name, f"names port {port}", line)
        return host.strip("[]"), int(port)

    def _folder(self, name: str, default: Path) -> Path:
        line = self._line(name)
        folder = Path(self._take(name, str, str(default)))
        if not folder.is_absolute():
            self._refuse(name, f"is {str(folder)!r}; it must be an absolute path", line)
        return folder

    def _integer(self, name: str, default: int, least: int, most: int) -> int:
        line = self._line(name)
        value: int = self._take(name, int, default)
        if not least <= value <= most:
            self._refuse(name, f"is {value}; it must be {least} to {most}", line)
        return value

    def _take(self, name: str, kind: type[Any], default: Any) -> Any:
        table, _, key = name.partition(".")
        fields = self._tables.get(table, {})
        if not isinstance(fields, dict):
            self._refuse(table, "must be a table")
        if key not in fields:
            return default
        value = fields.pop(key)
        if type(value) is not kind:
            self._refuse(name, f"is {value!r}; it must be {_KINDS[kind]}", self._line(name))
        return value

    def _refuse(self, name: str, why: str, line: int | None = None) -> None:
        place = line or self._line(name)
        raise ConfigError(f"{self._path}, line {place}: {name} {why}")

    def _line(self, name: str) -> int:
        """The line of a field or table, for the message; 1 when it is written in another way."""
        table, _, key = name.partition(".")
        inside = ""
        for number, line in enumerate(self._text.splitlines(), start=1):
            header = re.match(r"\s*\[([^\[\]]+)\]", line)
            if header:
                inside = header[1].strip()
                if inside == table and not key:
                    return number
            word = re.match(r"\s*([A-Za-z0-9_.-]+)\s*=", line)
            if word and (inside, word[1]) in ((table, key), ("", name), ("", table)):
                return number
        return 1


_TABLES = ("agent", "meter", "report", "holders", "metrics")
_KINDS = {int: "a whole number", str: "a text in quotes"}

assert limits.REPORT_SPAN_MS_MAX >= INTERVAL_SECONDS_MAX * 1000
