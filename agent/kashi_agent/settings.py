"""Reading a settings file strictly: one table, every field known, of its type and in its range.

A setting that is misspelt would otherwise look as if it held: file, line and field are named.
"""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kashi_agent.errors import ConfigError

_Word = TypeVar("_Word", bound=StrEnum)

_KINDS: dict[type[Any], str] = {
    int: "a whole number",
    str: "a text in quotes",
    list: "a list in brackets",
}


def read_settings(path: Path, *, required: bool) -> str | None:
    """A settings file's text; None where it is absent and not required.

    Raises:
        ConfigError: the file is absent though required, cannot be read, or is not text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if required:
            raise ConfigError(f"{path} does not exist") from error
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not text in UTF-8: byte {error.start}") from error


def port_of(text: str) -> int | None:
    """A TCP port from its digits; None: it is none. Digits of other scripts are none either."""
    port = int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
    return port if 0 < port < 65_536 else None


class SettingsReader:
    """Takes the fields of one table one by one; what is left over at the end is unknown."""

    def __init__(self, path: Path, text: str, table: str) -> None:
        """Read the file's text.

        Raises:
            ConfigError: it is no TOML, or has another table.
        """
        self._path = path
        self._text = text
        try:
            tables = tomllib.loads(text)
        except RecursionError as error:
            raise ConfigError(f"{path}: brackets stand in each other too deeply") from error
        except ValueError as error:  # TOMLDecodeError, and a number of thousands of digits
            raise ConfigError(f"{path}: {error}") from error
        for name in tables:
            if name != table:
                self.refuse(name, f"is unknown; every setting stands in [{table}]")
        self._fields: dict[str, Any] = tables.get(table, {})
        if not isinstance(self._fields, dict):
            self.refuse(table, f"must be a table: [{table}]")

    def finish(self, fields: tuple[str, ...]) -> None:
        """Refuse what was not taken; `fields`: all there are."""
        for name in self._fields:
            self.refuse(name, f"is unknown; the settings are {', '.join(fields)}")

    def word(self, name: str, words: type[_Word], default: _Word) -> _Word:
        """One of the words of an enumeration."""
        text = self.take(name, str, str(default))
        if text not in list(words):
            self.refuse(name, f"is {text!r}; one of {', '.join(words)}")
        return words(text)

    def endpoint(self, name: str, *words: str) -> str:
        """HOST:PORT, one of the words, or nothing."""
        text: str = self.take(name, str, "")
        host, _, port = text.rpartition(":")
        named = host and not re.search(r"[\s/@]", text)
        if text and text not in words and not (named and port_of(port)):
            wanted = " or ".join(("HOST:PORT", *words))
            self.refuse(name, f"is {text!r}; it must be {wanted}")
        return text

    def path(self, name: str, default: Path) -> Path:
        """An absolute path."""
        path = Path(self.take(name, str, str(default)))
        if not path.is_absolute() or "\0" in str(path):
            self.refuse(name, f"is {str(path)!r}; it must be an absolute path")
        return path

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number in a range."""
        value: int = self.take(name, int, default)
        if not least <= value <= most:
            self.refuse(name, f"is {value}; it must be {least} to {most}")
        return value

    def take(self, name: str, kind: type[Any], default: Any) -> Any:
        """A field of a type, or its default."""
        if name not in self._fields:
            return default
        value = self._fields.pop(name)
        if type(value) is not kind:
            self.refuse(name, f"is {value!r}; it must be {_KINDS[kind]}")
        return value

    def refuse(self, name: str, why: str) -> NoReturn:
        """Say what is wrong with a field."""
        raise ConfigError(f"{self._path}, line {self._line(name)}: {name} {why}")

    def _line(self, name: str) -> int:
        """The line of a field or table, for the message; 1 when it is written in another way."""
        sought = re.compile(rf"\s*(\[\s*)?[\"']?{re.escape(name)}[\"']?\s*(=|\])")
        lines = self._text.splitlines()
        return next((n for n, line in enumerate(lines, start=1) if sought.match(line)), 1)
