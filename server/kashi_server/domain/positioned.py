"""TOML with positions: where in a file each key stands, so that a mistake can name its line.

`tomllib` decides what the text means; this scan runs over text that it accepted and only notes
line numbers of tables and keys, so a slip here costs a line number and never a value.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from kashi_server.errors import ImportRefused

Path = tuple[str | int, ...]

IS_MISSING: Final = "缺少此字段。is missing"
NO_SUCH_FIELD: Final = "没有此字段。there is no such field"

_KEY = re.compile(r"""\s*(?:([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"|'([^']*)')\s*""")
_STRING = re.compile(
    r"""\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""",
    re.DOTALL,
)
_ERROR_LINE = re.compile(r"at line (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mistake:
    """A mistake in a file: `field` like `price[2].yuan`, line counted from 1."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}"
        return (
            f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"
        )


class MistakesFound(ImportRefused):
    """Every mistake of the files at once; nothing of them was taken."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(set(mistakes)))
        listed = "\n".join(f"  {mistake}" for mistake in self.mistakes)
        count = len(self.mistakes)
        super().__init__(
            f"{count} 处错误，未接收任何内容。"
            f"{count} mistake{'s' if count != 1 else ''}; nothing was taken:\n{listed}"
        )


@dataclass(frozen=True, slots=True)
class Positioned:
    """A parsed file and the line of every table and key."""

    file: str
    content: dict[str, object]
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int:
        """The line of a key, or of the closest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def mistake(self, path: Path, message: str) -> Mistake:
        """A mistake at a key."""
        return Mistake(
            file=self.file, line=self.line_of(path), field=field_text(path), message=message
        )


def field_text(path: Path) -> str:
    """`("price", 1, "yuan")` as `price[2].yuan`: people count from one."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def parse_positioned(text: str, file: str) -> Positioned:
    """Parse TOML and note positions.

    Raises:
        MistakesFound: it is not TOML; the line is named.
    """
    try:
        content: dict[str, object] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Also of numbers without end and of brackets within brackets, which are TOML for others.
        found = _ERROR_LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise MistakesFound(
            [Mistake(file=file, line=line, field="", message=f"不是 TOML。not TOML: {error}")]
        ) from error
    return Positioned(file, content, _Scan(text.replace("\r\n", "\n")).run())


class _Scan:
    """One pass over accepted TOML."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0
        self.line = 1
        self.table: Path = ()
        self.counts: dict[Path, int] = {}
        self.lines: dict[Path, int] = {}

    def run(self) -> dict[Path, int]:
        while self._skip_blank():
            if self.text[self.place] == "[":
                self._header()
            else:
                start = self.line
                self._note(self.table, self._keys("="), start)
                self._value()
        return self.lines

    def _advance(self, until: int) -> None:
        self.line += self.text.count("\n", self.place, until)
        self.place = until

    def _skip_blank(self) -> bool:
        while self.place < len(self.text):
            if self.text[self.place] == "#":
                self._skip_comment()
            elif self.text[self.place] in " \t\n":
                self._advance(self.place + 1)
            else:
                return True
        return False

    def _skip_comment(self) -> None:
        end = self.text.find("\n", self.place)
        self._advance(len(self.text) if end < 0 else end)

    def _keys(self, stop: str) -> Sequence[str]:
        keys: list[str] = []
        while True:
            match = _KEY.match(self.text, self.place)
            if match is None:  # pragma: no cover - tomllib accepted the text
                raise AssertionError(f"line {self.line}: no key where tomllib saw one")
            keys.append(next(group for group in match.groups() if group is not None))
            self._advance(match.end() + 1)
            if self.text[self.place - 1] == stop:
                return keys

    def _header(self) -> None:
        start, many = self.line, self.text.startswith("[[", self.place)
        self._advance(self.place + (2 if many else 1))
        keys = self._keys("]")
        if many:
            self._advance(self.place + 1)
        path: Path = (*self._resolve(keys[:-1]), keys[-1])
        self.lines.setdefault(path, start)
        if many:
            self.counts[path] = self.counts.get(path, 0) + 1
            path += (self.counts[path] - 1,)
        self.lines.setdefault(path, start)
        self.table = path

    def _resolve(self, keys: Sequence[str]) -> Path:
        path: Path = ()
        for key in keys:
            path += (key,)
            if path in self.counts:
                path += (self.counts[path] - 1,)
        return path

    def _note(self, table: Path, keys: Sequence[str], line: int) -> None:
        for depth in range(1, len(keys) + 1):
            self.lines.setdefault(table + tuple(keys[:depth]), line)

    def _value(self) -> None:
        depth = 0
        while self.place < len(self.text):
            here = self.text[self.place]
            string = _STRING.match(self.text, self.place) if here in "\"'" else None
            if string is not None:
                self._advance(string.end())
                continue
            if here == "#":
                self._skip_comment()
                continue
            if here == "\n" and depth == 0:
                return
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(here, 0)
            self._advance(self.place + 1)
