"""When months close: `closing.toml` in the server's directory, read strictly; optional.

    online_working_days = 3          # hosts that report over the network
    carried_working_days = 15        # hosts whose reports are carried in files
    waits_for_carried = false        # true: months wait for carried files
    holidays = [2026-10-01, …]       # published working days that are not worked
    worked_weekends = [2026-10-10]   # published weekend days that are (调休)

Without the file months wait three working days. A demonstration waits for nothing.
"""

import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from kashi_server.domain.closing_day import ClosingCalendar
from kashi_server.errors import ConfigurationError, InvalidValue

FILE: Final = "closing.toml"
_DAYS: Final = ("holidays", "worked_weekends")
_COUNTS: Final = ("online_working_days", "carried_working_days")
_TRUTHS: Final = ("waits_for_carried",)


def read_calendar(directory: Path) -> ClosingCalendar:
    """The closing calendar of a server's directory; the default where the file is absent.

    Raises:
        ConfigurationError: the file has a mistake; the message names file, line and field.
    """
    path = directory / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ClosingCalendar()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {path}。{path} cannot be read: {error}") from error
    try:
        said = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} 不是有效的 TOML。{path}: not TOML: {error}") from error
    mistakes = [f"{path}:{_line(text, name)}: {name}: {what}" for name, what in _mistakes(said)]
    if mistakes:
        raise ConfigurationError("\n".join(mistakes))
    values: dict[str, Any] = {
        name: frozenset(said[name]) if name in _DAYS else said[name] for name in said
    }
    try:
        return ClosingCalendar(**values)
    except InvalidValue as error:
        raise ConfigurationError(f"{path}: {error}") from error


def _mistakes(said: Mapping[str, Any]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, value in said.items():
        if name in _DAYS:
            if not isinstance(value, list) or not all(map(_is_day, value)):
                found.append(
                    (
                        name,
                        (
                            "须为日期列表，如 [2026-10-01]。"
                            "must be a list of bare days, like [2026-10-01]"
                        ),
                    )
                )
        elif name in _COUNTS:
            if not isinstance(value, int) or isinstance(value, bool):
                found.append((name, ("须为整数个工作日。must be a whole number of working days")))
        elif name in _TRUTHS:
            if not isinstance(value, bool):
                found.append((name, ("须为 true 或 false。must be true or false")))
        else:
            found.append((name, ("没有此字段。there is no such field")))
    return found


def _is_day(value: object) -> bool:
    return isinstance(value, date) and not isinstance(value, datetime)


def _line(text: str, name: str) -> int:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.split("=")[0].strip() == name:
            return number
    return 1
