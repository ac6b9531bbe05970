"""Reading a settings file strictly: one table, every field known, of its type and in its range.

A setting that is misspelt would otherwise look as if it held: file, line and field are named.
"""

import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kashi_agent.errors import ConfigError, cannot_read, no_text

_Word = TypeVar("_Word", bound=StrEnum)

_KINDS: dict[type[Any], tuple[str, str]] = {
    int: ("整数", "a whole number"),
    str: ("引号中的文本", "a text in quotes"),
    list: ("方括号中的列表", "a list in brackets"),
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
            raise ConfigError(f"{path} 不存在。{path} does not exist") from error
        return None
    except OSError as error:
        raise ConfigError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(no_text(path, error)) from error


def port_of(text: str) -> int | None:
    """A TCP port from its digits; None: it is none. Digits of other scripts are none either."""
    port = int(text) if re.fullmatch("[0-9]{1,5}", text) else 0
    return port if 0 < port < 65_536 else None


class SettingsReader:
    """Takes the fields of one table one by one; what is left over at the end is unknown."""

    def __init__(self, path: Path, text: str, table: str, *beside: str) -> None:
        """Read the file's text; `beside`: tables that others read.

        Raises:
            ConfigError: it is no TOML, or has a table that nobody reads.
        """
        self._path = path
        self._text = text
        self._table = table
        try:
            tables = tomllib.loads(text)
        except RecursionError as error:
            raise ConfigError(
                f"{path} 的括号嵌套过深。{path}: brackets stand in each other too deeply"
            ) from error
        except ValueError as error:  # TOMLDecodeError, and a number of thousands of digits
            raise ConfigError(f"{path} 不是 TOML。{path} is not TOML: {error}") from error
        for name in tables:
            if name not in (table, *beside):
                known = [f"[{one}]" for one in sorted((table, *beside))]
                en = f"is unknown; every setting stands in {' or '.join(known)}"
                self.refuse(name, f"未知；全部设置都在 {' 或 '.join(known)} 中", en)
        self._fields: dict[str, Any] = tables.get(table, {})
        if not isinstance(self._fields, dict):
            self.refuse(table, f"须为表：[{table}]", f"must be a table: [{table}]")

    @property
    def empty(self) -> bool:
        """Whether the table sets nothing."""
        return not self._fields

    def needs(self, *names: str) -> None:
        """Refuse a table that lacks one of these."""
        for name in names:
            if name not in self._fields:
                self.refuse(self._table, f"缺少 {name}", f"lacks {name}")

    def printable(self, name: str, default: str, most: int) -> str:
        """A short printable text."""
        text: str = self.take(name, str, default)
        if not 0 < len(text) <= most or not text.isprintable():
            self._misfit(name, text, f"1 至 {most} 个可见字符", f"1 to {most} printable characters")
        return text

    def finish(self, fields: tuple[str, ...]) -> None:
        """Refuse what was not taken; `fields`: all there are."""
        for name in self._fields:
            known = ", ".join(fields)
            self.refuse(name, f"未知；设置有 {known}", f"is unknown; the settings are {known}")

    def word(self, name: str, words: type[_Word], default: _Word) -> _Word:
        """One of the words of an enumeration."""
        text = self.take(name, str, str(default))
        if text not in list(words):
            self._misfit(name, text, f"{'、'.join(words)} 之一", f"one of {', '.join(words)}")
        return words(text)

    def endpoint(self, name: str, *words: str) -> str:
        """HOST:PORT, one of the words, or nothing."""
        text: str = self.take(name, str, "")
        host, _, port = text.rpartition(":")
        named = host and not re.search(r"[\s/@]", text)
        if text and text not in words and not (named and port_of(port)):
            wanted = ("HOST:PORT", *words)
            self._misfit(name, text, " 或 ".join(wanted), " or ".join(wanted))
        return text

    def path(self, name: str, default: Path) -> Path:
        """An absolute path."""
        path = Path(self.take(name, str, str(default)))
        if not path.is_absolute() or "\0" in str(path):
            self._misfit(name, str(path), "绝对路径", "an absolute path")
        return path

    def integer(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number in a range."""
        value: int = self.take(name, int, default)
        if not least <= value <= most:
            self._misfit(name, value, f"{least} 至 {most}", f"{least} to {most}")
        return value

    def take(self, name: str, kind: type[Any], default: Any) -> Any:
        """A field of a type, or its default."""
        if name not in self._fields:
            return default
        value = self._fields.pop(name)
        if type(value) is not kind:
            self._misfit(name, value, *_KINDS[kind])
        return value

    def refuse(self, name: str, zh: str, en: str) -> NoReturn:
        """Say what is wrong with a field, in Chinese and in English."""
        path, line = self._path, self._line(name)
        raise ConfigError(f"{path} 第 {line} 行：{name} {zh}。{path}, line {line}: {name} {en}")

    def _misfit(self, name: str, value: object, zh: str, en: str) -> NoReturn:
        """Say what a field is and what it must be."""
        self.refuse(name, f"为 {value!r}，须为 {zh}", f"is {value!r}; it must be {en}")

    def _line(self, name: str) -> int:
        """The line of a field or table, for the message; 1 when it is written in another way."""
        sought = re.compile(rf"\s*(\[\s*)?[\"']?{re.escape(name)}[\"']?\s*(=|\])")
        lines = self._text.splitlines()
        return next((n for n, line in enumerate(lines, start=1) if sought.match(line)), 1)
